//! Weights that change as training goes on, written as a number or as a small table.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
    ser::SerializeMap,
};

/// A number as a function of the frames seen so far.
///
/// In a run file `weight = 0.5`, `weight = { start = 0.5, end = 0.0, frames = 1_000_000 }` or
/// `weight = { start = 0.5, kappa = 1e-6 }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Always the same.
    Constant(f64),
    /// From `start` to `end` along a straight line, then `end`.
    Linear {
        /// The value at frame 0.
        start: f64,
        /// The value at frame `frames` and after it.
        end: f64,
        /// The length of the line; at least 1.
        frames: u64,
    },
    /// `start * (1 - kappa)^frames`: the decay that `RLeXplore` applies to its weights.
    Exponential {
        /// The value at frame 0.
        start: f64,
        /// The share lost per frame, in `[0, 1)`.
        kappa: f64,
    },
}

impl Schedule {
    /// The value after `frames` frames.
    pub fn at(self, frames: u64) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Linear {
                start,
                end,
                frames: n,
            } if frames < n => start + (end - start) * (frames as f64 / n as f64),
            Self::Linear { end, .. } => end,
            Self::Exponential { start, kappa } => start * (1.0 - kappa).powf(frames as f64),
        }
    }

    /// True if it is 0 at every frame.
    pub fn is_zero(self) -> bool {
        match self {
            Self::Constant(value) => value == 0.0,
            Self::Linear { start, end, .. } => start == 0.0 && end == 0.0,
            Self::Exponential { start, .. } => start == 0.0,
        }
    }

    fn check(self) -> Result<Self, String> {
        let numbers = match self {
            Self::Constant(value) => [value, 0.0],
            Self::Linear { start, end, .. } => [start, end],
            Self::Exponential { start, kappa } => [start, kappa],
        };
        if numbers.iter().any(|x| !x.is_finite()) {
            return Err("must be finite".to_owned());
        }
        match self {
            Self::Linear { frames: 0, .. } => Err("`frames` must be at least 1".to_owned()),
            Self::Exponential { kappa, .. } if !(0.0..1.0).contains(&kappa) => {
                Err(format!("`kappa` is {kappa}; it must be in [0, 1)"))
            }
            _ => Ok(self),
        }
    }
}

impl From<f64> for Schedule {
    fn from(value: f64) -> Self {
        Self::Constant(value)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Constant(value) => serializer.serialize_f64(value),
            Self::Linear { start, end, frames } => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("start", &start)?;
                map.serialize_entry("end", &end)?;
                map.serialize_entry("frames", &frames)?;
                map.end()
            }
            Self::Exponential { start, kappa } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("start", &start)?;
                map.serialize_entry("kappa", &kappa)?;
                map.end()
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    start: f64,
    end: Option<f64>,
    frames: Option<u64>,
    kappa: Option<f64>,
}

struct ScheduleVisitor;

impl<'de> Visitor<'de> for ScheduleVisitor {
    type Value = Schedule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, { start, end, frames } or { start, kappa }")
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Schedule, E> {
        Schedule::Constant(value).check().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Schedule, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Schedule, E> {
        self.visit_f64(value as f64)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Schedule, A::Error> {
        let keys = Keys::deserialize(MapAccessDeserializer::new(map))?;
        let start = keys.start;
        let schedule = match (keys.end, keys.frames, keys.kappa) {
            (Some(end), Some(frames), None) => Schedule::Linear { start, end, frames },
            (None, None, Some(kappa)) => Schedule::Exponential { start, kappa },
            _ => {
                return Err(A::Error::custom(
                    "a schedule is { start, end, frames } (a line) or { start, kappa } (a decay)",
                ));
            }
        };
        schedule.check().map_err(A::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScheduleVisitor)
    }
}

impl JsonSchema for Schedule {
    fn schema_name() -> Cow<'static, str> {
        "Schedule".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "number" },
                {
                    "type": "object",
                    "properties": {
                        "start": { "type": "number" },
                        "end": { "type": "number" },
                        "frames": { "type": "integer", "minimum": 1 }
                    },
                    "required": ["start", "end", "frames"],
                    "additionalProperties": false
                },
                {
                    "type": "object",
                    "properties": {
                        "start": { "type": "number" },
                        "kappa": { "type": "number", "minimum": 0, "exclusiveMaximum": 1 }
                    },
                    "required": ["start", "kappa"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Holder {
        weight: Schedule,
    }

    fn parse(text: &str) -> Result<Schedule, String> {
        toml::from_str::<Holder>(text)
            .map(|holder| holder.weight)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_line_ends_and_stays() {
        let line = parse("weight = { start = 0.5, end = 0.1, frames = 100 }").unwrap();
        assert_eq!([0, 25, 100, 1000].map(|t| line.at(t)), [0.5, 0.4, 0.1, 0.1]);
    }

    #[test]
    fn a_decay_loses_its_share_each_frame() {
        let decay = parse("weight = { start = 2, kappa = 0.5 }").unwrap();
        assert_eq!([0, 1, 3].map(|t| decay.at(t)), [2.0, 1.0, 0.25]);
    }

    #[test]
    fn numbers_are_constants() {
        assert_eq!(parse("weight = 1").unwrap(), Schedule::Constant(1.0));
        assert_eq!(parse("weight = 0.25").unwrap().at(12_345), 0.25);
    }

    #[test]
    fn what_is_written_reads_back() {
        for schedule in [
            Schedule::Constant(0.3),
            Schedule::Linear {
                start: 1.0,
                end: 0.0,
                frames: 7,
            },
            Schedule::Exponential {
                start: 1.0,
                kappa: 1e-6,
            },
        ] {
            let text = toml::to_string(&Holder { weight: schedule }).unwrap();
            assert_eq!(parse(&text).unwrap(), schedule, "{text}");
        }
    }

    #[test]
    fn bad_schedules_are_refused() {
        for (text, part) in [
            ("weight = nan", "finite"),
            ("weight = { start = 1, end = 0, frames = 0 }", "at least 1"),
            ("weight = { start = 1, kappa = 1 }", "[0, 1)"),
            ("weight = { start = 1 }", "{ start, end, frames }"),
            ("weight = { start = 1, kappa = 0.1, end = 0 }", "{ start, kappa }"),
            ("weight = { start = 1, ned = 0, frames = 1 }", "ned"),
            ("weight = \"much\"", "a number"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
