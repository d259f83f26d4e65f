//! Gridworlds in batches: independent of shards and threads, restorable at any step, with facts that hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use std::sync::Arc;

use prospect_envs::gridworld::{
    BoardMut, Cell, Geometry, Gridworld, Level, LevelError, Objective, Settings, Start,
};
use prospect_sim::random::Generator;
use prospect_sim::{Autoreset, Env, VecEnvConfig};
use support::batches::replays_from_snapshots;
use support::{Batch, all_facts, ids, make, random_actions};

#[test]
fn a_batch_equals_single_envs_whatever_the_shards_and_threads() {
    const N: usize = 37;
    for id in [
        "MiniGrid-DoorKey-5x5-v0",
        "MiniGrid-MultiRoom-N2-S4-v0",
        "MiniGrid-LavaCrossingS9N2-v0",
    ] {
        let env = make(id, "{}");
        let seeds: Vec<u64> = (300..300 + N as u64).collect();
        let tapes: Vec<Vec<i32>> = (0..N as u64).map(|k| random_actions(k, 7, 300)).collect();
        let hashes = |shards: usize, threads: usize| {
            let config = VecEnvConfig {
                shards: Some(shards),
                threads,
                ..VecEnvConfig::default()
            };
            let mut batch = Batch::new(&env, &seeds, config);
            let mut crcs: Vec<u32> = (0..N).map(|k| batch.feed_first(k)).collect();
            for t in 0..300 {
                batch.step(&tapes.iter().map(|tape| tape[t]).collect::<Vec<_>>());
                crcs.iter_mut()
                    .enumerate()
                    .for_each(|(k, crc)| *crc = batch.feed_step(*crc, k));
            }
            crcs
        };
        let single: Vec<u32> = (0..N)
            .map(|k| {
                let mut batch = Batch::new(&env, &seeds[k..=k], VecEnvConfig::default());
                let mut crc = batch.feed_first(0);
                for action in &tapes[k] {
                    batch.step(&[*action]);
                    crc = batch.feed_step(crc, 0);
                }
                crc
            })
            .collect();
        for (shards, threads) in [(1, 1), (2, 2), (5, 4), (37, 3)] {
            assert_eq!(
                hashes(shards, threads),
                single,
                "{id} with {shards} shards, {threads} threads"
            );
        }
    }
}

#[test]
fn a_snapshot_replays_the_same_bytes() {
    for id in ids() {
        replays_from_snapshots(&make(&id, "{}"), 60, 60);
    }
}

#[test]
fn damaged_snapshots_are_refused() {
    let env = make("MiniGrid-DoorKey-5x5-v0", "{}");
    let mut batch = Batch::new(&env, &[0], VecEnvConfig::default());
    let snapshot = batch.vec.save(0).unwrap();
    assert!(batch.vec.restore(0, &snapshot[..snapshot.len() - 3]).is_err());
    let mut cells = snapshot.clone();
    let wall = cells.iter().rposition(|byte| *byte == 46).unwrap();
    cells[wall] = 60;
    let error = batch.vec.restore(0, &cells).unwrap_err().to_string();
    assert!(error.contains("60 is no cell code"), "{error}");
    let other = make("MiniGrid-DoorKey-6x6-v0", "{}");
    let foreign = Batch::new(&other, &[0], VecEnvConfig::default())
        .vec
        .save(0)
        .unwrap();
    assert!(batch.vec.restore(0, &foreign).is_err());
}

/// Walks the planner's tape of a `DoorKey` level and checks facts against what must have happened.
#[test]
fn facts_follow_an_episode() {
    let env = make("MiniGrid-DoorKey-6x6-v0", "{}");
    let config = VecEnvConfig {
        facts: all_facts(&env),
        autoreset: Autoreset::Disabled,
        ..VecEnvConfig::default()
    };
    let mut batch = Batch::new(&env, &[4], config);
    let layout = batch.vec.layout().clone();
    let state = |batch: &Batch, name: &str, t: usize| -> i32 {
        batch
            .rollout
            .state_fact(layout.state_fact(name).unwrap())
            .as_i32()
            .unwrap()[t]
    };
    let event = |batch: &Batch, name: &str| -> bool {
        batch
            .rollout
            .event_fact(layout.event_fact(name).unwrap())
            .as_bool()
            .unwrap()[0]
    };
    let plan = batch.vec.plan(0).unwrap();
    let mut distance = state(&batch, "goal_distance", 0);
    assert!(distance > 0);
    assert_eq!(state(&batch, "n_locked_doors", 0), 1);
    assert_eq!(state(&batch, "carrying_type", 0), 1);
    assert_eq!(state(&batch, "carrying_color", 0), -1);
    let (mut unlocked, mut picked) = (0, 0);
    for (k, action) in plan.iter().enumerate() {
        let front = state(&batch, "front_type", usize::from(k > 0));
        batch.step(&[*action]);
        let last = k + 1 == plan.len();
        let now = state(&batch, "goal_distance", 1);
        // A plan walks towards what is next to do; turning and handling things leaves the distance as it is,
        // but for the key: the cell it lies on need not be walked to once it is in hand.
        assert!(
            now <= distance && distance - now <= 2,
            "step {k}: {distance} -> {now}"
        );
        distance = now;
        assert_eq!(state(&batch, "step", 1), k as i32 + 1);
        let scene = batch.vec.scene(0).unwrap();
        assert_eq!(
            [state(&batch, "agent_x", 1), state(&batch, "agent_y", 1)],
            scene.pose[..2]
        );
        assert_eq!(state(&batch, "agent_dir", 1), scene.pose[2]);
        assert_eq!(event(&batch, "moved"), *action == 2);
        assert!(!event(&batch, "bumped") && !event(&batch, "failure") && !event(&batch, "dropped"));
        assert_eq!(event(&batch, "success"), last);
        assert_eq!(event(&batch, "picked_up"), *action == 3);
        assert_eq!(event(&batch, "unlocked_door"), *action == 5);
        assert_eq!(event(&batch, "opened_door"), *action == 5);
        picked += i32::from(event(&batch, "picked_up"));
        unlocked += i32::from(event(&batch, "unlocked_door"));
        if *action == 3 {
            assert_eq!(front, 5);
            assert_eq!(
                [
                    state(&batch, "carrying_type", 1),
                    state(&batch, "carrying_color", 1)
                ],
                [5, 4]
            );
        }
        assert_eq!(state(&batch, "n_open_doors", 1), unlocked);
        assert_eq!(state(&batch, "n_locked_doors", 1), 1 - unlocked);
    }
    assert_eq!((picked, unlocked, distance), (1, 1, 0));
}

/// What agent and grid look like, without the clock.
fn stage(batch: &mut Batch) -> (prospect_sim::Scene, Vec<i32>) {
    let layout = batch.vec.layout().clone();
    let facts = ["carrying_type", "carrying_color"].map(|name| layout.state_fact(name).unwrap());
    let mut now = batch.rollout.clone();
    batch.vec.observe(now.first_row_mut());
    let carried = facts.map(|fact| now.state_fact(fact).as_i32().unwrap()[0]);
    (batch.vec.scene(0).unwrap(), carried.to_vec())
}

fn mask(batch: &mut Batch) -> Vec<bool> {
    let fact = batch.vec.layout().state_fact("action_mask").unwrap();
    let mut now = batch.rollout.clone();
    batch.vec.observe(now.first_row_mut());
    now.state_fact(fact).as_bool().unwrap()[..7].to_vec()
}

#[test]
fn the_mask_by_hand() {
    let env = make("MiniGrid-Empty-5x5-v0", "{}");
    let config = VecEnvConfig {
        facts: vec!["action_mask".to_owned()],
        ..VecEnvConfig::default()
    };
    let mut batch = Batch::new(&env, &[0], config);
    // In the upper left corner, facing right: nothing to take, drop or toggle, and "done" does nothing.
    assert_eq!(mask(&mut batch), [true, true, true, false, false, false, false]);
    // Facing the wall above.
    batch.step(&[0]);
    assert_eq!(mask(&mut batch), [true, true, false, false, false, false, false]);
}

/// Every action is tried in every state of random walks through levels with keys, doors, boxes and balls.
#[test]
fn the_mask_says_what_would_change() {
    let ids = [
        "MiniGrid-DoorKey-5x5-v0",
        "MiniGrid-KeyCorridorS3R1-v0",
        "MiniGrid-MemoryS7-v0",
        "MiniGrid-BlockedUnlockPickup-v0",
    ];
    let mut allowed = [0; 7];
    for id in ids {
        let env = make(id, "{}");
        let config = VecEnvConfig {
            facts: all_facts(&env),
            ..VecEnvConfig::default()
        };
        let mut batch = Batch::new(&env, &[3], config);
        // Random walks seldom open doors: every other walk begins at the planner's side.
        let mut tape = random_actions(3, 7, 60);
        tape.extend(batch.vec.plan(0).unwrap());
        for action in tape {
            let (before, mask, here) = (stage(&mut batch), mask(&mut batch), batch.vec.save(0).unwrap());
            for (tried, allow) in mask.iter().enumerate() {
                batch.step(&[tried as i32]);
                let ended = batch.rollout.ended(0, 0);
                assert_eq!(stage(&mut batch) != before || ended, *allow, "{id}: {tried}");
                allowed[tried] += usize::from(*allow);
                batch.vec.restore(0, &here).unwrap();
            }
            batch.step(&[action]);
        }
    }
    assert!(
        allowed[..6].iter().all(|&n| n > 0) && allowed[6] == 0,
        "{allowed:?}"
    );
}

#[test]
fn bumping_and_lava_are_told() {
    let env = make("MiniGrid-LavaGapS5-v0", "{}");
    let facts = ["bumped", "failure", "success", "goal_distance", "front_type"]
        .map(str::to_owned)
        .to_vec();
    // A level whose gap is not beside the start: forward is lava.
    let mut batch = (0..20)
        .map(|seed| {
            Batch::new(
                &env,
                &[seed],
                VecEnvConfig {
                    facts: facts.clone(),
                    ..VecEnvConfig::default()
                },
            )
        })
        .find(|batch| batch.rollout.state_fact(1).as_i32().unwrap()[0] == 9)
        .unwrap();
    assert!(batch.rollout.state_fact(0).as_i32().unwrap()[0] >= 4);
    let told = |batch: &Batch| [0, 1, 2].map(|fact| batch.rollout.event_fact(fact).as_bool().unwrap()[0]);
    batch.step(&[0]);
    assert_eq!(told(&batch), [false, false, false]);
    batch.step(&[2]);
    assert_eq!(told(&batch), [true, false, false]);
    batch.step(&[1]);
    batch.step(&[2]);
    assert_eq!(told(&batch), [false, true, false]);
    assert!(batch.rollout.terminated()[0] && batch.rollout.reward()[0] == 0.0);
    // The distance of the final state is that of the lava cell: there is no way from it that floods reach.
    assert_eq!(batch.rollout.final_fact(0).as_i32().unwrap()[0], -1);
}

#[test]
fn poses_are_those_that_can_be_placed() {
    for id in ids() {
        let mut batch = Batch::new(&make(&id, "{}"), &[3], VecEnvConfig::default());
        let poses = batch.vec.poses(0);
        let scene = batch.vec.scene(0).unwrap();
        assert!(poses.contains(&scene.pose), "{id}: the start is a pose");
        let mut placed = 0;
        for x in -1..=scene.width as i32 {
            for y in -1..=scene.height as i32 {
                for dir in -1..=4 {
                    let pose = [x, y, dir];
                    assert_eq!(batch.vec.place(0, pose), poses.contains(&pose), "{id} {pose:?}");
                    if poses.contains(&pose) {
                        placed += 1;
                        assert_eq!(batch.vec.scene(0).unwrap().pose, pose);
                    }
                }
            }
        }
        assert_eq!(placed, poses.len());
    }
}

/// A corridor open to every side: no border walls at all.
#[derive(Debug)]
struct Open;

impl Level for Open {
    fn geometry(&self) -> Geometry {
        Geometry::new(4, 3)
    }

    fn max_steps(&self) -> u32 {
        1000
    }

    fn objective(&self) -> Objective {
        Objective::Goal
    }

    fn missions(&self) -> Vec<String> {
        vec![String::new()]
    }

    fn draw_template(&self, _: &mut BoardMut<'_>) {}

    fn generate(&self, board: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        board.set(3, 2, Cell::key(prospect_envs::gridworld::Colour::Red));
        Ok(Start::at(rng.integers(0, 3) as usize, 0, 3))
    }
}

#[test]
fn a_level_without_border_walls_keeps_its_agent_inside() {
    let env: Arc<dyn Env> = Arc::new(Gridworld::new(
        "Open-v0",
        "Open",
        "",
        Arc::new(Open),
        Settings::default(),
    ));
    let mut batch = Batch::new(&env, &[1, 2, 3], VecEnvConfig::default());
    for actions in random_actions(9, 7, 3 * 900).chunks_exact(3) {
        batch.step(actions);
        for row in 0..3 {
            let scene = batch.vec.scene(row).unwrap();
            assert!((0..4).contains(&scene.pose[0]) && (0..3).contains(&scene.pose[1]));
            let keys = scene.cells.chunks_exact(3).filter(|cell| cell[0] == 5).count();
            assert!(keys <= 1);
        }
    }
}

/// Fails until the stream gives a 0 out of 4.
#[derive(Debug)]
struct Picky {
    never: bool,
}

impl Level for Picky {
    fn geometry(&self) -> Geometry {
        Geometry::new(3, 3)
    }

    fn max_steps(&self) -> u32 {
        1
    }

    fn objective(&self) -> Objective {
        Objective::Goal
    }

    fn missions(&self) -> Vec<String> {
        vec![String::new()]
    }

    fn draw_template(&self, board: &mut BoardMut<'_>) {
        board.draw_room(0, 0, 3, 3);
    }

    fn generate(&self, _: &mut BoardMut<'_>, rng: &mut Generator) -> Result<Start, LevelError> {
        if self.never || rng.integers(0, 4) != 0 {
            Err(LevelError::NotConnected { tries: 1 })
        } else {
            Ok(Start::at(1, 1, 0))
        }
    }
}

#[test]
fn a_failed_level_is_drawn_again_and_a_hopeless_one_is_an_error() {
    let env = |never| -> Arc<dyn Env> {
        Arc::new(Gridworld::new(
            "Picky-v0",
            "Picky",
            "",
            Arc::new(Picky { never }),
            Settings::default(),
        ))
    };
    let mut batch = Batch::new(&env(false), &[1], VecEnvConfig::default());
    batch.step(&[6]);
    assert!(batch.rollout.truncated()[0]);
    let mut vec = prospect_sim::VecEnv::new(env(true), &VecEnvConfig::of(1)).unwrap();
    let mut rollout = prospect_sim::Rollout::new(vec.layout(), 1);
    let error = vec
        .reset(prospect_sim::Seeds::Base(0), rollout.first_row_mut())
        .unwrap_err()
        .to_string();
    assert!(error.contains("Picky-v0: rooms not connected"), "{error}");
}

#[test]
fn rooms_that_do_not_fit_are_an_error_not_a_hang() {
    let env = make(
        "MiniGrid-MultiRoom-N6-v0",
        r#"{"width": 5, "height": 6, "min_rooms": 9, "max_rooms": 9, "max_room_size": 4}"#,
    );
    let mut vec = prospect_sim::VecEnv::new(env, &VecEnvConfig::of(1)).unwrap();
    let mut rollout = prospect_sim::Rollout::new(vec.layout(), 1);
    let error = vec
        .reset(prospect_sim::Seeds::Base(0), rollout.first_row_mut())
        .unwrap_err()
        .to_string();
    assert!(error.contains("9 rooms did not fit"), "{error}");
}
