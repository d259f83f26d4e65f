//! What agents can do: meta-actions, and throttle and steering, continuous or in steps.

use std::f64::consts::FRAC_PI_4;

use prospect_sim::{ActionColumn, ActionSpace};

use super::traffic::Traffic;
use super::vehicle::{Kind, MetaAction, Vehicle};
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Target speeds of meta-actions unless told otherwise, in m/s.
const TARGET_SPEEDS: [f64; 3] = [20.0, 25.0, 30.0];
/// Range of the acceleration unless told otherwise, in m/s².
const ACCELERATION_RANGE: [f64; 2] = [-5.0, 5.0];
/// Range of the steering angle unless told otherwise, in rad.
const STEERING_RANGE: [f64; 2] = [-FRAC_PI_4, FRAC_PI_4];

/// Meta-actions with their names, with speeds and lanes, with speeds alone, with lanes alone.
const ALL: [(MetaAction, &str); 5] = [
    (MetaAction::LaneLeft, "LANE_LEFT"),
    (MetaAction::Idle, "IDLE"),
    (MetaAction::LaneRight, "LANE_RIGHT"),
    (MetaAction::Faster, "FASTER"),
    (MetaAction::Slower, "SLOWER"),
];
const LONGITUDINAL: [(MetaAction, &str); 3] = [ALL[4], ALL[1], ALL[3]];
const LATERAL: [(MetaAction, &str); 3] = [ALL[0], ALL[1], ALL[2]];

/// Which of throttle and steering an agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// Speed.
    pub longitudinal: bool,
    /// Lane or steering.
    pub lateral: bool,
}

impl Axes {
    fn size(self) -> usize {
        usize::from(self.longitudinal) + usize::from(self.lateral)
    }
}

/// Throttle and steering.
#[derive(Debug, Clone, PartialEq)]
pub struct Controls {
    /// Which of them.
    pub axes: Axes,
    /// Accelerations for -1 and 1, in m/s².
    pub acceleration_range: [f64; 2],
    /// Steering angles for -1 and 1, in rad.
    pub steering_range: [f64; 2],
    /// Limits of the speed, in m/s, where they differ from the vehicle's.
    pub speed_range: Option<[f64; 2]>,
    /// The vehicle's tyres slip.
    pub dynamical: bool,
    /// Values beyond -1 and 1 are clipped.
    pub clip: bool,
}

impl Default for Controls {
    /// Throttle and steering within ±5 m/s² and ±pi/4.
    fn default() -> Self {
        Self {
            axes: Axes {
                longitudinal: true,
                lateral: true,
            },
            acceleration_range: ACCELERATION_RANGE,
            steering_range: STEERING_RANGE,
            speed_range: None,
            dynamical: false,
            clip: true,
        }
    }
}

/// The type of action of all agents of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionType {
    /// Orders to change lane or speed (`DiscreteMetaAction`).
    Meta {
        /// Speeds, lanes, or both.
        axes: Axes,
        /// The speeds that can be tracked, in m/s, ascending.
        target_speeds: Vec<f64>,
    },
    /// Reals (`ContinuousAction`).
    Continuous(Controls),
    /// The same on a grid (`DiscreteAction`).
    Discrete {
        /// What the grid is laid over.
        controls: Controls,
        /// Points per axis.
        actions_per_axis: usize,
    },
}

/// The action of one agent in one step, as it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision<'a> {
    /// An index.
    Index(i32),
    /// Reals.
    Reals(&'a [f32]),
}

/// What an action tells a vehicle to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {
    /// For a vehicle of kind [`Kind::Meta`].
    Meta(MetaAction),
    /// For the others: acceleration in m/s² and steering angle in rad.
    Hold {
        /// In m/s².
        acceleration: f64,
        /// In rad.
        steering: f64,
    },
}

impl Default for Order {
    fn default() -> Self {
        Self::Meta(MetaAction::Idle)
    }
}

impl ActionType {
    /// Meta-actions with the usual target speeds.
    pub fn meta() -> Self {
        Self::meta_with(&TARGET_SPEEDS)
    }

    /// Meta-actions with these target speeds, in m/s, ascending.
    pub fn meta_with(target_speeds: &[f64]) -> Self {
        Self::Meta {
            axes: Axes {
                longitudinal: true,
                lateral: true,
            },
            target_speeds: target_speeds.to_vec(),
        }
    }

    /// Steering alone; the speed stays what it is.
    pub fn steering() -> Self {
        Self::Continuous(Controls {
            axes: Axes {
                longitudinal: false,
                lateral: true,
            },
            ..Controls::default()
        })
    }

    /// The type that the option `action` describes, as highway-env's configuration writes it; `default` without it.
    ///
    /// # Errors
    /// [`RegistryError::Option`] or [`RegistryError::UnknownOption`] for anything else.
    pub fn read(options: &mut OptionReader<'_>, default: Self) -> Result<Self, RegistryError> {
        let Some(mut own) = options.nested("action")? else {
            return Ok(default);
        };
        let name = own.choice(
            "type",
            "DiscreteMetaAction",
            &[
                "DiscreteMetaAction",
                "ContinuousAction",
                "DiscreteAction",
                "MultiAgentAction",
            ],
        )?;
        if name == "MultiAgentAction" {
            let mut inner = own.nested("action_config")?;
            own.finish()?;
            let Some(inner) = inner.as_mut() else {
                return Ok(default);
            };
            let name = inner.choice(
                "type",
                "DiscreteMetaAction",
                &["DiscreteMetaAction", "ContinuousAction", "DiscreteAction"],
            )?;
            return Self::read_type(inner, name);
        }
        let action = Self::read_type(&mut own, name)?;
        own.finish()?;
        Ok(action)
    }

    fn read_type(options: &mut OptionReader<'_>, name: &str) -> Result<Self, RegistryError> {
        let axes = Axes {
            longitudinal: options.flag("longitudinal", true)?,
            lateral: options.flag("lateral", true)?,
        };
        if axes.size() == 0 {
            return Err(options.refuse("lateral", "true where `longitudinal` is false"));
        }
        if name == "DiscreteMetaAction" {
            let target_speeds = options.ascending("target_speeds", &TARGET_SPEEDS, 2..=64)?;
            return Ok(Self::Meta { axes, target_speeds });
        }
        let controls = Controls {
            axes,
            acceleration_range: options.pair("acceleration_range", ACCELERATION_RANGE)?,
            steering_range: options.pair("steering_range", STEERING_RANGE)?,
            speed_range: options.optional_pair("speed_range")?,
            dynamical: options.flag("dynamical", false)?,
            clip: options.flag("clip", true)?,
        };
        // Of the package's configuration of intersection-v1, where nothing reads it.
        options.ignore("target_speeds");
        if name == "ContinuousAction" {
            return Ok(Self::Continuous(controls));
        }
        let actions_per_axis = options.integer("actions_per_axis", 3, 2..=1000)?;
        Ok(Self::Discrete {
            controls,
            actions_per_axis,
        })
    }

    /// The action space of one agent.
    pub fn space(&self) -> ActionSpace {
        match self {
            Self::Meta { axes, .. } => ActionSpace::Discrete {
                n: Self::meta_actions(*axes).len(),
            },
            Self::Continuous(controls) => ActionSpace::Continuous {
                low: vec![-1.0; controls.axes.size()],
                high: vec![1.0; controls.axes.size()],
            },
            Self::Discrete {
                controls,
                actions_per_axis,
            } => ActionSpace::Discrete {
                n: actions_per_axis.pow(controls.axes.size() as u32),
            },
        }
    }

    /// Names of the actions, if they have any.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Meta { axes, .. } => {
                let actions = Self::meta_actions(*axes).iter();
                actions.map(|(_, name)| (*name).to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn meta_actions(axes: Axes) -> &'static [(MetaAction, &'static str)] {
        match (axes.longitudinal, axes.lateral) {
            (true, true) => &ALL,
            (true, false) => &LONGITUDINAL,
            _ => &LATERAL,
        }
    }

    /// The target speeds of meta-actions, in m/s; empty for other types.
    pub fn target_speeds(&self) -> &[f64] {
        match self {
            Self::Meta { target_speeds, .. } => target_speeds,
            _ => &[],
        }
    }

    /// The kind of vehicle that can be controlled so.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Meta { .. } => Kind::Meta,
            Self::Continuous(controls) | Self::Discrete { controls, .. } if controls.dynamical => {
                Kind::Dynamic
            }
            _ => Kind::Manual,
        }
    }

    /// Fits a new vehicle of this kind out: target speeds, speed limits.
    #[must_use]
    pub fn fit(&self, mut vehicle: Vehicle) -> Vehicle {
        match self {
            Self::Meta { target_speeds, .. } => vehicle.driver.snap(target_speeds),
            Self::Continuous(controls) | Self::Discrete { controls, .. } => {
                if let Some([low, high]) = controls.speed_range {
                    (vehicle.params.min_speed, vehicle.params.max_speed) = (low, high);
                }
            }
        }
        vehicle
    }

    /// The decision of `actor`.
    #[inline]
    pub fn decision<'a>(&self, actions: &'a ActionColumn, actor: usize) -> Decision<'a> {
        match self {
            Self::Continuous(controls) => {
                let width = controls.axes.size();
                Decision::Reals(&actions.continuous[actor * width..(actor + 1) * width])
            }
            _ => Decision::Index(actions.discrete[actor]),
        }
    }

    /// What a decision tells the vehicle to do.
    #[inline]
    pub fn order(&self, decision: Decision<'_>) -> Order {
        match (self, decision) {
            (Self::Meta { axes, .. }, Decision::Index(index)) => {
                let action = Self::meta_actions(*axes).get(index as usize);
                Order::Meta(action.map_or(MetaAction::Idle, |action| action.0))
            }
            (Self::Continuous(controls), Decision::Reals(values)) => controls.order(values),
            (
                Self::Discrete {
                    controls,
                    actions_per_axis: n,
                },
                Decision::Index(index),
            ) => {
                let at = |nth: usize| -1.0 + nth as f32 * (2.0 / (n - 1) as f32);
                let index = index as usize;
                match controls.axes.size() {
                    1 => controls.order(&[at(index)]),
                    _ => controls.order(&[at(index / n), at(index % n)]),
                }
            }
            _ => Order::default(),
        }
    }
}

impl Controls {
    /// Controls with the usual ranges.
    pub fn of(axes: Axes) -> Self {
        Self {
            axes,
            acceleration_range: ACCELERATION_RANGE,
            steering_range: STEERING_RANGE,
            speed_range: None,
            dynamical: false,
            clip: true,
        }
    }

    /// The acceleration and the steering angle of values in `[-1, 1]`. The package computes them in f32.
    fn order(&self, values: &[f32]) -> Order {
        let value = |nth: usize| {
            let value = values.get(nth).copied().unwrap_or(0.0);
            if self.clip { value.clamp(-1.0, 1.0) } else { value }
        };
        let map =
            |v: f32, [low, high]: [f64; 2]| f64::from(low as f32 + (v + 1.0) * ((high - low) as f32) / 2.0);
        let (acceleration, steering) = match (self.axes.longitudinal, self.axes.lateral) {
            (true, true) => (
                map(value(0), self.acceleration_range),
                map(value(1), self.steering_range),
            ),
            (true, false) => (map(value(0), self.acceleration_range), 0.0),
            _ => (0.0, map(value(0), self.steering_range)),
        };
        Order::Hold {
            acceleration,
            steering,
        }
    }
}

impl Traffic<'_> {
    /// Vehicle `i` takes an order; `speeds` are the target speeds of meta-actions, in m/s.
    pub fn obey(&mut self, i: usize, order: Order, speeds: &[f64]) {
        match order {
            Order::Meta(action) if self.vehicles.drivers[i].kind == Kind::Meta => {
                self.order(i, action, speeds);
            }
            Order::Meta(_) => {}
            Order::Hold {
                acceleration,
                steering,
            } => {
                let body = &mut self.vehicles.bodies[i];
                (body.acceleration, body.steering) = (acceleration, steering);
            }
        }
    }
}

/// The kind of other vehicles that the option `other_vehicles_type` names by the class's path, by its last part, or by the
/// short name of states in JSON.
///
/// # Errors
/// [`RegistryError::Option`] for other classes.
pub fn read_other_vehicles(options: &mut OptionReader<'_>) -> Result<Kind, RegistryError> {
    const KEY: &str = "other_vehicles_type";
    const CLASSES: [(&str, &str, Kind); 4] = [
        ("IDMVehicle", "idm", Kind::Idm),
        ("LinearVehicle", "linear", Kind::Linear),
        ("AggressiveVehicle", "aggressive", Kind::Aggressive),
        ("DefensiveVehicle", "defensive", Kind::Defensive),
    ];
    let Some(value) = options.raw(KEY) else {
        return Ok(Kind::Idm);
    };
    let name = value.as_str().map(|path| path.rsplit('.').next().unwrap_or(path));
    let found = CLASSES
        .iter()
        .find(|(class, short, _)| name == Some(class) || value.as_str() == Some(short));
    let classes = CLASSES
        .map(|(class, short, _)| format!("{class} ({short})"))
        .join(", ");
    found
        .map(|(_, _, kind)| *kind)
        .ok_or_else(|| options.refuse(KEY, &format!("one of {classes}")))
}
