//! Tests of checkpoints on a disk that fills up, and by a process that is killed at any instant.

use prospect_sim::random::Generator;

use super::*;

fn sample(step: u64) -> Checkpoint {
    let mut checkpoint = Checkpoint::new(step, "Line-v0".to_owned());
    checkpoint.add("agent.safetensors", (0..=255).cycle().take(1000).collect());
    checkpoint.add("state.bin", step.to_le_bytes().to_vec());
    checkpoint
}

/// The content of segment `i`.
fn content(i: u64) -> Vec<u8> {
    (0..400).map(|j| (i * 7 + j) as u8).collect()
}

fn segment_name(i: u64) -> String {
    format!("rows_{i:04}.bin")
}

/// A checkpoint of step `10 i` that names the segments `i - 2` to `i`, for a folder.
fn with_segments(folder: &CheckpointFolder, i: u64) -> Checkpoint {
    let mut checkpoint = folder.begin().unwrap();
    (checkpoint.step, checkpoint.run) = (10 * i, "Line-v0".to_owned());
    checkpoint.add("state.bin", i.to_le_bytes().to_vec());
    for j in i.saturating_sub(2)..=i {
        checkpoint.add_segment(&segment_name(j), || content(j));
    }
    checkpoint
}

/// The newest checkpoint is whole, with all its segments. Returns its number.
fn check_latest(folder: &CheckpointFolder) -> u64 {
    let found = read(&folder.latest().unwrap().unwrap()).unwrap();
    let i = found.step / 10;
    assert_eq!(found.get("state.bin").unwrap(), i.to_le_bytes());
    for j in i.saturating_sub(2)..=i {
        assert_eq!(*found.segment(&segment_name(j)).unwrap(), content(j));
    }
    i
}

fn names_in(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn names(folder: &CheckpointFolder) -> Vec<String> {
    names_in(&folder.path)
}

#[test]
fn what_is_written_is_read_and_old_ones_go() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path().join("checkpoints"), 2);
    assert_eq!(folder.latest().unwrap(), None);
    for step in [5, 10, 20, 20] {
        let path = folder.write(&sample(step)).unwrap();
        assert_eq!(read(&path).unwrap(), sample(step));
    }
    assert_eq!(names(&folder), ["step_000000000010", "step_000000000020"]);
    assert!(folder.latest().unwrap().unwrap().ends_with("step_000000000020"));
}

#[test]
fn leftovers_are_no_checkpoints_and_are_swept() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 2);
    fs::create_dir(root.path().join(".tmp-step_000000000007")).unwrap();
    fs::write(root.path().join(".tmp-step_000000000007/state.bin"), b"half").unwrap();
    assert_eq!(folder.latest().unwrap(), None);
    folder.write(&sample(7)).unwrap();
    assert_eq!(names(&folder), ["step_000000000007"]);
}

#[test]
fn a_full_disk_leaves_the_last_one_whole() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = CheckpointFolder::new(root.path(), 1);
    folder.write(&sample(1)).unwrap();
    folder.faults.room = Some(500);
    let error = folder.write(&sample(2)).unwrap_err();
    assert!(matches!(error, AgentError::CheckpointWrite { .. }));
    let message = error.to_string();
    assert!(
        message.contains("step_000000000002") && message.contains("step_000000000001 is untouched"),
        "{message}"
    );
    assert_eq!(names(&folder), ["step_000000000001"]);
    assert_eq!(read(&folder.latest().unwrap().unwrap()).unwrap(), sample(1));
}

#[test]
fn every_truncation_and_every_changed_byte_is_noticed() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 1);
    let path = folder.write(&sample(3)).unwrap();
    let mut rng = Generator::default_rng(1);
    for name in ["agent.safetensors", "state.bin", MANIFEST] {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        for _ in 0..40 {
            let at = rng.choice(whole.len());
            fs::write(&file, &whole[..at]).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(
                error.contains(name) && error.contains("delete this folder"),
                "{error}"
            );
            let mut altered = whole.clone();
            altered[at] ^= 1 << rng.choice(8);
            fs::write(&file, &altered).unwrap();
            // A blank between two JSON tokens may turn into another blank; nothing else passes.
            if let Ok(found) = read(&path) {
                assert_eq!(found, sample(3), "{name} byte {at}");
                assert!(whole[at].is_ascii_whitespace());
            }
        }
        fs::write(&file, whole).unwrap();
    }
    fs::remove_file(path.join("state.bin")).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("state.bin"));
}

#[test]
fn segments_are_written_once_and_go_when_nobody_names_them() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path().join("checkpoints"), 2);
    let segments = folder.path.join(SEGMENTS);
    for i in 3..=6 {
        let checkpoint = with_segments(&folder, i);
        let made = checkpoint
            .segments
            .iter()
            .filter(|(_, source)| matches!(source, Source::Memory(_)));
        assert_eq!(made.count(), if i == 3 { 3 } else { 1 });
        folder.write(&checkpoint).unwrap();
        assert_eq!(check_latest(&folder), i);
    }
    // The checkpoints of 5 and 6 are kept.
    assert_eq!(names_in(&segments), [3, 4, 5, 6].map(segment_name));
    assert_eq!(
        names(&folder),
        ["segments", "step_000000000050", "step_000000000060"]
    );
    // One without segments, as a learner without a replay writes it.
    folder.write(&sample(70)).unwrap();
    folder.write(&sample(80)).unwrap();
    assert!(names_in(&segments).is_empty());
}

#[test]
fn a_segment_that_no_complete_checkpoint_names_is_not_trusted() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 3);
    let segments = root.path().join(SEGMENTS);
    fs::create_dir(&segments).unwrap();
    fs::write(segments.join(segment_name(1)), content(99)).unwrap();
    fs::write(segments.join(".tmp-rows_0002.bin"), b"half").unwrap();
    folder.write(&with_segments(&folder, 2)).unwrap();
    assert_eq!(check_latest(&folder), 2);
    assert_eq!(names_in(&segments), [0, 1, 2].map(segment_name));
    // Nor is one that has been cut short since.
    fs::write(segments.join(segment_name(2)), b"short").unwrap();
    folder.write(&with_segments(&folder, 3)).unwrap();
    assert_eq!(check_latest(&folder), 3);
}

#[test]
fn a_lost_or_damaged_segment_is_noticed_when_it_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 1);
    let path = folder.write(&with_segments(&folder, 5)).unwrap();
    let name = segment_name(4);
    let file = root.path().join(SEGMENTS).join(&name);
    let whole = fs::read(&file).unwrap();
    let mut altered = whole.clone();
    altered[123] ^= 4;
    for bytes in [Some(&whole[..399]), Some(&altered[..]), None] {
        match bytes {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let found = read(&path).unwrap();
        assert_eq!(found.get("state.bin").unwrap(), 5_u64.to_le_bytes());
        assert!(found.segment(&segment_name(5)).is_ok());
        let message = found.segment(&name).unwrap_err().to_string();
        for part in ["segments/rows_0004.bin", "exactly", "checkpoint.replay = false"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_process_killed_between_any_two_operations_leaves_a_whole_checkpoint() {
    for keep_last in [1, 2] {
        let mut kills = 0;
        for operations in 0.. {
            let root = tempfile::tempdir().unwrap();
            let mut folder = CheckpointFolder::new(root.path(), keep_last);
            folder.faults.unsynced = true;
            for i in 3..=5 {
                folder.write(&with_segments(&folder, i)).unwrap();
            }
            // The second one takes the place of another of the same step.
            folder.faults.operations.set(Some(operations));
            let writes = [6, 6].map(|i| folder.write(&with_segments(&folder, i)).is_ok());
            let latest = check_latest(&folder);
            assert!(latest == 6 || (latest == 5 && !writes[0]));
            // The next process goes on and leaves no litter.
            folder.faults.operations.set(None);
            folder.write(&with_segments(&folder, 7)).unwrap();
            assert_eq!(check_latest(&folder), 7);
            assert_eq!(names(&folder).len(), 1 + keep_last, "{:?}", names(&folder));
            let first = if keep_last == 1 { 5 } else { latest - 2 };
            assert_eq!(
                names_in(&root.path().join(SEGMENTS)),
                (first..=7).map(segment_name).collect::<Vec<_>>()
            );
            if writes[1] {
                break;
            }
            kills += 1;
        }
        assert!(kills > 20, "{kills} operations only");
    }
}

#[test]
fn checkpoints_without_segments_of_the_first_format_are_read() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 1);
    let path = folder.write(&sample(3)).unwrap();
    let text = fs::read_to_string(path.join(MANIFEST)).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let fields = manifest.as_object_mut().unwrap();
    fields.remove("segments");
    fields.insert("format".to_owned(), 1.into());
    // The checksum as the first format has it, over "1 3 Line-v0" and three lines per file.
    let (agent, state) = (&sample(3).files[0].1, 3_u64.to_le_bytes());
    let listed = |name: &str, bytes: &[u8]| format!("\n{name}\n{}\n{}", bytes.len(), crc32c::crc32c(bytes));
    let lines = format!(
        "1 3 Line-v0{}{}",
        listed("agent.safetensors", agent),
        listed("state.bin", &state)
    );
    fields.insert("crc32c".to_owned(), crc32c::crc32c(lines.as_bytes()).into());
    fs::write(path.join(MANIFEST), manifest.to_string()).unwrap();
    assert_eq!(read(&path).unwrap(), sample(3));
    let newer = text.replace("\"format\": 2", "\"format\": 3");
    fs::write(path.join(MANIFEST), newer).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("format 3"));
}

#[test]
fn an_altered_list_of_segments_is_noticed() {
    let root = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(root.path(), 1);
    let path = folder.write(&with_segments(&folder, 3)).unwrap();
    let text = fs::read_to_string(path.join(MANIFEST)).unwrap();
    let as_files = text.replacen("  ],\n  \"segments\": [", ",", 1);
    assert_ne!(as_files, text);
    for altered in [as_files, text.replace("\"segments\"", "\"segmentz\"")] {
        fs::write(path.join(MANIFEST), altered).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("manifest.json"), "{message}");
    }
}
