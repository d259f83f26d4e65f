//! The published JSON of a scene, as it is read and written: `docs/driving-state.md` describes every key.
//!
//! A key that may be left out is an `Option`; what then holds is decided where the scene is made, because it depends on
//! the task.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::StateError;
use crate::options::Options;

/// The version of the format that is written.
pub const VERSION: u32 = 1;

/// `[from, to, id]`.
pub type LaneName = (String, String, u16);

/// `[from, to, id]` of a leg of a route, the id open or not.
pub type LegName = (String, String, Option<u16>);

/// A scene.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneForm {
    /// [`VERSION`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The id that the scene was exported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_id: Option<String>,
    /// Options of the task that differ from the id's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Options>,
    /// Since the episode began, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    /// Simulation substeps since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Policy steps counted by a time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_steps: Option<u32>,
    /// Vehicles, in list order.
    pub vehicles: Vec<VehicleForm>,
    /// Indices of the controlled vehicles, in the order of the agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controlled: Option<Vec<usize>>,
    /// Obstacles and landmarks, in list order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<ObjectForm>>,
    /// Per agent, feature to `[low, high]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features_range: Option<Vec<BTreeMap<String, [f64; 2]>>>,
    /// The env's random stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<RandomForm>,
    /// Substeps counted by the right-of-way rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub road_steps: Option<u64>,
    /// The lane to be kept, then those that come next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_lanes: Option<Vec<LaneName>>,
    /// All lanes, if the road is not the id's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Vec<LaneForm>>,
}

impl SceneForm {
    /// Reads a parsed JSON value.
    ///
    /// # Errors
    /// [`StateError`] with the path of the value that does not fit.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, StateError> {
        let form: Self = serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            StateError::new(
                path,
                error.into_inner().to_string(),
                "docs/driving-state.md lists the keys",
            )
        })?;
        match form.version {
            None | Some(VERSION) => Ok(form),
            Some(other) => Err(StateError::new(
                "version",
                format!("{other} is not known"),
                format!("export it again; this program reads version {VERSION}"),
            )),
        }
    }
}

/// What drives a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindForm {
    /// An agent.
    Ego,
    /// The intelligent driver model.
    Idm,
    /// A linear driver.
    Linear,
    /// A linear driver that pushes.
    Aggressive,
    /// A linear driver that yields.
    Defensive,
    /// Keeps its lane and speed.
    Controlled,
    /// Keeps its last action.
    Vehicle,
}

/// A vehicle. Lengths in metres, angles in radians, speeds in metres per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleForm {
    /// What drives it.
    pub kind: KindForm,
    /// x and y.
    pub position: [f64; 2],
    /// Against the x axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<f64>,
    /// Along the heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// The lane it is attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneName>,
    /// The lane it steers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_lane: Option<LaneName>,
    /// The speed it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_speed: Option<f64>,
    /// Legs still to be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Vec<LegName>>,
    /// Seconds since the last decision on a lane change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<f64>,
    /// Exponent of the free-road term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// Whether it changes lanes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_lane_change: Option<bool>,
    /// Parameters of the intelligent driver model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idm: Option<IdmForm>,
    /// Parameters of lane changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobil: Option<MobilForm>,
    /// Parameters of the linear drivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<LinearForm>,
    /// The last action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionForm>,
    /// Whether it crashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crashed: Option<bool>,
    /// Displacement still to be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<[f64; 2]>,
    /// Along its heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<f64>,
    /// Across its heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// Below this it is accelerated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_speed: Option<f64>,
    /// Above this it is braked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_speed: Option<f64>,
    /// Whether it looks for collisions of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_collisions: Option<bool>,
    /// Whether it can collide at all: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collidable: Option<bool>,
    /// Which of the target speeds an ego with meta-actions is after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_index: Option<usize>,
    /// The speeds that an ego with meta-actions chooses among.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_speeds: Option<Vec<f64>>,
    /// Whether its tyres slip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamical: Option<bool>,
    /// Across its heading, if its tyres slip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateral_speed: Option<f64>,
    /// In radians per second, if its tyres slip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yaw_rate: Option<f64>,
    /// Whether it stops for somebody with the right of way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_yielding: Option<bool>,
    /// For how many decisions it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yield_timer: Option<u32>,
    /// Which of the objects it is to reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<usize>,
}

/// Parameters of the intelligent driver model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdmForm {
    /// Largest acceleration of any kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acc_max: Option<f64>,
    /// Acceleration on a free road.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comfort_acc_max: Option<f64>,
    /// Braking, negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comfort_acc_min: Option<f64>,
    /// Between centres in a jam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_wanted: Option<f64>,
    /// To the leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_wanted: Option<f64>,
}

/// Parameters of lane changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MobilForm {
    /// Weight of what others gain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub politeness: Option<f64>,
    /// What a change must gain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane_change_min_acc_gain: Option<f64>,
    /// What it may cost a follower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane_change_max_braking_imposed: Option<f64>,
    /// Seconds between decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane_change_delay: Option<f64>,
}

/// Parameters of the linear drivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearForm {
    /// Weights of speed error, approach and lack of distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceleration_parameters: Option<[f64; 3]>,
    /// Weights of heading and lateral error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steering_parameters: Option<[f64; 2]>,
}

/// What a vehicle does until it decides again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionForm {
    /// Angle of the front wheels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steering: Option<f64>,
    /// In metres per second squared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceleration: Option<f64>,
}

/// Whether an object can be driven through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKindForm {
    /// It cannot.
    Obstacle,
    /// It can.
    Landmark,
}

/// An obstacle or a landmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectForm {
    /// Which of the two.
    pub kind: ObjectKindForm,
    /// x and y.
    pub position: [f64; 2],
    /// Against the x axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<f64>,
    /// Along the heading; objects do not move, but collisions are judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// Along its heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<f64>,
    /// Across its heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// Whether somebody drove into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crashed: Option<bool>,
    /// Whether somebody touched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit: Option<bool>,
    /// Whether it looks for collisions of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_collisions: Option<bool>,
    /// Whether it can collide at all: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collidable: Option<bool>,
}

/// numpy's PCG64. 128-bit numbers are decimal strings, because JSON's numbers end earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomForm {
    /// `PCG64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_generator: Option<String>,
    /// The state.
    pub state: String,
    /// The increment, odd.
    pub inc: String,
    /// 1 if half of a draw is kept.
    #[serde(default)]
    pub has_uint32: u32,
    /// That half.
    #[serde(default)]
    pub uinteger: u32,
}

/// A lane of a road network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneForm {
    /// The node it leads from.
    pub from: String,
    /// The node it leads to.
    pub to: String,
    /// Its shape.
    #[serde(flatten)]
    pub shape: ShapeForm,
    /// 0 none, 1 striped, 2 continuous, 3 continuous line; left and right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_types: Option<[u8; 2]>,
    /// Whether nobody may change to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<bool>,
    /// None where there is no limit.
    #[serde(default)]
    pub speed_limit: Option<f64>,
    /// Who has the right of way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
}

/// The shape of a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ShapeForm {
    /// A line.
    Straight {
        /// Where it begins.
        start: [f64; 2],
        /// Where it ends.
        end: [f64; 2],
        /// Across.
        width: f64,
    },
    /// A wave about a line.
    Sine {
        /// Where it begins.
        start: [f64; 2],
        /// Where it ends.
        end: [f64; 2],
        /// Across.
        width: f64,
        /// Half its height.
        amplitude: f64,
        /// Radians per metre.
        pulsation: f64,
        /// At the start.
        phase: f64,
    },
    /// An arc.
    Circular {
        /// Its centre.
        center: [f64; 2],
        /// Its radius.
        radius: f64,
        /// Angle at its start.
        start_phase: f64,
        /// Angle at its end.
        end_phase: f64,
        /// Which way it turns.
        #[serde(default = "clockwise")]
        clockwise: bool,
        /// Across.
        width: f64,
    },
    /// A curve through points.
    PolyFixedWidth {
        /// The points.
        lane_points: Vec<[f64; 2]>,
        /// Across.
        width: f64,
    },
    /// A curve through points between two borders.
    Poly {
        /// The points.
        lane_points: Vec<[f64; 2]>,
        /// The left border.
        left_boundary_points: Vec<[f64; 2]>,
        /// The right border.
        right_boundary_points: Vec<[f64; 2]>,
    },
}

fn clockwise() -> bool {
    true
}
