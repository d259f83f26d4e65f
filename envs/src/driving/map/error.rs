//! What can be wrong with a map, where in its file, and what to do about it.

use std::fmt;

/// Where in a map's file something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The XML element.
    pub element: String,
    /// The road it belongs to, if it does.
    pub road: Option<String>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: <{}>", self.line, self.column, self.element)?;
        match &self.road {
            Some(road) => write!(f, " of road `{road}`"),
            None => Ok(()),
        }
    }
}

/// What can go wrong between an OpenDRIVE file and a road network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The file cannot be read.
    #[error("cannot read the map {path}: {reason}; give the path of an .xodr file")]
    Unreadable {
        /// The path asked for.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The file is not well-formed XML.
    #[error("the map is not well-formed XML: {reason}")]
    Xml {
        /// What the XML reader says, with line and column.
        reason: String,
    },
    /// An attribute or element is missing.
    #[error("{at} has no `{name}`; OpenDRIVE demands it")]
    Missing {
        /// The element that lacks it.
        at: At,
        /// What is missing.
        name: &'static str,
    },
    /// An attribute has a value that means nothing.
    #[error("{at}: `{name}` is `{value}`; expected {expected}")]
    Value {
        /// The element.
        at: At,
        /// The attribute.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be accepted.
        expected: String,
    },
    /// An element or value that would change what the map means, and that this loader does not know.
    #[error("{at} is not supported: {what}; {remedy}")]
    Unsupported {
        /// The element.
        at: At,
        /// What is not supported.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A link to something that the map does not have, or that does not fit.
    #[error("{at} leads to {to}; correct the link or remove it")]
    BrokenLink {
        /// The element that states the link.
        at: At,
        /// What it leads to, and what is wrong there.
        to: String,
    },
    /// A shape that no road can have.
    #[error("{at}: {problem}; {remedy}")]
    Shape {
        /// The element.
        at: At,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The lanes do not make a road network.
    #[error("the map makes no road network: {reason}")]
    Network {
        /// What the network says.
        reason: String,
    },
    /// Nothing in the map can be driven on.
    #[error("the map has no lane to drive on; give at least one lane of type `driving` a width")]
    NoDrivingLane,
}
