//! `KinematicsGoal`: the vehicle's features, those that it has reached, and those of its goal.

use prospect_sim::{ACHIEVED_GOAL, DESIRED_GOAL, Dtype, Field, FieldsMut};

use super::kinematics::{Feature, Seen, read_features};
use super::{Observer, ObserverScratch};
use crate::driving::scene::View;
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// Features divided by scales, of the vehicle and of its goal.
#[derive(Debug, Clone, PartialEq)]
pub struct KinematicsGoal {
    /// What is observed.
    pub features: Vec<Feature>,
    /// What each feature is divided by.
    pub scales: Vec<f64>,
}

impl Default for KinematicsGoal {
    /// Place, velocity and heading, in units of 100 m, 5 m/s and 1.
    fn default() -> Self {
        Self {
            features: vec![
                Feature::X,
                Feature::Y,
                Feature::Vx,
                Feature::Vy,
                Feature::CosH,
                Feature::SinH,
            ],
            scales: vec![100.0, 100.0, 5.0, 5.0, 1.0, 1.0],
        }
    }
}

impl KinematicsGoal {
    /// The observer that options describe.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let default = Self::default();
        options.ignore("normalize");
        let features = read_features(options, "features")?.unwrap_or(default.features);
        let n = features.len();
        let scales = options.numbers("scales", &default.scales, n..=n)?;
        if scales.len() == n && scales.iter().all(|&scale| scale != 0.0) {
            return Ok(Self { features, scales });
        }
        Err(options.refuse("scales", &format!("{n} numbers other than 0")))
    }

    /// Numbers in a goal.
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// Fills `reached` with what the vehicle of `agent` has reached, and `wanted` with its goal. Landmarks do not move.
    pub fn goals(&self, view: &View<'_>, agent: usize, reached: &mut [f64], wanted: &mut [f64]) {
        // Goals come first among the objects, in the order of the agents.
        let own = Seen::new(view, view.ego(agent));
        let goal = Seen::new(view, view.bodies.len() + agent);
        for (i, (&feature, scale)) in self.features.iter().zip(&self.scales).enumerate() {
            reached[i] = feature.of(view, &own, None, true) / scale;
            wanted[i] = feature.of(view, &goal, None, true) / scale;
        }
    }
}

impl Observer for KinematicsGoal {
    fn fields(&self) -> Vec<Field> {
        let field = |name: &str| {
            let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
            Field::new(name, Dtype::F32, &[self.width()], low, high)
        };
        ["observation", ACHIEVED_GOAL, DESIRED_GOAL].map(field).to_vec()
    }

    fn observe(
        &self,
        view: &View<'_>,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        let n = self.width();
        scratch.numbers.clear();
        scratch.numbers.resize(2 * n, 0.0);
        let (reached, wanted) = scratch.numbers.split_at_mut(n);
        self.goals(view, agent, reached, wanted);
        for (field, numbers) in out.iter_mut().zip([&*reached, reached, wanted]) {
            if let Some(values) = field.data.as_f32() {
                for (value, &number) in values[actor * n..(actor + 1) * n].iter_mut().zip(numbers) {
                    *value = number as f32;
                }
            }
        }
    }
}
