//! Who drives a vehicle.

use serde::{Deserialize, Serialize};

/// Who drives a vehicle: what highway-env says by the class of the vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Nobody: it keeps the steering angle and the acceleration it was given (`Vehicle`).
    Manual,
    /// As [`Kind::Manual`], with tyres that slip (`BicycleVehicle`).
    Dynamic,
    /// Controllers that keep a lane and a speed (`ControlledVehicle`).
    Controlled,
    /// The same, ordered about by meta-actions (`MDPVehicle`).
    Meta,
    /// IDM along the lane, MOBIL across (`IDMVehicle`).
    Idm,
    /// Controllers that are linear in their parameters (`LinearVehicle`).
    Linear,
    /// A linear vehicle that keeps short distances (`AggressiveVehicle`).
    Aggressive,
    /// A linear vehicle that keeps long distances (`DefensiveVehicle`).
    Defensive,
}

impl Kind {
    /// It follows a target lane at a target speed.
    #[inline]
    pub fn has_target(self) -> bool {
        !matches!(self, Self::Manual | Self::Dynamic)
    }

    /// It decides for itself when to brake and when to change lane.
    #[inline]
    pub fn is_traffic(self) -> bool {
        matches!(
            self,
            Self::Idm | Self::Linear | Self::Aggressive | Self::Defensive
        )
    }

    /// Its controllers are linear in their parameters.
    #[inline]
    pub fn is_linear(self) -> bool {
        matches!(self, Self::Linear | Self::Aggressive | Self::Defensive)
    }
}
