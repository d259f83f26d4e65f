//! A self-contained page: markup helpers, the style sheet, and the few lines of script.

use base64::Engine;

pub(crate) use crate::canvas::escape;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page being written: sections in order, from which the contents list is made.
pub(crate) struct Page {
    title: String,
    header: String,
    sections: Vec<Section>,
}

struct Section {
    id: String,
    title: String,
    body: String,
}

impl Page {
    pub(crate) fn new(title: impl Into<String>, header: String) -> Self {
        Self {
            title: title.into(),
            header,
            sections: Vec::new(),
        }
    }

    /// Adds a section, unless it has nothing to say.
    pub(crate) fn section(&mut self, title: impl Into<String>, body: String) {
        if !body.is_empty() {
            let id = format!("s{}", self.sections.len() + 1);
            self.sections.push(Section {
                id,
                title: title.into(),
                body,
            });
        }
    }

    /// The whole document.
    pub(crate) fn finish(&self) -> String {
        let title = escape(&self.title);
        let contents: Vec<String> = self
            .sections
            .iter()
            .map(|s| format!("<li><a href=\"#{}\">{}</a></li>", s.id, escape(&s.title)))
            .collect();
        let body: Vec<String> = self
            .sections
            .iter()
            .map(|s| {
                format!(
                    "<section id=\"{}\"><h2>{}</h2>\n{}</section>\n",
                    s.id,
                    escape(&s.title),
                    s.body
                )
            })
            .collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <header>{}</header>\n<nav aria-label=\"Contents\"><ol>{}</ol></nav>\n{}</main>\n\
             <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            self.header,
            contents.concat(),
            body.concat()
        )
    }
}

/// A table; cells are markup. Numbers stand at the right, the first `text_columns` at the left.
pub(crate) fn table(header: &[&str], text_columns: usize, rows: &[Vec<String>]) -> String {
    let class = |k: usize| if k < text_columns { "" } else { " class=\"n\"" };
    let head: Vec<String> = header
        .iter()
        .enumerate()
        .map(|(k, name)| format!("<th{}>{}</th>", class(k), escape(name)))
        .collect();
    let body: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(k, cell)| format!("<td{}>{cell}</td>", class(k)))
                .collect();
            format!("<tr>{}</tr>\n", cells.concat())
        })
        .collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{}</tr></thead>\n<tbody>{}</tbody></table></div>\n",
        head.concat(),
        body.concat()
    )
}

/// A figure with its caption.
pub(crate) fn figure(markup: &str, caption: &str) -> String {
    format!(
        "<figure>{markup}<figcaption>{}</figcaption></figure>\n",
        escape(caption)
    )
}

/// An embedded PNG picture, `width` pixels wide on the page.
pub(crate) fn picture(png: &[u8], width: f64, description: &str) -> String {
    let data = base64::engine::general_purpose::STANDARD.encode(png);
    format!(
        "<img src=\"data:image/png;base64,{data}\" width=\"{width:.0}\" alt=\"{}\"/>",
        escape(description)
    )
}

/// Alternatives under buttons; without script, and on paper, all are shown one after the other.
pub(crate) fn tabs(entries: &[(String, String)]) -> String {
    if let [(_, body)] = entries {
        return body.clone();
    }
    let panels: Vec<String> = entries
        .iter()
        .map(|(name, body)| {
            let name = escape(name);
            format!("<div class=\"tab\" data-name=\"{name}\"><h4>{name}</h4>{body}</div>")
        })
        .collect();
    format!("<div class=\"tabs\">{}</div>\n", panels.concat())
}

/// A block that opens on demand.
pub(crate) fn details(summary: &str, body: &str) -> String {
    format!(
        "<details><summary>{}</summary>{body}</details>\n",
        escape(summary)
    )
}

/// Preformatted text.
pub(crate) fn code(text: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(text.trim_end()))
}

/// A paragraph of plain text.
pub(crate) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// A variant's or a module's name with a spot in its colour.
pub(crate) fn named(colour: crate::canvas::Colour, name: &str) -> String {
    format!(
        "<span class=\"spot\" style=\"background:{}\"></span>{}",
        colour.hex(),
        escape(name)
    )
}
