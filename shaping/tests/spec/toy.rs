//! A toy env whose rollouts are written as tapes, such as `"aab.cb!a"`.
//!
//! Each letter is a state; a step leads from one letter to the next. `.` after a letter says that it is the final state of
//! an episode that terminated, `!` of one that was truncated; the letter after it is the first state of the next episode.
//! A capital letter is the same place with another direction. The fact `goal_distance` is the letter's number (a is 0, z
//! is -1: not known), and so is `agent_x`.

use prospect_nets::TensorBatch;
use prospect_shaping::{
    Batch, ExtrinsicConfig, Metrics, Mixed, ModuleKind, ModuleRegistry, Needs, Relabel, RewardConfig,
    RewardModule, RewardStack, ShapingError, StackInit, TaskStream,
};
use prospect_sim::{
    ActionSpace, Dtype, EnvSpec, FactSelection, FactSpec, Field, FieldMut, Rollout, RowLayout,
};

pub(crate) const TASK: TaskStream = TaskStream {
    gamma: 0.9,
    gae_lambda: 0.95,
};

/// One step of one actor, as parsed from a tape.
#[derive(Debug, Clone, Copy)]
struct Step {
    before: char,
    end: Option<char>,
    /// What the step led to; the final state if the episode ended.
    to: char,
    /// What the next row holds: the first state of the next episode if it ended.
    after: char,
}

fn parse(tape: &str) -> Vec<Step> {
    let letters: Vec<char> = tape.chars().collect();
    let mut steps = Vec::new();
    let mut at = 0;
    while at + 1 < letters.len() {
        let (before, to) = (letters[at], letters[at + 1]);
        let end = letters.get(at + 2).copied().filter(|c| ".!".contains(*c));
        let after = if end.is_some() { letters[at + 3] } else { to };
        steps.push(Step {
            before,
            end,
            to,
            after,
        });
        at += if end.is_some() { 3 } else { 1 };
    }
    steps
}

pub(crate) fn spec() -> EnvSpec {
    EnvSpec {
        id: "Toy-v0".to_owned(),
        family: "Toy".to_owned(),
        doc: "letters".to_owned(),
        observation: vec![
            Field::new("image", Dtype::U8, &[1, 2, 3], 0.0, 255.0),
            Field::new("direction", Dtype::Index, &[], 0.0, 3.0),
            Field::new("position", Dtype::F32, &[2], -1.0, 30.0),
        ],
        actions: ActionSpace::Discrete { n: 3 },
        action_names: vec![],
        max_steps: Some(100),
        reward_range: (0.0, 1.0),
        agents_per_env: 1,
        facts: vec![
            FactSpec::state(
                Field::new("agent_x", Dtype::I32, &[], 0.0, 30.0),
                "cells",
                "the letter",
            ),
            FactSpec::state(
                Field::new("goal_distance", Dtype::I32, &[], -1.0, 30.0),
                "cells",
                "the letter",
            ),
            FactSpec::state(Field::new("pair", Dtype::F32, &[2], 0.0, 1.0), "", "two numbers"),
            FactSpec::event(Field::new("opened_door", Dtype::Bool, &[], 0.0, 1.0), "", "never"),
        ],
    }
}

pub(crate) fn layout(actors: usize, facts: &[&str]) -> RowLayout {
    let spec = spec();
    let selection = FactSelection::new(&spec.id, &spec.facts, facts.iter().copied()).unwrap();
    RowLayout::new(&spec, &selection, actors).unwrap()
}

fn number(letter: char) -> f64 {
    f64::from(letter.to_ascii_lowercase() as u32 - 'a' as u32)
}

fn put_observation(fields: &mut [FieldMut<'_>], actor: usize, letter: char) {
    let n = number(letter);
    let image = [
        n,
        (7.0 * n) % 6.0,
        n % 4.0,
        (5.0 * n) % 11.0,
        n % 6.0,
        (3.0 * n) % 4.0,
    ];
    for (i, value) in image.into_iter().enumerate() {
        fields[0].data.set_f64(actor * 6 + i, value);
    }
    fields[1]
        .data
        .set_f64(actor, f64::from(u8::from(letter.is_ascii_uppercase())));
    fields[2].data.set_f64(actor * 2, n);
    fields[2].data.set_f64(actor * 2 + 1, n / 10.0);
}

fn put_facts(fields: &mut [FieldMut<'_>], names: &[String], actor: usize, letter: char) {
    for (field, name) in fields.iter_mut().zip(names) {
        let unknown = name == "goal_distance" && letter == 'z';
        for i in 0..field.width {
            field.data.set_f64(
                actor * field.width + i,
                if unknown { -1.0 } else { number(letter) },
            );
        }
    }
}

fn fill(layout: &RowLayout, steps: &[&[Step]]) -> Rollout {
    let n_steps = steps[0].len();
    let names: Vec<String> = layout
        .state_facts
        .iter()
        .map(|field| field.name.clone())
        .collect();
    let mut rollout = Rollout::new(layout, n_steps);
    for (actor, steps) in steps.iter().enumerate() {
        let mut first = rollout.first_row_mut();
        put_observation(&mut first.observation, actor, steps[0].before);
        put_facts(&mut first.state_facts, &names, actor, steps[0].before);
    }
    for t in 0..n_steps {
        for (actor, action) in rollout.discrete_actions_mut(t).iter_mut().enumerate() {
            *action = (number(steps[actor][t].to) as i32 + 1) % 3;
        }
        let (_, mut row) = rollout.step_mut(t);
        for (actor, steps) in steps.iter().enumerate() {
            let step = steps[t];
            put_observation(&mut row.next.observation, actor, step.after);
            put_facts(&mut row.next.state_facts, &names, actor, step.after);
            if step.end.is_some() {
                put_observation(&mut row.last.observation, actor, step.to);
                put_facts(&mut row.last.state_facts, &names, actor, step.to);
            }
            row.terminated[actor] = step.end == Some('.');
            row.truncated[actor] = step.end == Some('!');
            row.reward[actor] = f64::from(u8::from(step.end == Some('.')));
            row.alive[actor] = true;
        }
    }
    rollout
}

/// The rollout of tapes, one per actor, with all facts.
pub(crate) fn rollout(tapes: &[&str]) -> Rollout {
    let steps: Vec<Vec<Step>> = tapes.iter().map(|tape| parse(tape)).collect();
    let steps: Vec<&[Step]> = steps.iter().map(Vec::as_slice).collect();
    fill(
        &layout(tapes.len(), &["agent_x", "goal_distance", "pair", "opened_door"]),
        &steps,
    )
}

/// The same cut into rollouts of `n_steps` steps.
pub(crate) fn rollouts(tapes: &[&str], n_steps: usize) -> Vec<Rollout> {
    let steps: Vec<Vec<Step>> = tapes.iter().map(|tape| parse(tape)).collect();
    let layout = layout(tapes.len(), &["agent_x", "goal_distance", "pair", "opened_door"]);
    (0..steps[0].len())
        .step_by(n_steps)
        .map(|from| {
            let part: Vec<&[Step]> = steps.iter().map(|steps| &steps[from..from + n_steps]).collect();
            fill(&layout, &part)
        })
        .collect()
}

/// The rollout of tapes of the agents of one env; `dead` lists steps and agents that take no part.
pub(crate) fn rollout_of_agents(tapes: &[&str], dead: &[(usize, usize)]) -> Rollout {
    let steps: Vec<Vec<Step>> = tapes.iter().map(|tape| parse(tape)).collect();
    let steps: Vec<&[Step]> = steps.iter().map(Vec::as_slice).collect();
    let mut layout = layout(tapes.len(), &["agent_x"]);
    layout.n_envs = 1;
    layout.agents_per_env = tapes.len();
    let mut rollout = fill(&layout, &steps);
    for &(t, agent) in dead {
        rollout.step_mut(t).1.alive[agent] = false;
    }
    rollout
}

/// Tapes of `n_steps` steps from a small generator: letters a to g, episodes of about ten steps with either end.
pub(crate) fn random_tapes(actors: usize, n_steps: usize, seed: u64) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut tapes = Vec::new();
    for _ in 0..actors {
        let mut letter = || (b'a' + draw(7) as u8) as char;
        let mut tape = String::from(letter());
        let mut ends = Vec::new();
        for _ in 0..n_steps {
            ends.push((letter(), letter(), letter()));
        }
        for (to, after, die) in ends {
            tape.push(to);
            if die < 'c' && after < 'd' {
                tape.push(if die == 'a' { '.' } else { '!' });
                tape.push(after);
            }
        }
        tapes.push(tape);
    }
    tapes
}

/// Pays the number of the letter that a step leads to; NaN for y. A module of an outside crate, so to speak.
struct Echo {
    name: String,
}

#[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct EchoSettings {}

impl RewardModule for Echo {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> Needs {
        Needs {
            facts: vec!["agent_x".to_owned()],
            ..Needs::default()
        }
    }

    fn relabel(&self) -> Relabel {
        Relabel::Exact
    }

    fn label(&self, batch: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        let rollout = batch.rollout;
        let fact = rollout.layout().state_fact("agent_x").unwrap();
        let k = rollout.actors();
        for (at, out) in out.iter_mut().enumerate() {
            let to = if rollout.ended(at / k, at % k) {
                rollout.final_fact(fact).get_f64(at)
            } else {
                rollout.state_fact(fact).get_f64(at + k)
            };
            *out = if to == number('y') { f32::NAN } else { to as f32 };
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        Ok(vec![])
    }

    fn load(&mut self, _: &[u8]) -> Result<(), ShapingError> {
        Ok(())
    }

    fn fork(&self, _: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(Self {
            name: self.name.clone(),
        }))
    }
}

/// Pays one more after each rollout that it learns from, and does not label old data anew.
struct Drifting {
    name: String,
    learned: u8,
}

impl RewardModule for Drifting {
    fn name(&self) -> &str {
        &self.name
    }

    fn relabel(&self) -> Relabel {
        Relabel::Frozen
    }

    fn label(&self, _: &Batch<'_>, out: &mut [f32]) -> Result<(), ShapingError> {
        out.fill(f32::from(self.learned));
        Ok(())
    }

    fn learn(&mut self, _: &Batch<'_>) -> Result<Metrics, ShapingError> {
        self.learned += 1;
        Ok(Metrics::new())
    }

    fn save(&self) -> Result<Vec<u8>, ShapingError> {
        Ok(vec![self.learned])
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ShapingError> {
        self.learned = bytes[0];
        Ok(())
    }

    fn fork(&self, _: usize) -> Result<Box<dyn RewardModule>, ShapingError> {
        Ok(Box::new(Self {
            name: self.name.clone(),
            learned: self.learned,
        }))
    }
}

/// The built-in kinds, `echo` and `drifting`.
pub(crate) fn registry() -> ModuleRegistry {
    let mut registry = ModuleRegistry::with_builtin();
    let drifting = ModuleKind::new("drifting", "pays more and more", |init, _: EchoSettings| {
        Ok(Box::new(Drifting {
            name: init.name.to_owned(),
            learned: 0,
        }))
    });
    registry.register(drifting).unwrap();
    let echo = ModuleKind::new("echo", "pays the letter's number", |init, _: EchoSettings| {
        Ok(Box::new(Echo {
            name: init.name.to_owned(),
        }))
    });
    registry.register(echo).unwrap();
    registry
}

/// The configurations of `[[reward]]` tables.
pub(crate) fn configs(text: &str) -> Result<Vec<RewardConfig>, ShapingError> {
    let table: toml::Table = toml::from_str(text).unwrap();
    let rewards = table
        .get("reward")
        .and_then(toml::Value::as_array)
        .cloned()
        .unwrap_or_default();
    let tables: Vec<toml::Table> = rewards
        .iter()
        .map(|value| value.as_table().unwrap().clone())
        .collect();
    RewardConfig::parse_all(&tables, &registry(), TASK)
}

pub(crate) fn try_stack(
    text: &str,
    actors: usize,
    extrinsic: ExtrinsicConfig,
) -> Result<RewardStack, ShapingError> {
    let spec = spec();
    let init = StackInit {
        spec: &spec,
        actors,
        seed: 1,
        device: prospect_nets::Device::Cpu,
    };
    RewardStack::new(configs(text)?, extrinsic, &registry(), &init)
}

/// The stack of `[[reward]]` tables.
pub(crate) fn stack(text: &str, actors: usize) -> RewardStack {
    try_stack(text, actors, ExtrinsicConfig::default()).unwrap()
}

pub(crate) fn tensors(rollout: &Rollout) -> TensorBatch<'_> {
    TensorBatch::new(rollout, prospect_nets::Device::Cpu)
}

/// Observes a rollout that goes on from the last one, and labels it.
pub(crate) fn go_on(stack: &mut RewardStack, rollout: &Rollout) -> Mixed {
    for t in 0..rollout.n_steps() {
        stack.observe(rollout, t);
    }
    stack.label(rollout, &tensors(rollout), 0).unwrap()
}

/// Begins, observes and labels a rollout.
pub(crate) fn run(stack: &mut RewardStack, rollout: &Rollout) -> Mixed {
    stack.begin(rollout).unwrap();
    go_on(stack, rollout)
}

/// The raw channel of a stack of one module over tapes.
pub(crate) fn raw(text: &str, tapes: &[&str]) -> Vec<f32> {
    let mut stack = stack(text, tapes.len());
    let rollout = rollout(tapes);
    run(&mut stack, &rollout).channels.remove(0).raw
}

#[track_caller]
pub(crate) fn assert_close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{got:?} against {want:?}");
    for (g, w) in got.iter().zip(want) {
        assert!(
            (f64::from(*g) - w).abs() <= 1e-6 * w.abs().max(1.0),
            "{got:?} against {want:?}"
        );
    }
}
