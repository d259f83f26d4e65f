//! Other rewards for a task than its own: CaRL's product, and a sum of terms of the kind that it was compared with.
//!
//! The option `reward` chooses: `own`, `carl` (see [`carl`](super::carl)), or `shaped`, a sum in the manner of Roach's reward
//! (Zhang et al. 2021): nearness to the desired speed, minus the distance from the middle of the lane, minus the error of the
//! heading, minus a toll for each change of steering, minus 1 and the speed in a collision. CaRL's paper reports that PPO with
//! such a sum gets worse as minibatches grow, and with the product does not.

use std::sync::Arc;

use prospect_sim::random::Generator;
use prospect_sim::{FactSpec, Field, FieldsMut, GoalReward};
use serde::{Deserialize, Serialize};

use super::action::Decision;
use super::carl::{FACTORS, Ledger, Mover, Tick};
use super::episode::Memory;
use super::observation::ObserverScratch;
use super::road::RoadNetwork;
use super::road::scalar::{Point, direction, dot, sub};
use super::scene::View;
use super::settings::Settings;
use super::task::{MAX_TERMS, Stage, Task, Verdict};
use super::tasks::{Exit, Intersection, Merge, Racetrack, Roundabout};
use crate::options::OptionReader;
use crate::registry::RegistryError;

/// By which reward a task is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Its own.
    Own,
    /// Share of the way times factors.
    Carl,
    /// A sum of terms.
    Shaped,
}

const SHAPED_TERMS: [&str; 5] = ["speed", "position", "rotation", "action", "terminal"];

/// A task with a way to make.
pub trait Way: Task {
    /// The share of the way that is made, from 0 to 1: the task's progress, unless that is not of a way. `driven_m` are metres
    /// along the lanes since the start.
    fn completed(&self, view: &View<'_>, memory: &Self::Memory, agent: usize, driven_m: f64) -> f64 {
        let _ = driven_m;
        self.progress(view, memory, agent)
    }

    /// True outside of the lanes of the way.
    fn outside(&self, view: &View<'_>, memory: &Self::Memory, agent: usize) -> bool {
        let _ = memory;
        !view.on_road(view.ego(agent))
    }

    /// Distance from the middle of the lane and its speed limit, in m and m/s; no distance within junctions.
    fn lane(&self, view: &View<'_>, memory: &Self::Memory, agent: usize) -> (Option<f64>, Option<f64>) {
        let _ = memory;
        let ego = view.ego(agent);
        let lane = view.network.lane(view.bodies[ego].lane);
        (Some(view.coordinates(ego).1), lane.speed_limit())
    }
}

impl Way for Exit {}
impl Way for Intersection {}
impl Way for Merge {}
impl Way for Racetrack {}
impl Way for Roundabout {}

/// What is remembered of an agent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Account {
    ledger: Ledger,
    driven_m: f64,
    position: Point,
    steering: f64,
}

/// The memory of a task, and of its reward.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(bound = "M: Memory")]
pub struct Accounts<M: Memory> {
    own: M,
    /// Per agent; empty if the task is paid by its own reward.
    agents: Vec<Account>,
}

/// A task paid by a [`Scheme`].
#[derive(Debug)]
pub struct Rewarded<T> {
    task: T,
    scheme: Scheme,
}

impl<T: Way> Rewarded<T> {
    /// The task that `read` makes, paid as the option `reward` says: by its own reward unless told otherwise.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read(
        options: &mut OptionReader<'_>,
        read: impl FnOnce(&mut OptionReader<'_>) -> Result<T, RegistryError>,
    ) -> Result<Self, RegistryError> {
        let scheme = match options.choice("reward", "own", &["own", "carl", "shaped"])? {
            "carl" => Scheme::Carl,
            "shaped" => Scheme::Shaped,
            _ => Scheme::Own,
        };
        Ok(Self {
            task: read(options)?,
            scheme,
        })
    }

    /// A task paid by CaRL's reward unless the option `reward` asks for the sum.
    ///
    /// # Errors
    /// [`RegistryError`] for values that cannot be used.
    pub fn read_carl(
        options: &mut OptionReader<'_>,
        read: impl FnOnce(&mut OptionReader<'_>) -> Result<T, RegistryError>,
    ) -> Result<Self, RegistryError> {
        let scheme = match options.choice("reward", "carl", &["carl", "shaped"])? {
            "shaped" => Scheme::Shaped,
            _ => Scheme::Carl,
        };
        Ok(Self {
            task: read(options)?,
            scheme,
        })
    }

    /// The step's reward by CaRL; fills `terms` with its factors.
    fn judge_carl(
        &self,
        view: &View<'_>,
        memory: &mut Accounts<T::Memory>,
        agent: usize,
        terms: &mut [f64],
    ) -> f64 {
        let ego = view.ego(agent);
        let body = &view.bodies[ego];
        let account = &mut memory.agents[agent];
        let (lateral_m, speed_limit_mps) = self.task.lane(view, &memory.own, agent);
        let factors = account.ledger.enter(&Tick {
            dt_s: view.settings.step_s(),
            completed: self.task.completed(view, &memory.own, agent, account.driven_m),
            position: body.position,
            heading: body.heading,
            speed_mps: body.speed,
            speed_limit_mps,
            lateral_m,
            collision_ahead: collision_ahead(view, ego),
            outside: self.task.outside(view, &memory.own, agent),
            collided: body.crashed,
        });
        terms.copy_from_slice(&factors.values());
        factors.reward()
    }

    /// The step's reward as a sum; fills `terms`.
    fn judge_shaped(
        &self,
        view: &View<'_>,
        memory: &mut Accounts<T::Memory>,
        agent: usize,
        terms: &mut [f64],
    ) -> f64 {
        const STEERING_TOLERANCE_RAD: f64 = 0.01;
        let ego = view.ego(agent);
        let body = &view.bodies[ego];
        let lane = view.network.lane(body.lane);
        let (s, lateral) = view.coordinates(ego);
        let limit = self
            .task
            .lane(view, &memory.own, agent)
            .1
            .unwrap_or(lane.speed_limit().unwrap_or(30.0));
        let turned = (body.steering - memory.agents[agent].steering).abs() > STEERING_TOLERANCE_RAD;
        let values = [
            1.0 - ((body.speed - limit * clearance(view, ego)).abs() / limit).min(2.0),
            -0.5 * lateral.abs().min(10.0),
            -lane.local_angle(body.heading, s).abs(),
            if turned { -0.1 } else { 0.0 },
            if body.crashed {
                -1.0 - body.speed.abs()
            } else {
                0.0
            },
        ];
        terms.copy_from_slice(&values);
        values.iter().sum()
    }
}

/// 1 with nobody near ahead, falling to 0 from 13 to 8 m between centres.
fn clearance(view: &View<'_>, ego: usize) -> f64 {
    view.leader(ego)
        .map_or(1.0, |(gap, _)| ((gap - 8.0) / 5.0).clamp(0.0, 1.0))
}

fn collision_ahead(view: &View<'_>, ego: usize) -> bool {
    let vehicle = |i: usize| Mover {
        center: view.bodies[i].position,
        heading: view.bodies[i].heading,
        speed_mps: view.bodies[i].speed,
        size: [view.params[i].length, view.params[i].width],
    };
    let others = (0..view.bodies.len()).filter(|&i| i != ego).map(vehicle);
    let obstacles = view
        .objects
        .iter()
        .filter(|object| object.solid)
        .map(|object| Mover {
            center: object.position,
            heading: object.heading,
            speed_mps: object.speed,
            size: [object.length, object.width],
        });
    vehicle(ego).collides_ahead(others.chain(obstacles))
}

/// Whether more than 95 % of a vehicle is beside all lanes, by 15 points of it.
fn off_road(view: &View<'_>, ego: usize) -> bool {
    if view.on_road(ego) {
        return false;
    }
    let body = &view.bodies[ego];
    let [c, s] = direction(body.heading);
    let size = &view.params[ego];
    [-0.5, -0.25, 0.0, 0.25, 0.5].iter().all(|along| {
        [-0.5, 0.0, 0.5].iter().all(|aside| {
            let (x, y) = (along * size.length, aside * size.width);
            let point = [body.position[0] + c * x - s * y, body.position[1] + s * x + c * y];
            let lane = view.network.closest_lane(point, None);
            !view.network.lane(lane).on_lane(point, 0.0)
        })
    })
}

impl<T: Way> Task for Rewarded<T> {
    type Memory = Accounts<T::Memory>;

    const CHANGES_BETWEEN_STEPS: bool = T::CHANGES_BETWEEN_STEPS;
    const PUBLISHED: bool = T::PUBLISHED;

    fn network(&self) -> &Arc<RoadNetwork> {
        self.task.network()
    }

    fn capacity(&self, settings: &Settings) -> usize {
        self.task.capacity(settings)
    }

    fn max_steps(&self, settings: &Settings) -> Option<u32> {
        self.task.max_steps(settings)
    }

    fn reset(&self, stage: &mut Stage<'_, Self::Memory>) {
        self.task.reset(&mut own_stage(stage));
    }

    fn before_step(&self, view: &View<'_>, memory: &mut Self::Memory, rng: &mut Generator) {
        self.task.before_step(view, &mut memory.own, rng);
        if self.scheme == Scheme::Own {
            return;
        }
        let known = memory.agents.len();
        memory
            .agents
            .resize_with(view.episode.controlled.len(), Account::default);
        for (agent, account) in memory.agents.iter_mut().enumerate() {
            let body = view.ego_body(agent);
            if view.episode.steps == 0 || agent >= known {
                let completed = self.task.completed(view, &memory.own, agent, 0.0);
                account.ledger = Ledger::start(completed, body.position, body.heading, body.speed);
                account.driven_m = 0.0;
            }
            account.position = body.position;
            account.steering = body.steering;
        }
    }

    fn between(&self, stage: &mut Stage<'_, Self::Memory>) {
        self.task.between(&mut own_stage(stage));
    }

    const MEASURES: bool = T::MEASURES;

    fn measure(
        &self,
        view: &View<'_>,
        memory: &mut Self::Memory,
        rng: &mut Generator,
        measured: &mut Vec<f64>,
    ) {
        self.task.measure(view, &mut memory.own, rng, measured);
    }

    fn fields(&self, settings: &Settings) -> Vec<Field> {
        self.task.fields(settings)
    }

    fn observe(
        &self,
        view: &View<'_>,
        memory: &Self::Memory,
        agent: usize,
        scratch: &mut ObserverScratch,
        out: &mut FieldsMut<'_>,
        actor: usize,
    ) {
        self.task.observe(view, &memory.own, agent, scratch, out, actor);
    }

    fn terms(&self) -> &'static [&'static str] {
        match self.scheme {
            Scheme::Own => self.task.terms(),
            Scheme::Carl => &FACTORS,
            Scheme::Shaped => &SHAPED_TERMS,
        }
    }

    fn reward_range(&self) -> (f64, f64) {
        match self.scheme {
            Scheme::Own => self.task.reward_range(),
            Scheme::Carl => (-100.0, 100.0),
            Scheme::Shaped => (-55.0, 1.0),
        }
    }

    fn judge(
        &self,
        view: &View<'_>,
        memory: &mut Self::Memory,
        agent: usize,
        decision: Decision<'_>,
        terms: &mut [f64],
    ) -> Verdict {
        if self.scheme == Scheme::Own {
            return self.task.judge(view, &mut memory.own, agent, decision, terms);
        }
        let mut own_terms = [0.0; MAX_TERMS];
        let own_terms = &mut own_terms[..self.task.terms().len()];
        let verdict = self.task.judge(view, &mut memory.own, agent, decision, own_terms);
        let ego = view.ego(agent);
        let (s, _) = view.coordinates(ego);
        let body = &view.bodies[ego];
        let along = direction(view.network.lane(body.lane).heading_at(s));
        let account = &mut memory.agents[agent];
        account.driven_m += dot(sub(body.position, account.position), along);
        let reward = match self.scheme {
            Scheme::Carl => self.judge_carl(view, memory, agent, terms),
            _ => self.judge_shaped(view, memory, agent, terms),
        };
        Verdict {
            reward,
            terminated: verdict.terminated || body.crashed || off_road(view, ego),
            ..verdict
        }
    }

    fn progress(&self, view: &View<'_>, memory: &Self::Memory, agent: usize) -> f64 {
        self.task.progress(view, &memory.own, agent)
    }

    fn success(&self) -> &'static str {
        self.task.success()
    }

    fn goals(&self) -> Option<&dyn GoalReward> {
        match self.scheme {
            Scheme::Own => self.task.goals(),
            Scheme::Carl | Scheme::Shaped => None,
        }
    }

    fn facts(&self) -> Vec<FactSpec> {
        self.task.facts()
    }

    fn fact(&self, view: &View<'_>, memory: &Self::Memory, agent: usize, index: usize) -> f64 {
        self.task.fact(view, &memory.own, agent, index)
    }
}

/// The stage of the task within.
fn own_stage<'a, M: Memory>(stage: &'a mut Stage<'_, Accounts<M>>) -> Stage<'a, M> {
    Stage {
        network: stage.network,
        settings: stage.settings,
        fleet: &mut *stage.fleet,
        episode: &mut *stage.episode,
        memory: &mut stage.memory.own,
        rng: &mut *stage.rng,
        scratch: &mut *stage.scratch,
    }
}
