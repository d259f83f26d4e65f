//! `ExitObservation`: kinematics in which the ego's x is its place along the lane to the exit.

use prospect_sim::{Field, FieldsMut};

use super::{Kinematics, Observer, ObserverScratch};
use crate::driving::observation::kinematics::Feature;
use crate::driving::road::LaneIx;
use crate::driving::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Kinematics of vehicles, with the way to the exit; for the roads of `exit-v0`. Obstacles are not listed.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitObservation(Kinematics);

impl Default for ExitObservation {
    /// What `exit-v0` observes: the ego and the 14 nearest, unclipped.
    fn default() -> Self {
        Self(Kinematics {
            features: vec![
                Feature::Presence,
                Feature::X,
                Feature::Y,
                Feature::Vx,
                Feature::Vy,
                Feature::CosH,
                Feature::SinH,
            ],
            vehicles_count: 15,
            clip: false,
            include_obstacles: false,
            ..Kinematics::default()
        })
    }
}

impl ExitObservation {
    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        Ok(Self(Kinematics {
            include_obstacles: false,
            ..Kinematics::read(options)?
        }))
    }
}

impl Observer for ExitObservation {
    fn fields(&self) -> Vec<Field> {
        self.0.fields()
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        self.0.observe(view, agent, scratch, out, actor);
        let network = view.network;
        let Some(first) = network.find("1", "2", 0) else {
            return;
        };
        let exit_lane = LaneIx(network.lanes_of(network.road(first)).end - 1);
        let (s, _) = network
            .lane(exit_lane)
            .local_coordinates(view.ego_body(agent).position);
        let x = self.0.scaled(Feature::X, s, view.episode.first_lanes[agent]);
        let width = self.0.vehicles_count * self.0.features.len();
        let Some(values) = out.first_mut().and_then(|field| field.data.as_f32()) else {
            return;
        };
        let own = &mut values[actor * width..];
        for (value, feature) in own.iter_mut().zip(&self.0.features) {
            if *feature == Feature::X {
                *value = x as f32;
            }
        }
    }
}
