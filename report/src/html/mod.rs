//! Reports as single HTML files that need nothing but a browser.

mod glossary;
pub(crate) mod maps;
mod page;
pub(crate) mod run;
mod settings;
pub(crate) mod suite;
mod summary;
mod wording;
