//! What a replay costs: memory of a million transitions of a gridworld with context, and the time of drawing a batch.
//!
//! `cargo run --release -p prospect-agents --example replay_cost`

#![expect(clippy::print_stdout, reason = "the output of an example")]

use std::{error::Error, hint::black_box, time::Instant};

use prospect_agents::{Draw, Eligible, PriorityConfig, Replay, Sample};
use prospect_sim::{ActionSpace, Dtype, Field, Rollout, RowLayout, random::Generator};

const MILLION: usize = 1_000_000;

fn layout(observation: Vec<Field>, state_facts: Vec<Field>, n_envs: usize) -> RowLayout {
    RowLayout {
        n_envs,
        agents_per_env: 1,
        observation,
        state_facts,
        event_facts: Vec::new(),
        actions: ActionSpace::Discrete { n: 7 },
    }
}

fn cartpole() -> RowLayout {
    layout(
        vec![Field::new("observation", Dtype::F32, &[4], -1.0, 1.0)],
        Vec::new(),
        1,
    )
}

fn minigrid() -> RowLayout {
    let observation = vec![
        Field::new("image", Dtype::U8, &[7, 7, 3], 0.0, 255.0),
        Field::new("direction", Dtype::Index, &[], 0.0, 3.0),
        Field::new("mission", Dtype::Text, &[], 0.0, 1.0),
    ];
    let facts = vec![Field::new("agent_x", Dtype::I32, &[], 0.0, 30.0); 4];
    layout(observation, facts, 16)
}

/// Kibibytes of this process that are in memory; 0 where the system does not tell.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// A full replay of `capacity` transitions, an episode of which ends every 100 steps, and the seconds that filling it took.
fn filled(
    layout: &RowLayout,
    contexts: usize,
    capacity: usize,
    n_step: usize,
) -> Result<(Replay, f64), Box<dyn Error>> {
    let replay = Replay::new(layout, contexts, capacity)?;
    let mut replay = replay.with_priorities(&PriorityConfig::default(), n_step)?;
    let mut rollout = Rollout::new(layout, 4);
    let context = vec![1.0; 4 * layout.actors()];
    let clock = Instant::now();
    while replay.len() < replay.capacity() {
        let row = replay.end_row();
        let ends = row % 100 == 96;
        let columns = rollout.columns_mut();
        columns
            .truncated
            .iter_mut()
            .rev()
            .take(layout.actors())
            .for_each(|truncated| *truncated = ends);
        columns.reward.fill(row as f64);
        replay.push(&rollout, |_| &context)?;
    }
    Ok((replay, clock.elapsed().as_secs_f64()))
}

/// Microseconds of one of `rounds` calls.
fn time_us(rounds: u32, mut call: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let clock = Instant::now();
    for _ in 0..rounds {
        call()?;
    }
    Ok(clock.elapsed().as_secs_f64() * 1e6 / f64::from(rounds))
}

fn draws(
    name: &str,
    layout: &RowLayout,
    contexts: usize,
    capacity: usize,
    n_step: usize,
) -> Result<(), Box<dyn Error>> {
    let before = resident_kib();
    let (mut replay, seconds) = filled(layout, contexts, capacity, n_step)?;
    let (bytes, resident) = (
        replay.bytes() as f64 / 1e6,
        (resident_kib() - before) as f64 * 1024.0 / 1e6,
    );
    let mut sample = Sample::new(&replay, n_step, 128)?;
    let mut rng = Generator::default_rng(1);
    let mut draw =
        |how, sample: &mut Sample| time_us(3000, || Ok(replay.draw(how, &mut rng, black_box(sample))?));
    let uniform = draw(Draw::Uniform(Eligible::All), &mut sample)?;
    let prioritised = draw(Draw::Prioritised { beta: 0.5 }, &mut sample)?;
    let picks = sample.picks.clone();
    let gather = time_us(3000, || Ok(replay.gather(&picks, black_box(&mut sample))?))?;
    let errors: Vec<f32> = (0..128_u8).map(f32::from).collect();
    let update = time_us(3000, || {
        replay.update_priorities(&picks, &errors);
        Ok(())
    })?;
    let push_ns = seconds * 1e9 / replay.capacity() as f64;
    println!(
        "{name:9} {capacity:8} x {n_step} steps: {bytes:6.1} MB counted, {resident:6.1} MB resident, push {push_ns:4.0} ns; \
         batch of 128: gather {gather:5.1} us, uniform draw {uniform:5.1} us, prioritised {prioritised:5.1} us, \
         update {update:5.1} us"
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    draws("CartPole", &cartpole(), 0, 10_000, 1)?;
    draws("CartPole", &cartpole(), 0, 10_000, 3)?;
    draws("CartPole", &cartpole(), 0, MILLION, 1)?;
    draws("MiniGrid", &minigrid(), 4, MILLION, 1)?;
    draws("MiniGrid", &minigrid(), 4, MILLION, 3)
}
