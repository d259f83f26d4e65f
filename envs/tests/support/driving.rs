//! Courses recorded from highway-env by `scripts/record_highway_golden.py`, and a player that compares with them.

use std::path::PathBuf;

use prospect_envs::{Options, Registry};
use prospect_sim::{Autoreset, BodyState, FactKind, Rollout, Seeds, VecEnv, VecEnvConfig};
use serde::Deserialize;
use serde_json::Value;

use super::npz;

/// Largest difference of positions, headings and speeds.
const STATE_TOLERANCE: f64 = 1e-9;
/// Largest difference of rewards and their terms, which the package takes in part from float32 actions.
const REWARD_TOLERANCE: f64 = 1e-6;
/// Largest difference of observations, of values above 1 in relation to them.
const OBSERVATION_TOLERANCE: f32 = 1e-6;

/// An exported state and where it belongs.
#[derive(Deserialize)]
struct Exported {
    tape: usize,
    step: usize,
    state: Value,
}

/// A row of which everything was recorded.
#[derive(Clone, Copy)]
struct Row {
    tape: usize,
    step: usize,
    reset: bool,
    index: usize,
}

/// One file of courses.
pub struct Courses {
    name: String,
    id: String,
    config: Options,
    agents: usize,
    width: usize,
    seeds: Vec<u64>,
    seeded: Vec<bool>,
    /// First step of each tape, and the end.
    first: Vec<usize>,
    actions: Actions,
    reward: Vec<f64>,
    flags: Vec<u8>,
    ended: Vec<bool>,
    terms: Vec<f64>,
    term_names: Vec<String>,
    ego: Vec<f64>,
    rows: Vec<Row>,
    row_first: Vec<usize>,
    vehicle: Vec<f64>,
    vehicle_lane: Vec<i16>,
    vehicle_target: Vec<i16>,
    vehicle_crashed: Vec<u8>,
    lanes: Vec<Value>,
    observations: Vec<(String, Vec<f32>)>,
    states: Vec<Exported>,
}

enum Actions {
    Discrete(Vec<u8>),
    Continuous(Vec<f32>),
}

fn text(path: &std::path::Path, name: &str) -> String {
    String::from_utf8(npz::<u8>(path, name)).unwrap()
}

fn indices(values: Vec<i32>) -> Vec<usize> {
    values.into_iter().map(|value| value as usize).collect()
}

impl Courses {
    /// The file of an id, or `id+variant`.
    pub fn open(name: &str) -> Self {
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/driving");
        let path = golden.join(format!("{name}.npz"));
        let parse = |name: &str| serde_json::from_str(&text(&path, name)).unwrap();
        let mut first = vec![0];
        first.extend(npz::<i32>(&path, "steps").iter().scan(0, |sum, &steps| {
            *sum += steps as usize;
            Some(*sum)
        }));
        let total = first[first.len() - 1];
        let reward: Vec<f64> = npz(&path, "reward");
        let agents = reward.len() / total;
        let id = text(&path, "env_id");
        let Value::Object(config) = parse("config") else {
            panic!("{name}: config")
        };
        let space = Registry::with_builtin().make(&id, &config).unwrap();
        let continuous = space.spec().actions.is_continuous();
        let actions = if continuous {
            Actions::Continuous(npz(&path, "action"))
        } else {
            Actions::Discrete(npz(&path, "action"))
        };
        let width = space.spec().actions.width();
        let row_tape = indices(npz(&path, "row_tape"));
        let (row_step, row_reset) = (indices(npz(&path, "row_step")), npz::<u8>(&path, "row_reset"));
        let rows = (0..row_tape.len()).map(|index| Row {
            tape: row_tape[index],
            step: row_step[index],
            reset: row_reset[index] != 0,
            index,
        });
        let names = space.spec().observation.iter().map(|field| field.name.clone());
        let observations = names.map(|field| {
            let values = npz(&path, &format!("observation/{field}"));
            (field, values)
        });
        let Value::Array(lanes) = parse("lanes") else {
            panic!("{name}: lanes")
        };
        Self {
            observations: observations.collect(),
            name: name.to_owned(),
            rows: rows.collect(),
            seeds: npz(&path, "seed"),
            seeded: npz::<u8>(&path, "seeded").iter().map(|&flag| flag != 0).collect(),
            flags: npz(&path, "flags"),
            ended: npz::<u8>(&path, "ended").iter().map(|&flag| flag != 0).collect(),
            terms: npz(&path, "terms"),
            term_names: serde_json::from_value(parse("term_names")).unwrap(),
            ego: npz(&path, "ego"),
            row_first: indices(npz(&path, "row_first")),
            vehicle: npz(&path, "vehicle"),
            vehicle_lane: npz(&path, "vehicle_lane"),
            vehicle_target: npz(&path, "vehicle_target"),
            vehicle_crashed: npz(&path, "vehicle_crashed"),
            states: serde_json::from_value(parse("states")).unwrap(),
            id,
            config,
            agents,
            width,
            first,
            actions,
            reward,
            lanes,
        }
    }

    /// Plays every seeded tape from its seed, over the ends of its episodes.
    pub fn play_from_seeds(&self) {
        let tapes: Vec<_> = (0..self.seeds.len()).filter(|&tape| self.seeded[tape]).collect();
        let seeds: Vec<_> = tapes.iter().map(|&tape| self.seeds[tape]).collect();
        let mut play = Play::new(self, tapes, self.config.clone());
        play.reset(Seeds::List(&seeds));
        play.compare_rows(0, true);
        let steps = self.first[1] - self.first[0];
        for t in 0..steps {
            play.step(t);
            play.compare_rows(t + 1, false);
            play.reset_ended(t);
            play.compare_rows(t + 1, true);
        }
    }

    /// Plays every tape from every state that was exported on it, until the episode ends.
    pub fn play_from_states(&self) {
        for exported in &self.states {
            let Value::Object(mut state) = exported.state.clone() else {
                panic!("{}: state", self.name)
            };
            let Some(Value::Object(mut options)) = state.remove("config") else {
                panic!("{}: config of a state", self.name)
            };
            options.insert("reset_state".to_owned(), Value::Object(state));
            let mut play = Play::new(self, vec![exported.tape], options);
            play.reset(Seeds::Base(0));
            // The noise of the observation that was made before the export is not in the stream any more.
            if !self.name.starts_with("lane-keeping") {
                play.compare_rows(exported.step, exported.step == 0);
            }
            let steps = self.first[exported.tape + 1] - self.first[exported.tape];
            for t in exported.step..steps {
                play.step(t);
                play.compare_rows(t + 1, false);
                if play.ended(t, 0) {
                    break;
                }
            }
        }
    }

    fn row(&self, tape: usize, step: usize, reset: bool) -> Option<Row> {
        self.rows
            .iter()
            .copied()
            .find(|row| row.tape == tape && row.step == step && row.reset == reset)
    }
}

/// Tapes that are being played, one env each.
struct Play<'a> {
    courses: &'a Courses,
    tapes: Vec<usize>,
    envs: VecEnv,
    rollout: Rollout,
    /// Event facts of the reward's terms, and success.
    facts: Vec<String>,
    /// The row of the rollout that holds the present observations.
    now: usize,
}

impl<'a> Play<'a> {
    fn new(courses: &'a Courses, tapes: Vec<usize>, options: Options) -> Self {
        let env = Registry::with_builtin()
            .make(&courses.id, &options)
            .unwrap_or_else(|why| panic!("{}, tape {}: {why}", courses.name, tapes[0]));
        let wanted = courses.term_names.iter().map(|term| format!("reward/{term}"));
        let facts: Vec<_> = wanted.chain(["success".to_owned()]).collect();
        let published = &env.spec().facts;
        assert!(
            facts.iter().all(|name| published
                .iter()
                .any(|fact| fact.field.name == *name && fact.kind == FactKind::Event)),
            "{}: event facts {facts:?}",
            courses.name
        );
        let config = VecEnvConfig {
            n_envs: tapes.len(),
            autoreset: Autoreset::Disabled,
            facts: facts.clone(),
            ..VecEnvConfig::default()
        };
        let envs = VecEnv::new(env, &config).unwrap();
        let rollout = Rollout::new(envs.layout(), 1);
        Self {
            courses,
            tapes,
            envs,
            rollout,
            facts,
            now: 0,
        }
    }

    fn reset(&mut self, seeds: Seeds<'_>) {
        self.envs.reset(seeds, self.rollout.first_row_mut()).unwrap();
    }

    /// Whether step `t` of the tape of env `k` ended an episode.
    fn ended(&self, t: usize, k: usize) -> bool {
        let agents = self.courses.agents;
        (k * agents..(k + 1) * agents).all(|actor| !self.alive_after(actor))
            || self.courses.ended[self.courses.first[self.tapes[k]] + t]
    }

    fn label(&self, k: usize, step: usize) -> String {
        let tape = self.tapes[k];
        format!(
            "{}, tape {tape} (seed {}), after step {step}",
            self.courses.name, self.courses.seeds[tape]
        )
    }

    /// Makes step `t` of every tape and compares reward, flags, terms and egos.
    fn step(&mut self, t: usize) {
        let courses = self.courses;
        let per_step = courses.agents * courses.width;
        let places = self.tapes.iter().map(|&tape| courses.first[tape] + t);
        match &courses.actions {
            Actions::Discrete(all) => {
                let chosen = places.flat_map(|at| &all[at * per_step..(at + 1) * per_step]);
                let chosen: Vec<_> = chosen.map(|&action| i32::from(action)).collect();
                self.rollout.discrete_actions_mut(0).copy_from_slice(&chosen);
            }
            Actions::Continuous(all) => {
                let chosen = places.flat_map(|at| &all[at * per_step..(at + 1) * per_step]);
                let chosen: Vec<_> = chosen.copied().collect();
                self.rollout.continuous_actions_mut(0).copy_from_slice(&chosen);
            }
        }
        let (actions, row) = self.rollout.step_mut(0);
        self.envs.step(actions, row).unwrap();
        self.now = 1;
        for k in 0..self.tapes.len() {
            self.compare_step(t, k);
        }
    }

    fn compare_step(&mut self, t: usize, k: usize) {
        let (courses, agents) = (self.courses, self.courses.agents);
        let at = courses.first[self.tapes[k]] + t;
        let label = self.label(k, t + 1);
        for agent in 0..agents {
            let (ours, theirs) = (k * agents + agent, at * agents + agent);
            if !self.rollout.alive()[ours] {
                continue;
            }
            let (reward, golden) = (self.rollout.reward()[ours], courses.reward[theirs]);
            assert!(
                (reward - golden).abs() <= REWARD_TOLERANCE * golden.abs().max(1.0),
                "{label}: reward {reward}, not {golden}"
            );
            let flags =
                u8::from(self.rollout.terminated()[ours]) | u8::from(self.rollout.truncated()[ours]) << 1;
            assert_eq!(flags, courses.flags[theirs] & 3, "{label}: flags");
            for (i, name) in self.facts.iter().enumerate().take(courses.term_names.len()) {
                let (term, golden) = (
                    self.rollout.event_fact(i).get_f64(ours),
                    courses.terms[at * courses.term_names.len() + i],
                );
                assert!(
                    (term - golden).abs() <= REWARD_TOLERANCE * golden.abs().max(1.0),
                    "{label}: {name} {term}, not {golden}"
                );
            }
        }
        let mut bodies = Vec::new();
        self.envs.bodies(k, false, &mut bodies);
        for ego in courses.ego[at * agents * 4..(at + 1) * agents * 4].chunks_exact(4) {
            let nearest = bodies
                .iter()
                .map(|body| difference(body, ego))
                .fold(f64::INFINITY, f64::min);
            assert!(
                nearest <= STATE_TOLERANCE,
                "{label}: an ego is {nearest} from {ego:?}"
            );
        }
    }

    /// Whether an actor goes on after the step just made.
    fn alive_after(&self, actor: usize) -> bool {
        self.rollout.alive()[actor] && !self.rollout.ended(0, actor)
    }

    fn reset_ended(&mut self, t: usize) {
        let places = self.tapes.iter().map(|&tape| self.courses.first[tape] + t);
        let mask: Vec<_> = places.map(|at| self.courses.ended[at]).collect();
        for (k, &golden) in mask.iter().enumerate() {
            let agents = self.courses.agents;
            let ours = (k * agents..(k + 1) * agents).all(|actor| !self.alive_after(actor));
            // What the last step of a tape ended is not recorded as an end.
            let last = t + 1 == self.courses.first[1];
            assert!(ours == golden || last, "{}: end", self.label(k, t + 1));
        }
        if mask.contains(&true) {
            let row = self.rollout.step_mut(0).1.next;
            self.envs.reset_where(&mask, row).unwrap();
        }
    }

    /// Compares everything with the rows recorded after `step` steps, or after the reset that followed.
    fn compare_rows(&mut self, step: usize, reset: bool) {
        for k in 0..self.tapes.len() {
            if let Some(row) = self.courses.row(self.tapes[k], step, reset) {
                self.compare_row(k, row, step);
            }
        }
    }

    fn compare_row(&mut self, k: usize, row: Row, step: usize) {
        let courses = self.courses;
        let label = self.label(k, step);
        let mut bodies = Vec::new();
        self.envs.bodies(k, false, &mut bodies);
        let vehicles = courses.row_first[row.index]..courses.row_first[row.index + 1];
        assert_eq!(bodies.len(), vehicles.len(), "{label}: vehicles");
        let state: Value = serde_json::from_str(&self.envs.state_json(k).unwrap()).unwrap();
        for (i, v) in vehicles.enumerate() {
            let golden = &courses.vehicle[v * 4..(v + 1) * 4];
            let off = difference(&bodies[i], golden);
            assert!(
                off <= STATE_TOLERANCE,
                "{label}: vehicle {i} is {off} off: {:?}, not {golden:?}",
                bodies[i]
            );
            assert_eq!(
                bodies[i].crashed,
                courses.vehicle_crashed[v] != 0,
                "{label}: vehicle {i}"
            );
            let form = &state["vehicles"][i];
            assert_eq!(
                form["lane"], courses.lanes[courses.vehicle_lane[v] as usize],
                "{label}: vehicle {i}"
            );
            if let Ok(target) = usize::try_from(courses.vehicle_target[v]) {
                assert_eq!(
                    form["target_lane"], courses.lanes[target],
                    "{label}: target of vehicle {i}"
                );
            }
        }
        self.compare_observation(k, row, &label);
    }

    fn compare_observation(&self, k: usize, row: Row, label: &str) {
        let agents = self.courses.agents;
        for (component, (name, golden)) in self.courses.observations.iter().enumerate() {
            let width = agents * self.rollout.layout().observation[component].width();
            let golden = &golden[row.index * width..(row.index + 1) * width];
            let ours = self.rollout.observation_row(component, self.now);
            for (i, &value) in golden.iter().enumerate() {
                let seen = ours.get_f64(k * width + i) as f32;
                assert!(
                    (seen - value).abs() <= OBSERVATION_TOLERANCE * value.abs().max(1.0),
                    "{label}: {name}[{i}] is {seen}, not {value}"
                );
            }
        }
    }
}

fn difference(body: &BodyState, golden: &[f64]) -> f64 {
    let ours = [body.position[0], body.position[1], body.heading, body.speed_mps];
    ours.iter()
        .zip(golden)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}
