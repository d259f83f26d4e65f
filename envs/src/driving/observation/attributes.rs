//! `AttributesObservation`: quantities that a task measures of itself, one component each.

use prospect_sim::{Dtype, Field, FieldsMut};

use super::{Observer, ObserverScratch};
use crate::driving::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// A measured quantity of four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// Lateral place in m, heading in rad, lateral speed in m/s, yaw rate in rad/s, with noise.
    State,
    /// Their time derivatives, with noise.
    Derivative,
    /// The state of a vehicle that keeps the lane.
    ReferenceState,
}

/// Numbers of an attribute.
const ATTRIBUTE_WIDTH: usize = 4;

const NAMES: [(&str, Attribute); 3] = [
    ("state", Attribute::State),
    ("derivative", Attribute::Derivative),
    ("reference_state", Attribute::ReferenceState),
];

/// What the task has measured, as [`Episode::measured`](crate::driving::Episode::measured) holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The components, in order.
    pub attributes: Vec<Attribute>,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            attributes: NAMES.map(|row| row.1).to_vec(),
        }
    }
}

impl Attributes {
    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        const KEY: &str = "attributes";
        let Some(value) = options.raw(KEY) else {
            return Ok(Self::default());
        };
        let attribute = |name: &serde_json::Value| {
            let found = NAMES.iter().find(|row| name.as_str() == Some(row.0));
            found.map(|row| row.1)
        };
        let names = value.as_array().filter(|names| !names.is_empty());
        let attributes: Option<Vec<_>> = names.and_then(|names| names.iter().map(attribute).collect());
        let distinct = attributes.filter(|list| (1..list.len()).all(|i| !list[..i].contains(&list[i])));
        let known = NAMES.map(|row| row.0).join(", ");
        let attributes =
            distinct.ok_or_else(|| options.refuse(KEY, &format!("a list of some of {known}, each once")))?;
        Ok(Self { attributes })
    }
}

impl Observer for Attributes {
    fn fields(&self) -> Vec<Field> {
        let name = |attribute: &Attribute| {
            let found = NAMES.iter().find(|row| row.1 == *attribute);
            found.map_or("", |row| row.0)
        };
        let field = |attribute| {
            let shape = [ATTRIBUTE_WIDTH, 1];
            Field::new(
                name(attribute),
                Dtype::F32,
                &shape,
                f64::NEG_INFINITY,
                f64::INFINITY,
            )
        };
        self.attributes.iter().map(field).collect()
    }

    fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    fn observe(
        &self,
        view: &View<'_>,
        _: usize,
        _: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let measured = view.episode.measured.chunks_exact(ATTRIBUTE_WIDTH);
        for (field, numbers) in out.iter_mut().zip(measured) {
            let Some(values) = field.data.as_f32() else {
                continue;
            };
            let values = &mut values[actor * ATTRIBUTE_WIDTH..(actor + 1) * ATTRIBUTE_WIDTH];
            for (value, &number) in values.iter_mut().zip(numbers) {
                *value = number as f32;
            }
        }
    }
}
