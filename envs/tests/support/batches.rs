//! What every family of tasks owes its users in batches: the same bytes whatever the shards and threads, and from snapshots.

use std::sync::Arc;

use prospect_sim::random::Generator;
use prospect_sim::{Env, VecEnvConfig};

use super::{Batch, all_facts, crc32};

/// A configuration that subscribes to all facts of `env`.
pub fn with_facts(env: &Arc<dyn Env>) -> VecEnvConfig {
    VecEnvConfig {
        facts: all_facts(env),
        ..VecEnvConfig::default()
    }
}

/// Plays random actions and hashes what each env brings.
pub fn hashes(env: &Arc<dyn Env>, seeds: &[u64], config: VecEnvConfig, steps: usize) -> Vec<u32> {
    let mut batch = Batch::new(env, seeds, config);
    let mut rng = Generator::default_rng(7);
    let mut crcs = vec![0; seeds.len()];
    for _ in 0..steps {
        batch.step_randomly(&mut rng);
        for (k, crc) in crcs.iter_mut().enumerate() {
            *crc = crc32(*crc, &batch.bytes_of(k));
        }
    }
    crcs
}

/// Plays `steps` steps with one shard, two, and one per env, and expects the same bytes.
pub fn same_with_any_shards(env: &Arc<dyn Env>, seeds: &[u64], steps: usize) {
    let play = |shards, threads| {
        let config = VecEnvConfig {
            shards: Some(shards),
            threads,
            ..with_facts(env)
        };
        hashes(env, seeds, config, steps)
    };
    let one = play(1, 1);
    for (shards, threads) in [(2, 2), (seeds.len(), 3)] {
        assert_eq!(
            play(shards, threads),
            one,
            "{} with {shards} shards, {threads} threads",
            env.spec().id
        );
    }
}

/// Saves two envs after `before` steps, restores them in other envs and expects the same bytes for `steps` steps; a cut-off
/// snapshot is refused.
pub fn replays_from_snapshots(env: &Arc<dyn Env>, before: usize, steps: usize) {
    let id = &env.spec().id;
    let mut batch = Batch::new(env, &[11, 12], with_facts(env));
    let mut rng = Generator::default_rng(3);
    for _ in 0..before {
        batch.step_randomly(&mut rng);
    }
    let snapshots = [batch.vec.save(0).unwrap(), batch.vec.save(1).unwrap()];
    let states = [batch.vec.state_hash(0).ok(), batch.vec.state_hash(1).ok()];
    let play = |batch: &mut Batch| -> u32 {
        let mut rng = rng.clone();
        (0..steps).fold(0, |crc, _| {
            batch.step_randomly(&mut rng);
            crc32(crc, &batch.bytes())
        })
    };
    let first = play(&mut batch);
    let mut other = Batch::new(env, &[77, 78], with_facts(env));
    other.step_randomly(&mut Generator::default_rng(0));
    for (k, snapshot) in snapshots.iter().enumerate() {
        other.vec.restore(k, snapshot).unwrap();
        assert_eq!(other.vec.save(k).unwrap(), *snapshot, "{id}");
        assert_eq!(other.vec.state_hash(k).ok(), states[k], "{id}");
        assert!(other.vec.restore(k, &snapshot[..snapshot.len() - 3]).is_err());
    }
    assert_eq!(play(&mut other), first, "{id}");
}
