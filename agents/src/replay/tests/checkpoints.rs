//! A replay that goes through checkpoints is the replay that did not.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::*;
use crate::checkpoint::{self, Checkpoint, CheckpointFolder};

const SEGMENT: u64 = 6;

fn empty(tape: &Tape, rows: usize) -> Replay {
    let replay = Replay::new(&tape.layout(), 1, rows * tape.actors).unwrap();
    replay
        .with_priorities(&PriorityConfig::default(), 2)
        .unwrap()
        .with_segment_rows(SEGMENT)
}

/// Takes steps in and gives some of them other priorities, as a learner does.
fn go_on(tape: &Tape, replay: &mut Replay, from: usize, to: usize) {
    tape.push(replay, from, to, 5);
    let mut rng = Generator::default_rng(to as u64);
    let (mut picks, mut weights) = ([Pick::default(); 8], [0.0; 8]);
    replay
        .pick_prioritised(0.5, &mut rng, &mut picks, &mut weights)
        .unwrap();
    let errors: Vec<f32> = picks.iter().map(|_| 3.0 * rng.random() as f32).collect();
    replay.update_priorities(&picks, &errors);
}

/// All windows of two steps, and draws of both kinds.
fn check_same(one: &Replay, other: &Replay) {
    assert_eq!(
        (one.first_row(), one.end_row()),
        (other.first_row(), other.end_row())
    );
    assert_eq!(one.alive, other.alive);
    let samples = |replay: &Replay| {
        let mut rng = Generator::default_rng(7);
        let mut sample = Sample::new(replay, 2, 64).unwrap();
        let hows = [
            Draw::Uniform(Eligible::All),
            Draw::Uniform(Eligible::EndedEpisodes),
            Draw::Prioritised { beta: 0.4 },
        ];
        hows.map(|how| {
            // A small ring may hold no end of an episode.
            if let Err(why) = replay.draw(how, &mut rng, &mut sample) {
                return why.to_string();
            }
            let rollout = &sample.rollout;
            // Only where episodes ended do final observations mean anything.
            let next: Vec<String> = (0..128)
                .map(|at| {
                    format!(
                        "{:?}{:?}",
                        rollout.next_observation(0, at / 64, at % 64),
                        rollout.ended(at / 64, at % 64)
                    )
                })
                .collect();
            let states = (
                rollout.observation(0),
                rollout.observation(1),
                rollout.state_fact(0),
                rollout.actions(),
            );
            format!(
                "{:?} {:?} {states:?} {next:?} {:?}",
                sample.picks, sample.weights, sample.contexts
            )
        })
    };
    assert_eq!(samples(one), samples(other));
}

fn save(replay: &Replay, folder: &CheckpointFolder) -> PathBuf {
    let mut checkpoint = folder.begin().unwrap();
    checkpoint.step = replay.end_row() * replay.layout().actors() as u64;
    replay.save(&mut checkpoint);
    folder.write(&checkpoint).unwrap()
}

#[test]
fn a_loaded_replay_is_the_saved_one_for_ever_after() {
    let tape = Tape::random(3, 200, true, 31);
    for rows in [4, 25, 300] {
        let root = tempfile::tempdir().unwrap();
        let folder = CheckpointFolder::new(root.path(), 2);
        let mut replay = empty(&tape, rows);
        for (from, to) in [
            (0, 1 + rows.min(11)),
            (1 + rows.min(11), 36),
            (36, 77),
            (77, 78),
            (78, 120),
        ] {
            go_on(&tape, &mut replay, from, to);
            let path = save(&replay, &folder);
            let mut loaded = empty(&tape, rows);
            loaded.load(&checkpoint::read(&path).unwrap()).unwrap();
            check_same(&replay, &loaded);
            // Into one that held something else, and from memory.
            let mut checkpoint = Checkpoint::new(0, String::new());
            replay.save(&mut checkpoint);
            let mut other = empty(&tape, rows);
            tape.push(&mut other, 3, 19, 4);
            other.load(&checkpoint).unwrap();
            check_same(&replay, &other);
            let mut again = Checkpoint::new(0, String::new());
            loaded.save(&mut again);
            assert_eq!(again.get("replay_tail.bin"), checkpoint.get("replay_tail.bin"));
            assert_eq!(
                again.get("replay_priorities.bin"),
                checkpoint.get("replay_priorities.bin")
            );
            // The future, too.
            let mut original = replay.clone();
            for part in [&mut original, &mut loaded] {
                go_on(&tape, part, to, to + 31);
            }
            check_same(&original, &loaded);
        }
    }
}

#[test]
fn a_row_is_written_once_or_while_it_is_among_the_last() {
    let tape = Tape::random(2, 600, false, 32);
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 1);
    let mut replay = Replay::new(&tape.layout(), 1, 2 * 150)
        .unwrap()
        .with_segment_rows(SEGMENT);
    let mut known = BTreeMap::new();
    for to in (10..=600).step_by(10) {
        tape.push(&mut replay, to - 10, to, 10);
        let path = save(&replay, &folder);
        let tail = fs::metadata(path.join("replay_tail.bin")).unwrap().len() as usize;
        assert!(
            tail <= 64 + 2 * SEGMENT as usize * 64,
            "{tail} bytes beside the segments"
        );
        let mut here = 0;
        for entry in fs::read_dir(root.path().join("segments")).unwrap() {
            let file = entry.unwrap().path();
            // A mark on each, which would go if the file were written again.
            let marked = known.entry(file.clone()).or_insert_with(|| {
                let mut marked = fs::read(&file).unwrap();
                marked[50] ^= 255;
                fs::write(&file, &marked).unwrap();
                marked
            });
            assert_eq!(fs::read(&file).unwrap(), *marked);
            here += 1;
        }
        let first = replay.first_row() / SEGMENT;
        assert_eq!(
            here,
            to as u64 / SEGMENT - first,
            "segments that the ring has left go"
        );
    }
    assert_eq!(known.len(), 100);
}

#[test]
fn a_lost_segment_is_an_error_that_says_how_to_go_on() {
    let tape = Tape::random(2, 50, false, 33);
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 1);
    let mut replay = empty(&tape, 30);
    go_on(&tape, &mut replay, 0, 50);
    let path = save(&replay, &folder);
    let file = root.path().join("segments/replay_00000005.bin");
    let whole = fs::read(&file).unwrap();
    for at in [3, whole.len() / 2, whole.len() - 1] {
        let mut altered = whole.clone();
        altered[at] ^= 16;
        for bytes in [&whole[..at], &altered[..]] {
            fs::write(&file, bytes).unwrap();
            let message = empty(&tape, 30)
                .load(&checkpoint::read(&path).unwrap())
                .unwrap_err()
                .to_string();
            assert!(
                message.contains("replay_00000005.bin") && message.contains("checkpoint.replay = false"),
                "{message}"
            );
        }
    }
    fs::remove_file(&file).unwrap();
    // Without the replay the rows go on with their numbers.
    let mut checkpoint = checkpoint::read(&path).unwrap();
    checkpoint.replay = false;
    let mut loaded = empty(&tape, 30);
    tape.push(&mut loaded, 0, 20, 5);
    loaded.load(&checkpoint).unwrap();
    assert!(loaded.is_empty());
    assert_eq!(loaded.len(), 0);
    assert_eq!((loaded.first_row(), loaded.end_row()), (50, 50));
    let tape = Tape::random(2, 150, true, 34);
    go_on(&tape, &mut loaded, 50, 65);
    assert_eq!((loaded.first_row(), loaded.end_row()), (50, 65));
    let mut again = empty(&tape, 30);
    again
        .load(&checkpoint::read(&save(&loaded, &folder)).unwrap())
        .unwrap();
    check_same(&loaded, &again);
    for part in [&mut loaded, &mut again] {
        go_on(&tape, part, 65, 120);
    }
    check_same(&loaded, &again);
    assert_eq!(loaded.first_row(), 90);
}

#[test]
fn a_replay_that_was_not_stored_is_not_taken_for_an_empty_one() {
    let tape = Tape::random(2, 50, false, 35);
    let mut replay = empty(&tape, 30);
    go_on(&tape, &mut replay, 0, 50);
    let mut checkpoint = Checkpoint::new(100, String::new());
    checkpoint.replay = false;
    replay.save(&mut checkpoint);
    assert!(checkpoint.get("replay.bin").is_none());
    checkpoint.replay = true;
    let message = replay.load(&checkpoint).unwrap_err().to_string();
    assert!(
        message.contains("written with checkpoint.replay = false"),
        "{message}"
    );
}

#[test]
fn a_replay_of_another_making_is_refused() {
    let tape = Tape::random(2, 50, false, 36);
    let mut replay = empty(&tape, 30);
    go_on(&tape, &mut replay, 0, 50);
    let mut checkpoint = Checkpoint::new(100, String::new());
    replay.save(&mut checkpoint);
    let other_envs = Tape::random(3, 50, false, 36);
    let plain = Replay::new(&tape.layout(), 1, 60)
        .unwrap()
        .with_segment_rows(SEGMENT);
    for mut other in [empty(&other_envs, 30), empty(&tape, 31), plain] {
        let message = other.load(&checkpoint).unwrap_err().to_string();
        assert!(message.contains("replay.bin"), "{message}");
    }
}
