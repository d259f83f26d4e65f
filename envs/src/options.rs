//! Options of a task: a JSON object, read with ranges and clear errors.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::registry::RegistryError;

/// Options of a task by name, as the command line's `--options` or a run file states them.
pub type Options = serde_json::Map<String, Value>;

/// Reads the options of a task one by one, and refuses those that nobody asked for.
#[derive(Debug)]
pub struct OptionReader<'a> {
    id: &'a str,
    options: &'a Options,
    known: Vec<&'static str>,
}

impl<'a> OptionReader<'a> {
    /// A reader of the options given for task `id`.
    pub fn new(id: &'a str, options: &'a Options) -> Self {
        Self {
            id,
            options,
            known: Vec::new(),
        }
    }

    fn invalid(&self, key: &'static str, expected: &str) -> RegistryError {
        RegistryError::Option {
            id: self.id.to_owned(),
            key,
            value: self.options.get(key).map_or_else(String::new, Value::to_string),
            expected: expected.to_owned(),
        }
    }

    /// An integer in `range`; `default` if it is not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn integer(
        &mut self,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Result<usize, RegistryError> {
        self.known.push(key);
        let Some(value) = self.options.get(key) else {
            return Ok(default);
        };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            self.invalid(
                key,
                &format!("an integer from {} to {}", range.start(), range.end()),
            )
        })
    }

    /// An odd integer in `range`; `default` if it is not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn odd(
        &mut self,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Result<usize, RegistryError> {
        let expected = format!("an odd integer from {} to {}", range.start(), range.end());
        let number = self
            .integer(key, default, range)
            .map_err(|_| self.invalid(key, &expected))?;
        if number % 2 == 1 {
            Ok(number)
        } else {
            Err(self.invalid(key, &expected))
        }
    }

    /// A number in `range`; `default` if it is not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn number(
        &mut self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Result<f64, RegistryError> {
        self.known.push(key);
        let Some(value) = self.options.get(key) else {
            return Ok(default);
        };
        let number = value.as_f64().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            self.invalid(
                key,
                &format!("a number from {} to {}", range.start(), range.end()),
            )
        })
    }

    /// A truth value; `default` if it is not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn flag(&mut self, key: &'static str, default: bool) -> Result<bool, RegistryError> {
        self.known.push(key);
        let Some(value) = self.options.get(key) else {
            return Ok(default);
        };
        value.as_bool().ok_or_else(|| self.invalid(key, "true or false"))
    }

    /// One of `names`; `default` if it is not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn one_of(
        &mut self,
        key: &'static str,
        default: &'static str,
        names: &[&'static str],
    ) -> Result<&'static str, RegistryError> {
        self.known.push(key);
        let Some(value) = self.options.get(key) else {
            return Ok(default);
        };
        let known = names.iter().copied().find(|&name| value.as_str() == Some(name));
        known.ok_or_else(|| self.invalid(key, &format!("one of {}", names.join(", "))))
    }

    /// Refuses options that were not read.
    ///
    /// # Errors
    /// [`RegistryError::UnknownOption`].
    pub fn finish(self) -> Result<(), RegistryError> {
        match self
            .options
            .keys()
            .find(|key| !self.known.contains(&key.as_str()))
        {
            None => Ok(()),
            Some(key) => Err(RegistryError::UnknownOption {
                id: self.id.to_owned(),
                key: key.clone(),
                known: self.known.join(", "),
            }),
        }
    }
}
