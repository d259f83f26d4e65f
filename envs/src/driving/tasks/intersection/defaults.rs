//! What the ids of the intersection observe and do unless told otherwise.

use std::f64::consts::FRAC_PI_3;

use crate::driving::action::{ActionType, Axes, Controls};
use crate::driving::observation::{Feature, Kinematics, square_ranges};
use crate::driving::settings::Defaults;

fn kinematics(vehicles_count: usize, others: &[Feature]) -> Kinematics {
    let first = [
        Feature::Presence,
        Feature::X,
        Feature::Y,
        Feature::Vx,
        Feature::Vy,
    ];
    Kinematics {
        features: [&first, others].concat(),
        vehicles_count,
        features_range: square_ranges(100.0, 20.0),
        absolute: true,
        ..Kinematics::default()
    }
}

/// Orders to drive faster or slower, and the 15 nearest vehicles.
pub(super) fn discrete() -> Defaults {
    Defaults {
        regulated: true,
        action: ActionType::Meta {
            axes: Axes {
                longitudinal: true,
                lateral: false,
            },
            target_speeds: vec![0.0, 4.5, 9.0],
        },
        observation: Box::new(kinematics(15, &[Feature::CosH, Feature::SinH])),
        ..Defaults::default()
    }
}

/// Neighbours on connected lanes too.
pub(super) fn connected() -> Defaults {
    Defaults {
        connected_lanes: true,
        ..discrete()
    }
}

/// Throttle and steering of a vehicle whose tyres slip.
pub(super) fn continuous() -> Defaults {
    let axes = Axes {
        longitudinal: true,
        lateral: true,
    };
    Defaults {
        action: ActionType::Continuous(Controls {
            steering_range: [-FRAC_PI_3, FRAC_PI_3],
            dynamical: true,
            ..Controls::of(axes)
        }),
        observation: Box::new(kinematics(
            5,
            &[Feature::LongOff, Feature::LatOff, Feature::AngOff],
        )),
        ..discrete()
    }
}

/// Two controlled vehicles.
pub(super) fn agents() -> Defaults {
    Defaults {
        agents: 2,
        ..discrete()
    }
}

/// Two controlled vehicles, neighbours on connected lanes too.
pub(super) fn connected_agents() -> Defaults {
    Defaults {
        agents: 2,
        ..connected()
    }
}
