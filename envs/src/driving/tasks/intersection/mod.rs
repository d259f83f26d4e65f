//! `intersection-v0`, `-v1`, `-v2` and `intersection-multi-agent-v0`, `-v1`, `-v2`: cross an intersection without lights.

mod defaults;
mod network;
mod traffic;

use std::sync::Arc;

use traffic::Spawn;

use super::casting::{Fulfilled, WEIGHTS, steps_of, weighted};
use crate::driving::action::Decision;
use crate::driving::catalogue::{Entry, paid_pair};
use crate::driving::road::RoadNetwork;
use crate::driving::road::scalar::{clip, lmap};
use crate::driving::scene::View;
use crate::driving::settings::Settings;
use crate::driving::task::{Stage, Task, Verdict};
use crate::options::OptionReader;
use crate::registry::{RegistryError, TaskEntry};

/// So far along an exit an ego has arrived, in m.
const ARRIVAL: f64 = 25.0;
/// About the length of the way from the end of an entry to the start of an exit, in m.
const CROSSING: f64 = 22.0;
/// Length of an arm, in m.
const ARM: f64 = 100.0;

/// To arrive is rewarded, and to drive fast until then; crashes cost. The task is fulfilled 25 m into any exit.
#[derive(Debug)]
pub struct Intersection {
    network: Arc<RoadNetwork>,
    /// The arm to which egos go; drawn if none.
    destination: Option<usize>,
    initial_vehicle_count: usize,
    spawn_probability: f64,
    weights: [f64; 3],
    reward_speed_range: [f64; 2],
    duration_s: f64,
    normalize_reward: bool,
    offroad_terminal: bool,
    /// Agents share their reward and their end; otherwise each has its own.
    cooperative: bool,
}

impl Intersection {
    /// The task that options ask for, whose agents share their reward.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        let network = network::network().map_err(|error| options.fail(&error))?;
        Ok(Self {
            network: Arc::new(network),
            destination: Self::read_destination(options)?,
            initial_vehicle_count: options.integer("initial_vehicle_count", 10, 1..=1000)?,
            spawn_probability: options.number("spawn_probability", 0.6, 0.0..=1.0)?,
            weights: [
                options.number("collision_reward", -5.0, WEIGHTS)?,
                options.number("high_speed_reward", 1.0, WEIGHTS)?,
                options.number("arrived_reward", 1.0, WEIGHTS)?,
            ],
            reward_speed_range: options.pair("reward_speed_range", [7.0, 9.0])?,
            duration_s: options.number("duration", 13.0, 1e-3..=1e4)?,
            normalize_reward: options.flag("normalize_reward", false)?,
            offroad_terminal: options.flag("offroad_terminal", false)?,
            cooperative: true,
        })
    }

    /// The same with a reward and an end for each agent of its own.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read_individual(options: &mut OptionReader<'_>) -> Result<Self, RegistryError> {
        Ok(Self {
            cooperative: false,
            ..Self::read(options)?
        })
    }

    fn read_destination(options: &mut OptionReader<'_>) -> Result<Option<usize>, RegistryError> {
        const KEY: &str = "destination";
        const NODES: [&str; 4] = ["o0", "o1", "o2", "o3"];
        if options.is_null(KEY) {
            options.ignore(KEY);
            return Ok(None);
        }
        let node = options.choice(KEY, "o1", &NODES)?;
        Ok(NODES.iter().position(|known| *known == node))
    }

    fn has_arrived(view: &View<'_>, ego: usize) -> bool {
        let (from, to, _) = view.network.triple(view.bodies[ego].lane);
        from.starts_with("il") && to.starts_with('o') && view.coordinates(ego).0 >= ARRIVAL
    }

    /// The values of the terms for one agent.
    fn terms_of(&self, view: &View<'_>, ego: usize) -> [f64; 4] {
        let body = &view.bodies[ego];
        let speed = lmap(body.speed, self.reward_speed_range, [0.0, 1.0]);
        [
            f64::from(u8::from(body.crashed)),
            clip(speed, 0.0, 1.0),
            f64::from(u8::from(Self::has_arrived(view, ego))),
            f64::from(u8::from(view.on_road(ego))),
        ]
    }

    fn reward_of(&self, terms: &[f64; 4]) -> f64 {
        let [collision, _, arrived] = self.weights;
        let sum = if terms[2] == 0.0 {
            weighted(&self.weights, terms)
        } else {
            arrived
        };
        let reward = sum * terms[3];
        if self.normalize_reward {
            lmap(reward, [collision, arrived], [0.0, 1.0])
        } else {
            reward
        }
    }

    /// Whether the episode is over for all.
    fn is_over(&self, view: &View<'_>) -> bool {
        let mut egos = (0..view.settings.agents).map(|agent| view.ego(agent));
        egos.clone().any(|ego| view.bodies[ego].crashed)
            || egos.all(|ego| Self::has_arrived(view, ego))
            || (self.offroad_terminal && !view.on_road(view.ego(0)))
    }
}

impl Intersection {
    /// The ids.
    pub(crate) fn entries() -> impl Iterator<Item = TaskEntry> {
        let entry = |id, doc| Entry {
            id,
            family: "Intersection",
            doc,
            sparse: "to arrive on an exit without a crash",
        };
        let one = "Cross an intersection without lights, fast, and hit nobody.";
        let wheel = "The same with throttle and steering, and tyres that slip.";
        let shared = "Several vehicles cross an intersection; they share their reward and their end.";
        let several = "Several vehicles cross an intersection; each has its own reward and end.";
        let ids = [
            paid_pair(entry("intersection-v0", one), defaults::discrete, Self::read),
            paid_pair(entry("intersection-v1", wheel), defaults::continuous, Self::read),
            paid_pair(entry("intersection-v2", one), defaults::connected, Self::read),
            paid_pair(
                entry("intersection-multi-agent-v0", shared),
                defaults::agents,
                Self::read,
            ),
            paid_pair(
                entry("intersection-multi-agent-v1", several),
                defaults::agents,
                Self::read_individual,
            ),
            paid_pair(
                entry("intersection-multi-agent-v2", several),
                defaults::connected_agents,
                Self::read_individual,
            ),
        ];
        ids.into_iter().flatten()
    }
}

impl Task for Intersection {
    type Memory = Fulfilled;

    const CHANGES_BETWEEN_STEPS: bool = true;

    fn network(&self) -> &Arc<RoadNetwork> {
        &self.network
    }

    fn capacity(&self, settings: &Settings) -> usize {
        // One more may appear after every step; so many never fit at once, as others appear only where there is room.
        const MOST_AT_ONCE: usize = 200;
        let appear = steps_of(self.duration_s, settings.policy_frequency) as usize + 1;
        self.initial_vehicle_count + settings.agents + appear.min(MOST_AT_ONCE)
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        Some(steps_of(self.duration_s, settings.policy_frequency))
    }

    fn reset(&self, stage: &mut Stage<'_, Fulfilled>) {
        traffic::populate(stage, self.initial_vehicle_count, self.destination);
    }

    fn between(&self, stage: &mut Stage<'_, Fulfilled>) {
        traffic::clear(stage);
        traffic::spawn(stage, Spawn::at(0.0, self.spawn_probability));
    }

    fn terms(&self) -> &'static [&'static str] {
        &[
            "collision_reward",
            "high_speed_reward",
            "arrived_reward",
            "on_road_reward",
        ]
    }

    fn reward_range(&self) -> (f64, f64) {
        let [collision, fast, arrived] = self.weights;
        let (low, high) = (collision.min(0.0), fast.max(arrived).max(0.0));
        let map = |reward| {
            if self.normalize_reward {
                lmap(reward, [collision, arrived], [0.0, 1.0])
            } else {
                reward
            }
        };
        (map(low), map(high))
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Fulfilled,
        agent: usize,
        _: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        let ego = view.ego(agent);
        let agents = view.settings.agents;
        let all = (0..agents).map(|agent| self.terms_of(view, view.ego(agent)));
        // As the package's `info["rewards"]`, terms are means over the agents.
        terms.fill(0.0);
        let mut shared = 0.0;
        for of_agent in all {
            shared += self.reward_of(&of_agent);
            for (sum, term) in terms.iter_mut().zip(of_agent) {
                *sum += term;
            }
        }
        for term in terms.iter_mut() {
            *term /= agents as f64;
        }
        let (crashed, arrived) = (view.bodies[ego].crashed, Self::has_arrived(view, ego));
        // The package calls it an arrival too if the ego is beside the road.
        let success = arrived && !crashed && view.on_road(ego);
        let (reward, terminated) = if self.cooperative {
            (shared / agents as f64, self.is_over(view))
        } else {
            (self.reward_of(&self.terms_of(view, ego)), crashed || arrived)
        };
        Verdict {
            reward,
            sparse: memory.pay(agent, success),
            terminated,
            truncated: view.episode.time_s >= self.duration_s,
            success,
        }
    }

    /// Along the entry, across, and 25 m along an exit.
    fn progress(&self, view: &View<'_>, _: &Fulfilled, agent: usize) -> f64 {
        let ego = view.ego(agent);
        let (from, to, _) = view.network.triple(view.bodies[ego].lane);
        let (s, _) = view.coordinates(ego);
        let made = match (from.as_bytes(), to.as_bytes()) {
            ([b'o', ..], _) => s,
            ([b'i', b'r', ..], _) => ARM + s.min(CROSSING),
            _ => ARM + CROSSING + s,
        };
        (made / (ARM + CROSSING + ARRIVAL)).clamp(0.0, 1.0)
    }

    fn success(&self) -> &'static str {
        "the ego is 25 m into an exit, on the road and uncrashed"
    }
}
