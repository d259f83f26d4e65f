//! Levels of any size that options allow are well formed, made in bounded time, and solvable.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use proptest::prelude::*;
use prospect_sim::{Scene, VecEnvConfig};
use support::{Batch, make};

/// An id with options that fit its family.
fn tasks() -> impl Strategy<Value = (&'static str, String)> {
    let task = |id, options: String| (id, options);
    prop_oneof![
        (4_usize..20, any::<bool>()).prop_map(move |(size, random)| {
            task(
                "MiniGrid-Empty-8x8-v0",
                format!("{{\"size\": {size}, \"random_start\": {random}}}"),
            )
        }),
        (5_usize..20).prop_map(move |size| task("MiniGrid-DoorKey-8x8-v0", format!("{{\"size\": {size}}}"))),
        (5_usize..20).prop_map(move |size| task("MiniGrid-LavaGapS7-v0", format!("{{\"size\": {size}}}"))),
        (2_usize..12, 0_usize..12, any::<bool>()).prop_map(move |(half, n, lava)| {
            let size = 2 * half + 1;
            task(
                "MiniGrid-LavaCrossingS9N1-v0",
                format!("{{\"size\": {size}, \"n_crossings\": {n}, \"lava\": {lava}}}"),
            )
        }),
        (3_usize..12, any::<bool>()).prop_map(move |(half, random)| {
            let size = 2 * half + 1;
            task(
                "MiniGrid-MemoryS7-v0",
                format!("{{\"size\": {size}, \"random_length\": {random}}}"),
            )
        }),
        (1_usize..6, 4_usize..9).prop_map(move |(n, size)| {
            let options = format!(
                "{{\"min_rooms\": {n}, \"max_rooms\": {}, \"max_room_size\": {size}}}",
                n + 1
            );
            task("MiniGrid-MultiRoom-N6-v0", options)
        }),
        (3_usize..6, 1_usize..4).prop_map(move |(size, rows)| {
            task(
                "MiniGrid-KeyCorridorS3R1-v0",
                format!("{{\"room_size\": {size}, \"n_rows\": {rows}}}"),
            )
        }),
        (4_usize..8).prop_map(move |size| task("MiniGrid-Unlock-v0", format!("{{\"room_size\": {size}}}"))),
        (4_usize..8)
            .prop_map(move |size| task("MiniGrid-UnlockPickup-v0", format!("{{\"room_size\": {size}}}"))),
    ]
}

fn object(scene: &Scene, x: usize, y: usize) -> u8 {
    scene.cells[(x * scene.height + y) * 3]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn levels_of_any_size_are_closed_and_solvable((id, options) in tasks(), seed in 0_u64..1 << 48) {
        let mut batch = Batch::new(&make(id, &options), &[seed], VecEnvConfig::default());
        let scene = batch.vec.scene(0).unwrap();
        let [x, y, dir] = scene.pose;
        prop_assert_eq!(object(&scene, x as usize, y as usize), 1, "the agent stands on an empty cell");
        prop_assert!((0..4).contains(&dir));
        // Whatever can be walked on is fenced in: no such cell lies on the border (MultiRoom is empty outside its rooms).
        if !id.contains("MultiRoom") {
            for x in 0..scene.width {
                prop_assert_eq!([object(&scene, x, 0), object(&scene, x, scene.height - 1)], [2, 2]);
            }
            for y in 0..scene.height {
                prop_assert_eq!([object(&scene, 0, y), object(&scene, scene.width - 1, y)], [2, 2]);
            }
        }
        let plan = batch.vec.plan(0);
        prop_assert!(plan.is_some(), "{} {} seed {} has no plan", id, options, seed);
        for action in plan.unwrap() {
            prop_assert!(!batch.rollout.terminated()[0]);
            batch.step(&[action]);
            if batch.rollout.truncated()[0] {
                return Ok(());
            }
        }
        prop_assert!(batch.rollout.reward()[0] > 0.0);
    }
}
