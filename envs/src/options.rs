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

    /// The error of an option that has another value than is expected.
    pub fn refuse(&self, key: &'static str, expected: &str) -> RegistryError {
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
            self.refuse(
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
            .map_err(|_| self.refuse(key, &expected))?;
        if number % 2 == 1 {
            Ok(number)
        } else {
            Err(self.refuse(key, &expected))
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
            self.refuse(
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
        value.as_bool().ok_or_else(|| self.refuse(key, "true or false"))
    }

    /// The JSON of an option; none if it is not given, or null.
    pub fn raw(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.options.get(key).filter(|value| !value.is_null())
    }

    /// True if an option is given as null.
    pub fn is_null(&self, key: &str) -> bool {
        self.options.get(key).is_some_and(Value::is_null)
    }

    /// The error of a task that cannot be made of its options.
    pub fn fail(&self, reason: &impl std::fmt::Display) -> RegistryError {
        RegistryError::Task {
            id: self.id.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// Accepts an option that has no effect.
    pub fn ignore(&mut self, key: &'static str) {
        self.known.push(key);
    }

    /// The options inside an option that is an object; none if it is not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn nested(&mut self, key: &'static str) -> Result<Option<Self>, RegistryError> {
        let Some(value) = self.raw(key) else {
            return Ok(None);
        };
        let options = value
            .as_object()
            .ok_or_else(|| self.refuse(key, "an object of options"))?;
        Ok(Some(Self::new(self.id, options)))
    }

    /// The options inside each object of an option that is a list of at least one; the list must be given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn nested_list(&mut self, key: &'static str) -> Result<Vec<Self>, RegistryError> {
        let list = self
            .raw(key)
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty());
        let objects = list.and_then(|list| list.iter().map(Value::as_object).collect::<Option<Vec<_>>>());
        let objects = objects.ok_or_else(|| self.refuse(key, "a list of objects of options"))?;
        Ok(objects
            .into_iter()
            .map(|options| Self::new(self.id, options))
            .collect())
    }

    /// One of a few names; `default` if it is not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn choice(
        &mut self,
        key: &'static str,
        default: &'static str,
        names: &[&'static str],
    ) -> Result<&'static str, RegistryError> {
        let Some(value) = self.raw(key) else {
            return Ok(default);
        };
        let found = names.iter().find(|name| value.as_str() == Some(name));
        found
            .copied()
            .ok_or_else(|| self.refuse(key, &format!("one of {}", names.join(", "))))
    }

    /// Finite numbers, as many as `len` allows; `default` if they are not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn numbers(
        &mut self,
        key: &'static str,
        default: &[f64],
        len: RangeInclusive<usize>,
    ) -> Result<Vec<f64>, RegistryError> {
        let Some(value) = self.raw(key) else {
            return Ok(default.to_vec());
        };
        let list = value.as_array().filter(|list| len.contains(&list.len()));
        let numbers = list.and_then(|list| list.iter().map(Value::as_f64).collect());
        let expected = format!("a list of {} to {} numbers", len.start(), len.end());
        numbers.ok_or_else(|| self.refuse(key, &expected))
    }

    /// Numbers in ascending order, each greater than the one before; `default` if they are not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn ascending(
        &mut self,
        key: &'static str,
        default: &[f64],
        len: RangeInclusive<usize>,
    ) -> Result<Vec<f64>, RegistryError> {
        let numbers = self.numbers(key, default, len)?;
        if numbers.windows(2).all(|pair| pair[0] < pair[1]) {
            return Ok(numbers);
        }
        Err(self.refuse(key, "numbers in ascending order"))
    }

    /// Two numbers; `default` if they are not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn pair(&mut self, key: &'static str, default: [f64; 2]) -> Result<[f64; 2], RegistryError> {
        Ok(self.optional_pair(key)?.unwrap_or(default))
    }

    /// Two numbers, or none if they are not given.
    ///
    /// # Errors
    /// [`RegistryError::Option`] for anything else.
    pub fn optional_pair(&mut self, key: &'static str) -> Result<Option<[f64; 2]>, RegistryError> {
        match self.numbers(key, &[], 2..=2)?[..] {
            [low, high] => Ok(Some([low, high])),
            _ => Ok(None),
        }
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
