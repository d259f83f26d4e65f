//! XML elements read with types, ranges and places for errors.

use roxmltree::Node;

use super::error::{At, MapError};

/// An element of the map's file, and the road it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    node: Node<'a, 'a>,
    road: Option<&'a str>,
}

impl<'a> Element<'a> {
    pub(super) fn root(document: &'a roxmltree::Document<'a>) -> Self {
        Self {
            node: document.root_element(),
            road: None,
        }
    }

    /// The same element, known to belong to a road.
    pub(super) fn of_road(self, road: &'a str) -> Self {
        Self {
            road: Some(road),
            ..self
        }
    }

    pub(super) fn name(self) -> &'a str {
        self.node.tag_name().name()
    }

    pub(super) fn at(self) -> At {
        let place = self.node.document().text_pos_at(self.node.range().start);
        At {
            element: self.name().to_owned(),
            road: self.road.map(str::to_owned),
            line: place.row,
            column: place.col,
        }
    }

    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let elements = self.node.children().filter(Node::is_element);
        elements.map(move |node| Self { node, ..self })
    }

    pub(super) fn children_named(self, name: &'static str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.name() == name)
    }

    pub(super) fn child(self, name: &'static str) -> Option<Self> {
        self.children_named(name).next()
    }

    pub(super) fn demand_child(self, name: &'static str) -> Result<Self, MapError> {
        self.child(name).ok_or(MapError::Missing { at: self.at(), name })
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.node.attribute(name)
    }

    pub(super) fn demand_text(self, name: &'static str) -> Result<&'a str, MapError> {
        self.text(name).ok_or(MapError::Missing { at: self.at(), name })
    }

    pub(super) fn wrong_value(self, name: &'static str, expected: &str) -> MapError {
        MapError::Value {
            at: self.at(),
            name,
            value: self.text(name).unwrap_or_default().to_owned(),
            expected: expected.to_owned(),
        }
    }

    pub(super) fn unsupported(self, what: impl Into<String>, remedy: &'static str) -> MapError {
        MapError::Unsupported {
            at: self.at(),
            what: what.into(),
            remedy,
        }
    }

    /// A finite number, if the attribute is there.
    pub(super) fn optional_number(self, name: &'static str) -> Result<Option<f64>, MapError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        let number = number.ok_or_else(|| self.wrong_value(name, "a finite number"))?;
        Ok(Some(number))
    }

    /// A finite number.
    pub(super) fn number(self, name: &'static str) -> Result<f64, MapError> {
        let number = self.optional_number(name)?;
        number.ok_or(MapError::Missing { at: self.at(), name })
    }

    /// A finite number that is not negative.
    pub(super) fn distance(self, name: &'static str) -> Result<f64, MapError> {
        let number = self.number(name)?;
        if number < 0.0 {
            return Err(self.wrong_value(name, "a number that is not negative"));
        }
        Ok(number)
    }

    /// A finite number above zero.
    pub(super) fn length(self, name: &'static str) -> Result<f64, MapError> {
        let number = self.number(name)?;
        if number <= 0.0 {
            return Err(self.wrong_value(name, "a length above 0 m"));
        }
        Ok(number)
    }

    pub(super) fn lane_id(self, name: &'static str) -> Result<i32, MapError> {
        let text = self.demand_text(name)?;
        text.trim()
            .parse()
            .map_err(|_| self.wrong_value(name, "an integer"))
    }
}
