//! A suite folder with known answers: three tasks, three variants, five seeds, curves by formula, pinned levels with
//! plausible fields.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use npyz::npz::NpzWriter;

pub(crate) const ENVS: [&str; 3] = [
    "MiniGrid-DoorKey-8x8-v0",
    "MiniGrid-MultiRoom-N4-S5-v0",
    "MiniGrid-KeyCorridorS3R3-v0",
];
pub(crate) const VARIANTS: [(&str, &str); 3] = [
    ("none", "No bonus"),
    ("first_visit", "First visit"),
    ("rnd", "RND"),
];
pub(crate) const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];
/// Floor, ceiling and threshold of each task.
pub(crate) const RANGES: [(f64, f64, f64); 3] = [(0.0, 1.0, 0.9), (0.0, 0.8, 0.6), (-0.1, 0.9, 0.7)];
pub(crate) const STEPS: [u64; 3] = [500_000, 1_000_000, 1_000_000];

/// Final return of each task, variant and seed.
pub(crate) const FINALS: [[[f64; 5]; 3]; 3] = [
    [
        [0.95, 0.94, 0.30, 0.96, 0.93],
        [0.97, 0.96, 0.95, 0.97, 0.96],
        [0.96, 0.93, 0.94, 0.95, 0.20],
    ],
    [
        [0.0, 0.0, 0.0, 0.08, 0.0],
        [0.76, 0.72, 0.78, 0.75, 0.74],
        [0.72, 0.04, 0.68, 0.0, 0.70],
    ],
    [
        [-0.1, -0.1, -0.1, -0.1, -0.1],
        [0.85, 0.88, 0.30, 0.86, 0.84],
        [0.75, -0.1, 0.6, 0.4, -0.05],
    ],
];

/// Share of the budget at which each task, variant and seed is half way up.
pub(crate) fn halfway(env: usize, variant: usize, seed: usize) -> f64 {
    0.12 + 0.12 * env as f64 + [0.25, 0.0, 0.12][variant] + 0.03 * seed as f64
}

/// Evaluation return at a step: a smooth rise from the floor that ends at the final return.
pub(crate) fn return_at(env: usize, variant: usize, seed: usize, step: u64) -> f64 {
    let (floor, ..) = RANGES[env];
    let share = step as f64 / STEPS[env] as f64;
    let rise = |share: f64| 1.0 / (1.0 + (-(share - halfway(env, variant, seed)) * 22.0).exp());
    let height = (rise(share) - rise(0.0)) / (rise(1.0) - rise(0.0));
    floor + (FINALS[env][variant][seed] - floor) * height
}

/// Writes the suite; returns its folder.
pub(crate) fn write_suite(root: &Path) -> PathBuf {
    let dir = root.join("suite");
    fs::create_dir_all(&dir).unwrap();
    fs::write(
        dir.join("suite.toml"),
        "name = \"bonuses on three tasks\"\nseeds = [1, 2, 3, 4, 5]\n",
    )
    .unwrap();
    fs::write(dir.join("suite.json"), suite_json()).unwrap();
    for env in 0..ENVS.len() {
        for variant in 0..VARIANTS.len() {
            for seed in 0..SEEDS.len() {
                write_run(&run_dir(&dir, env, variant, seed), env, variant, seed);
            }
        }
    }
    dir
}

pub(crate) fn run_dir(suite: &Path, env: usize, variant: usize, seed: usize) -> PathBuf {
    suite
        .join("runs")
        .join(ENVS[env])
        .join(VARIANTS[variant].0)
        .join(format!("seed_{}", SEEDS[seed]))
}

fn suite_json() -> String {
    let envs: Vec<_> = ENVS
        .iter()
        .zip(RANGES)
        .map(|(id, (floor, ceiling, threshold))| {
            serde_json::json!({"id": id, "floor": floor, "ceiling": ceiling, "threshold": threshold})
        })
        .collect();
    let variants: Vec<_> = VARIANTS
        .iter()
        .map(|(name, label)| serde_json::json!({"name": name, "label": label}))
        .collect();
    let chosen = |weight: f64| {
        serde_json::json!({
            "first_visit": {"settings": {"reward.0.weight": weight}, "score": 0.61, "grid_size": 3},
            "rnd": {"settings": {"reward.0.weight": weight * 2.0}, "score": 0.52, "grid_size": 3},
        })
    };
    let total: serde_json::Map<String, serde_json::Value> = ENVS
        .iter()
        .zip(STEPS)
        .map(|(id, steps)| ((*id).to_owned(), steps.into()))
        .collect();
    serde_json::to_string_pretty(&serde_json::json!({
        "name": "Bonuses on three tasks",
        "envs": envs,
        "variants": variants,
        "seeds": SEEDS,
        "tuning": {
            "seeds": [101, 102],
            "budget_runs": 36,
            "steps": 300_000,
            "chosen": {ENVS[0]: chosen(0.1), ENVS[1]: chosen(0.25), ENVS[2]: chosen(0.5)},
        },
        "total_steps": total,
        "commands": ["prospect compare assets/suites/bonuses.toml --out runs/bonuses", "prospect report runs/bonuses"],
    }))
    .unwrap()
}

fn write_run(dir: &Path, env: usize, variant: usize, seed: usize) {
    fs::create_dir_all(dir.join("probe")).unwrap();
    let reward = match variant {
        0 => String::new(),
        1 => "\n[[reward]]\nkind = \"first_visit\"\nweight = 0.25\nmix = \"add\"\n".to_owned(),
        _ => "\n[[reward]]\nkind = \"rnd\"\nweight = 0.5\nmix = \"own_value_head\"\n".to_owned(),
    };
    let settings = format!(
        "[run]\nseed = {}\n\n[env]\nid = \"{}\"\nn_envs = 64\n\n[agent]\nkind = \"ppo\"\ntotal_steps = {}\n{reward}",
        SEEDS[seed], ENVS[env], STEPS[env]
    );
    fs::write(dir.join("run.toml"), settings).unwrap();
    let meta = serde_json::json!({
        "prospect": "0.1.0", "git": "0123abc", "libtorch": "2.11.0", "rustc": "1.95.0",
        "cpu_features": ["avx2", "fma"], "seed": SEEDS[seed],
        "run_id": format!("{}/{}/{}", ENVS[env], VARIANTS[variant].0, SEEDS[seed]), "env": ENVS[env],
        "command": ["prospect", "train", "run.toml", "--out", "runs/x y"],
        "started_utc": "2026-11-23T06:00:00Z",
        "machine": {"cpu_model": "Example CPU @ 2.0 GHz", "cores": 2},
    });
    fs::write(dir.join("meta.json"), meta.to_string()).unwrap();
    let status = serde_json::json!({"state": "finished", "step": STEPS[env], "error": null});
    fs::write(dir.join("status.json"), status.to_string()).unwrap();
    fs::write(dir.join("eval.csv"), eval_csv(env, variant, seed)).unwrap();
    fs::write(dir.join("metrics.csv"), metrics_csv(env, variant, seed)).unwrap();
    fs::write(dir.join("timing.csv"), timing_csv(env, variant, seed)).unwrap();
    if seed == 0 {
        for share in [0, 1, 2, 4] {
            write_probe(
                &dir.join("probe"),
                variant,
                share as f64 / 4.0,
                STEPS[env] * share / 4,
            );
        }
    }
}

fn eval_csv(env: usize, variant: usize, seed: usize) -> String {
    let mut out = "step,episodes,return_mean,return_std,success_rate,length_mean\n".to_owned();
    for k in 0..=20 {
        let step = STEPS[env] * k / 20;
        let value = return_at(env, variant, seed, step);
        let success = (value.max(0.0) * 100.0).round() / 100.0;
        writeln!(out, "{step},100,{value},0.2,{success},{}", 300.0 - 200.0 * value).unwrap();
    }
    out
}

/// Frame of the first success in training, if there is one.
pub(crate) fn first_success(env: usize, variant: usize, seed: usize) -> Option<u64> {
    let (floor, ceiling, _) = RANGES[env];
    let reached = FINALS[env][variant][seed] > floor + 0.05 * (ceiling - floor);
    reached.then(|| (0.3 * halfway(env, variant, seed) * STEPS[env] as f64) as u64)
}

/// Distinct observations at the end of a run.
pub(crate) fn unique_states(env: usize, variant: usize, seed: usize) -> f64 {
    ([900.0, 4200.0, 3100.0][variant] * (1.0 + env as f64) + 37.0 * seed as f64).round()
}

fn metrics_csv(env: usize, variant: usize, seed: usize) -> String {
    let module = ["", "first_visit", "rnd"][variant];
    let mut out = "step,charts/episodic_return,charts/episodic_length,charts/success_rate,charts/episodes,\
                   losses/policy_loss,losses/value_loss,losses/entropy,losses/approx_kl,losses/clipfrac,\
                   losses/explained_variance,reward/extrinsic/raw_mean,reward/extrinsic/mixed_mean,\
                   reward/extrinsic/advantage_ratio,"
        .to_owned();
    if variant > 0 {
        write!(
            out,
            "reward/{module}/raw_mean,reward/{module}/mixed_mean,reward/{module}/advantage_ratio,"
        )
        .unwrap();
    }
    out += "explore/unique_states,explore/unique_positions,explore/first_success_step\n";
    let iterations = 120;
    for k in 1..=iterations {
        let share = f64::from(k) / f64::from(iterations);
        let step = STEPS[env] * u64::try_from(k).unwrap() / u64::try_from(iterations).unwrap();
        let value = return_at(env, variant, seed, step);
        let noise = (f64::from(k) * 1.7 + seed as f64).sin() * 0.1;
        let episodes = if k == 1 {
            String::new()
        } else {
            (value + 0.1 * noise).to_string()
        };
        write!(
            out,
            "{step},{episodes},{},{},{},{},{},{},{},{},{},{},{},{},",
            300.0 - 200.0 * value,
            value.max(0.0),
            k * 20,
            -0.01 + 0.01 * noise,
            0.3 * (1.0 - share) + 0.05 + 0.02 * noise,
            1.9 * (1.0 - 0.6 * share),
            0.01 + 0.002 * noise,
            0.15 + 0.05 * noise,
            0.9 * share,
            0.01 * value,
            0.01 * value,
            0.5 + 0.4 * share
        )
        .unwrap();
        if variant > 0 {
            write!(
                out,
                "{},{},{},",
                0.3 / (1.0 + 9.0 * share),
                0.05 / (1.0 + 9.0 * share),
                0.5 - 0.4 * share
            )
            .unwrap();
        }
        let seen = unique_states(env, variant, seed) * (share.sqrt());
        let first = first_success(env, variant, seed).filter(|first| *first <= step);
        let seen = if k == iterations {
            unique_states(env, variant, seed)
        } else {
            seen.round()
        };
        writeln!(
            out,
            "{seen},{},{}",
            (seen / 9.0).round(),
            first.map_or(String::new(), |f| f.to_string())
        )
        .unwrap();
    }
    out
}

fn timing_csv(env: usize, variant: usize, seed: usize) -> String {
    let mut out = "step,wall_s,cpu_s,sps,hop/act_s,hop/step_s,hop/label_s,hop/learn_s\n".to_owned();
    let sps = 20_000.0 - 3_000.0 * variant as f64 - 100.0 * seed as f64;
    for k in 1..=10 {
        let step = STEPS[env] * k / 10;
        let wall = step as f64 / sps;
        let hops = [0.25, 0.05, 0.1, 0.6].map(|share| share * wall / 10.0);
        writeln!(
            out,
            "{step},{wall},{},{sps},{},{},{},{}",
            wall * 0.98,
            hops[0],
            hops[1],
            hops[2],
            hops[3]
        )
        .unwrap();
    }
    out
}

const SIDE: usize = 11;

/// Two levels: rooms behind doors with a key, and a lava field.
pub(crate) fn layouts() -> (Vec<u8>, Vec<i32>) {
    let mut cells = Vec::new();
    for level in 0..2 {
        for x in 0..SIDE {
            for y in 0..SIDE {
                let border = x == 0 || y == 0 || x == SIDE - 1 || y == SIDE - 1;
                let cell = match (level, x, y) {
                    _ if border => [2, 5, 0],
                    (0, 5, 3) => [4, 4, 2],
                    (0, 8, 6) => [4, 1, 1],
                    (0, 5, _) | (0, 6.., 6) => [2, 5, 0],
                    (0, 2, 8) => [5, 4, 0],
                    (0, 3, 2) => [6, 2, 0],
                    (0, 7, 2) => [7, 3, 0],
                    (0, 8, 9) | (1, 9, 9) => [8, 1, 0],
                    (1, 5, 4) => [1, 0, 0],
                    (1, 5, _) => [9, 0, 0],
                    _ => [1, 0, 0],
                };
                cells.extend(cell);
            }
        }
    }
    (cells, vec![1, 1, 0, 1, 1, 1])
}

fn free(cells: &[u8], level: usize, x: usize, y: usize) -> bool {
    let kind = cells[((level * SIDE + x) * SIDE + y) * 3];
    !matches!(kind, 2 | 9)
}

fn write_probe(folder: &Path, variant: usize, share: f64, step: u64) {
    let (cells, starts) = layouts();
    let reach = 3.0 + share * [4.0, 18.0, 12.0][variant];
    let mut per_cell = vec![Vec::new(); 3];
    let mut value = vec![f32::NAN; 2 * 4 * SIDE * SIDE];
    let mut action = vec![-1_i8; 2 * 4 * SIDE * SIDE];
    for level in 0..2 {
        for x in 0..SIDE {
            for y in 0..SIDE {
                let away = (x + y) as f64 - 2.0;
                let seen = free(&cells, level, x, y) && away <= reach;
                let visits = (900.0 * (-away / (2.0 + reach / 3.0)).exp()).ceil() as f32;
                per_cell[0].push(if seen { visits } else { 0.0 });
                per_cell[1].push(if seen {
                    (0.02 * away / (1.0 + away)) as f32
                } else {
                    f32::NAN
                });
                per_cell[2].push(if seen {
                    (1.0 / f64::from(visits).sqrt()) as f32
                } else {
                    f32::NAN
                });
                for heading in 0..4 {
                    let k = ((level * 4 + heading) * SIDE + x) * SIDE + y;
                    if free(&cells, level, x, y) {
                        let towards = if heading < 2 { 0.05 } else { 0.0 };
                        value[k] = (share * (0.3 + 0.03 * away + towards)) as f32;
                        action[k] = if heading < 2 { 2 } else { ((x + heading) % 2) as i8 };
                    }
                }
            }
        }
    }
    let mut npz = new_npz(&folder.join(format!("step_{step:012}.npz")));
    let (n, side) = (2, SIDE as u64);
    put(&mut npz, "layout", &[n, side, side, 3], &cells);
    put(&mut npz, "agent_start", &[n, 3], &starts);
    put(&mut npz, "visits", &[n, side, side], &per_cell[0]);
    put(&mut npz, "extrinsic", &[n, side, side], &per_cell[1]);
    put(&mut npz, "mixed", &[n, side, side], &per_cell[1]);
    if variant > 0 {
        put(
            &mut npz,
            &format!("bonus/{}", VARIANTS[variant].0),
            &[n, side, side],
            &per_cell[2],
        );
    }
    put(&mut npz, "value", &[n, 4, side, side], &value);
    put(&mut npz, "greedy_action", &[n, 4, side, side], &action);
}

pub(crate) type Npz = NpzWriter<std::io::BufWriter<fs::File>>;

/// A new npz file.
pub(crate) fn new_npz(path: &Path) -> Npz {
    NpzWriter::create(path).unwrap()
}

/// Adds an array to an npz file.
pub(crate) fn put<T: npyz::AutoSerialize + Copy>(npz: &mut Npz, name: &str, shape: &[u64], values: &[T]) {
    let options = npyz::zip::write::FileOptions::default();
    let mut writer = npz
        .array::<T>(name, options)
        .unwrap()
        .default_dtype()
        .shape(shape)
        .begin_nd()
        .unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
}
