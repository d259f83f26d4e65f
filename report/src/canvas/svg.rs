//! A scene as an SVG element.

use super::{Anchor, Colour, Label, Mark, Point, Scene, Stroke};

/// Escapes text for XML and HTML, in content and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

pub(super) fn to_svg(scene: &Scene, description: &str) -> String {
    let (w, h) = (number(scene.width), number(scene.height));
    let mut out = format!(
        "<svg viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{}\" \
         class=\"figure\">",
        escape(description)
    );
    for mark in &scene.marks {
        match mark {
            Mark::Path {
                points,
                closed,
                fill,
                stroke,
                note,
            } => {
                let attributes = format!("d=\"{}\"{}", path(points, *closed), paint(*fill, *stroke));
                element(&mut out, "path", &attributes, note.as_deref());
            }
            Mark::Circle {
                centre,
                radius,
                fill,
                stroke,
                note,
            } => {
                let attributes = format!(
                    "cx=\"{}\" cy=\"{}\" r=\"{}\"{}",
                    number(centre[0]),
                    number(centre[1]),
                    number(*radius),
                    paint(*fill, *stroke)
                );
                element(&mut out, "circle", &attributes, note.as_deref());
            }
            Mark::Text(label) => text(&mut out, label),
        }
    }
    out.push_str("</svg>");
    out
}

fn element(out: &mut String, tag: &str, attributes: &str, note: Option<&str>) {
    let body = note.map_or(String::new(), |note| format!("<title>{}</title>", escape(note)));
    if body.is_empty() {
        out.extend(["<", tag, " ", attributes, "/>"]);
    } else {
        out.extend(["<", tag, " ", attributes, ">", &body, "</", tag, ">"]);
    }
}

fn path(points: &[Point], closed: bool) -> String {
    let mut d = String::with_capacity(points.len() * 12);
    for (k, point) in points.iter().enumerate() {
        d.push(if k == 0 { 'M' } else { 'L' });
        d.push_str(&number(point[0]));
        d.push(' ');
        d.push_str(&number(point[1]));
    }
    if closed {
        d.push('Z');
    }
    d
}

fn paint(fill: Option<Colour>, stroke: Option<Stroke>) -> String {
    let mut out = match fill {
        None => " fill=\"none\"".to_owned(),
        Some(colour) => format!(" fill=\"{}\"{}", colour.hex(), opacity("fill-opacity", colour)),
    };
    if let Some(stroke) = stroke {
        out.extend([format!(
            " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}",
            stroke.colour.hex(),
            number(stroke.width),
            opacity("stroke-opacity", stroke.colour)
        )]);
        if let Some([dash, gap]) = stroke.dash {
            out.extend([format!(" stroke-dasharray=\"{} {}\"", number(dash), number(gap))]);
        }
    }
    out
}

fn opacity(name: &str, colour: Colour) -> String {
    if colour.opacity < 1.0 {
        format!(" {name}=\"{}\"", number(colour.opacity))
    } else {
        String::new()
    }
}

fn text(out: &mut String, label: &Label) {
    let [x, y] = label.at.map(number);
    let anchor = match label.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if label.bold { " font-weight=\"600\"" } else { "" };
    let turn = if label.upright {
        format!(" transform=\"rotate(-90 {x} {y})\"")
    } else {
        String::new()
    };
    out.extend([format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"{}{anchor}{weight}{turn}>{}</text>",
        number(label.size),
        label.colour.hex(),
        opacity("fill-opacity", label.colour),
        escape(&label.text)
    )]);
}

/// A coordinate with at most two decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
