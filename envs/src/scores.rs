//! Floors and ceilings of the built-in tasks, between which scores are normalised.

/// What a random and a perfect policy reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Mean return of uniformly random actions.
    pub floor: f64,
    /// Mean return of a perfect policy: the planner's tapes, or what the task pays at most and a policy is known to reach;
    /// none where neither is known.
    pub ceiling: Option<f64>,
}

/// Rows `(id, floor, ceiling)`: means over 2,000 episodes of random actions and over the shortest tapes of 100 levels.
///
/// Printed by `cargo run --release -p prospect-envs --example score_tasks`. The planner sees the whole level, so that
/// a ceiling may lie a little above what an agent can reach who has to look first.
const TABLE: &[(&str, f64, f64)] = &[
    ("MiniGrid-BlockedUnlockPickup-v0", 0.0010, 0.9638),
    ("MiniGrid-DoorKey-16x16-v0", 0.0032, 0.9884),
    ("MiniGrid-DoorKey-5x5-v0", 0.0313, 0.9641),
    ("MiniGrid-DoorKey-6x6-v0", 0.0217, 0.9692),
    ("MiniGrid-DoorKey-8x8-v0", 0.0080, 0.9764),
    ("MiniGrid-Empty-16x16-v0", 0.0394, 0.9763),
    ("MiniGrid-Empty-5x5-v0", 0.1900, 0.9550),
    ("MiniGrid-Empty-6x6-v0", 0.1297, 0.9562),
    ("MiniGrid-Empty-8x8-v0", 0.0799, 0.9613),
    ("MiniGrid-Empty-Random-5x5-v0", 0.3422, 0.9680),
    ("MiniGrid-Empty-Random-6x6-v0", 0.2662, 0.9721),
    ("MiniGrid-FourRooms-v0", 0.0175, 0.8524),
    ("MiniGrid-KeyCorridorS3R1-v0", 0.0184, 0.9511),
    ("MiniGrid-KeyCorridorS3R2-v0", 0.0022, 0.9378),
    ("MiniGrid-KeyCorridorS3R3-v0", 0.0001, 0.9313),
    ("MiniGrid-KeyCorridorS4R3-v0", 0.0000, 0.9479),
    ("MiniGrid-KeyCorridorS5R3-v0", 0.0000, 0.9571),
    ("MiniGrid-KeyCorridorS6R3-v0", 0.0000, 0.9640),
    ("MiniGrid-LavaCrossingS11N5-v0", 0.0000, 0.9598),
    ("MiniGrid-LavaCrossingS9N1-v0", 0.0076, 0.9600),
    ("MiniGrid-LavaCrossingS9N2-v0", 0.0009, 0.9569),
    ("MiniGrid-LavaCrossingS9N3-v0", 0.0000, 0.9547),
    ("MiniGrid-LavaGapS5-v0", 0.0419, 0.9445),
    ("MiniGrid-LavaGapS6-v0", 0.0180, 0.9484),
    ("MiniGrid-LavaGapS7-v0", 0.0096, 0.9523),
    ("MiniGrid-MemoryS11-v0", 0.1964, 0.9909),
    ("MiniGrid-MemoryS13-v0", 0.1988, 0.9925),
    ("MiniGrid-MemoryS13Random-v0", 0.2422, 0.9935),
    ("MiniGrid-MemoryS17Random-v0", 0.2565, 0.9956),
    ("MiniGrid-MemoryS7-v0", 0.1586, 0.9842),
    ("MiniGrid-MemoryS9-v0", 0.1726, 0.9885),
    ("MiniGrid-MultiRoom-N10-S10-v0", 0.0000, 0.6508),
    ("MiniGrid-MultiRoom-N10-S4-v0", 0.0000, 0.7691),
    ("MiniGrid-MultiRoom-N12-S10-v0", 0.0000, 0.6610),
    ("MiniGrid-MultiRoom-N2-S4-v0", 0.0089, 0.8461),
    ("MiniGrid-MultiRoom-N4-S5-v0", 0.0000, 0.7559),
    ("MiniGrid-MultiRoom-N4-S5-v1", 0.0000, 0.7680),
    ("MiniGrid-MultiRoom-N6-v0", 0.0000, 0.6485),
    ("MiniGrid-MultiRoom-N7-S4-v0", 0.0000, 0.7780),
    ("MiniGrid-MultiRoom-N7-S8-v0", 0.0000, 0.6856),
    ("MiniGrid-SimpleCrossingS11N5-v0", 0.0077, 0.9598),
    ("MiniGrid-SimpleCrossingS9N1-v0", 0.0193, 0.9600),
    ("MiniGrid-SimpleCrossingS9N2-v0", 0.0130, 0.9569),
    ("MiniGrid-SimpleCrossingS9N3-v0", 0.0114, 0.9547),
    ("MiniGrid-Unlock-v0", 0.0266, 0.9711),
    ("MiniGrid-UnlockPickup-v0", 0.0004, 0.9483),
];

/// The same of tasks without a planner; their ceilings are what the task pays at most, where policies are known to reach it.
const UNPLANNED: &[(&str, f64, Option<f64>)] = &[
    ("Acrobot-v1", -498.8500, None),
    ("CartPole-v1", 22.2885, Some(500.0)),
    ("MountainCar-v0", -200.0000, None),
    ("MountainCarContinuous-v0", -33.3086, None),
    ("Pendulum-v1", -1218.9694, None),
    ("PointMaze_Large-v3", 8.4675, None),
    ("PointMaze_LargeDense-v3", 45.0869, None),
    ("PointMaze_Large_Diverse_G-v3", 2.9190, None),
    ("PointMaze_Large_Diverse_GDense-v3", 22.1765, None),
    ("PointMaze_Large_Diverse_GR-v3", 4.6225, None),
    ("PointMaze_Large_Diverse_GRDense-v3", 27.8104, None),
    ("PointMaze_Medium-v3", 10.4315, None),
    ("PointMaze_MediumDense-v3", 59.2615, None),
    ("PointMaze_Medium_Diverse_G-v3", 0.7355, None),
    ("PointMaze_Medium_Diverse_GDense-v3", 15.6727, None),
    ("PointMaze_Medium_Diverse_GR-v3", 0.5270, None),
    ("PointMaze_Medium_Diverse_GRDense-v3", 12.8043, None),
    ("PointMaze_Open-v3", 8.7255, None),
    ("PointMaze_OpenDense-v3", 54.4974, None),
    ("PointMaze_Open_Diverse_G-v3", 7.5070, None),
    ("PointMaze_Open_Diverse_GDense-v3", 47.5728, None),
    ("PointMaze_Open_Diverse_GR-v3", 8.7255, None),
    ("PointMaze_Open_Diverse_GRDense-v3", 54.4974, None),
    ("PointMaze_UMaze-v3", 15.5375, None),
    ("PointMaze_UMazeDense-v3", 67.6896, None),
    ("highway-Sparse-v0", 0.0030, None),
    ("highway-fast-Sparse-v0", 0.0035, None),
    ("highway-fast-v0", 8.2936, None),
    ("highway-v0", 10.6415, None),
    ("traffic-light-Sparse-v0", 0.0000, None),
    ("traffic-light-v0", -1095.4173, None),
    // Of 300 episodes.
    ("exit-Sparse-v0", 0.0067, None),
    ("exit-Sparse-v1", 0.0067, None),
    ("exit-v0", 0.5320, None),
    ("exit-v1", 0.5307, None),
    ("intersection-Sparse-v0", 0.1900, None),
    ("intersection-Sparse-v1", 0.1467, None),
    ("intersection-Sparse-v2", 0.1933, None),
    ("intersection-multi-agent-Sparse-v0", 0.2867, None),
    ("intersection-multi-agent-Sparse-v1", 0.3200, None),
    ("intersection-multi-agent-Sparse-v2", 0.2833, None),
    ("intersection-multi-agent-v0", 3.4614, None),
    ("intersection-multi-agent-v1", 2.9543, None),
    ("intersection-multi-agent-v2", 2.7248, None),
    ("intersection-v0", 1.5399, None),
    ("intersection-v1", 0.2296, None),
    ("intersection-v2", 1.3523, None),
    ("map-route-Sparse-v0", 0.0000, None),
    ("map-route-v0", 3.1740, None),
    ("merge-Sparse-v0", 0.1500, None),
    ("merge-Sparse-v1", 0.2067, None),
    ("merge-generic-Sparse-v0", 0.8867, None),
    ("merge-generic-Sparse-v1", 0.8700, None),
    ("merge-generic-v0", 11.5486, None),
    ("merge-generic-v1", 11.2611, None),
    ("merge-v0", 7.0607, None),
    ("merge-v1", 7.1003, None),
    ("parking-ActionRepeat-Sparse-v0", 0.0010, None),
    ("parking-ActionRepeat-v0", -9.6605, None),
    ("parking-Sparse-v0", 0.0015, None),
    ("racetrack-Sparse-v0", 0.0000, None),
    ("racetrack-Sparse-v1", 0.0000, None),
    ("racetrack-large-Sparse-v0", 0.0000, None),
    ("racetrack-large-Sparse-v1", 0.0000, None),
    ("highway-heterogeneous-Sparse-v0", 0.0146, None),
    ("highway-heterogeneous-v0", 14.2520, None),
    ("lane-keeping-Sparse-v0", 0.0000, None),
    ("lane-keeping-v0", -3768.5315, None),
    ("parking-parked-Sparse-v0", 0.0030, None),
    ("parking-parked-v0", -40.5211, None),
    ("parking-v0", -47.1565, None),
    ("racetrack-large-v0", 8.4330, None),
    ("racetrack-large-v1", 8.4330, None),
    ("racetrack-oval-Sparse-v0", 0.0000, None),
    ("racetrack-oval-Sparse-v1", 0.0000, None),
    ("racetrack-oval-v0", 8.0089, None),
    ("racetrack-oval-v1", 8.0089, None),
    ("racetrack-v0", 5.6282, None),
    ("racetrack-v1", 5.6282, None),
    ("roundabout-Sparse-v0", 0.2800, None),
    ("roundabout-Sparse-v1", 0.2300, None),
    ("roundabout-generic-Sparse-v0", 0.5100, None),
    ("roundabout-generic-Sparse-v1", 0.5100, None),
    ("roundabout-generic-v0", 12.2922, None),
    ("roundabout-generic-v1", 12.5011, None),
    ("roundabout-v0", 7.4814, None),
    ("roundabout-v1", 7.3640, None),
    ("two-way-Sparse-v0", 0.2067, None),
    ("two-way-v0", 3.9953, None),
    ("u-turn-Sparse-v0", 0.0033, None),
    ("u-turn-Sparse-v1", 0.0133, None),
    ("u-turn-v0", 5.8050, None),
    ("u-turn-v1", 5.4150, None),
];

/// The scores of a built-in task.
pub(crate) fn of(id: &str) -> Option<Scores> {
    let planned = TABLE
        .iter()
        .map(|&(id, floor, ceiling)| (id, floor, Some(ceiling)));
    let (_, floor, ceiling) = planned.chain(UNPLANNED.iter().copied()).find(|row| row.0 == id)?;
    Some(Scores { floor, ceiling })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn every_builtin_task_has_a_floor_below_its_ceiling() {
        for entry in Registry::with_builtin().iter() {
            let scores = entry
                .scores()
                .unwrap_or_else(|| panic!("{} has no scores", entry.id()));
            assert!(
                scores.ceiling.is_none_or(|ceiling| scores.floor < ceiling),
                "{}: {scores:?}",
                entry.id()
            );
            if entry.id().starts_with("MiniGrid-") {
                assert!(
                    scores.floor >= 0.0 && scores.ceiling.unwrap() < 1.0,
                    "{}: {scores:?}",
                    entry.id()
                );
            }
        }
        assert_eq!(
            TABLE.len() + UNPLANNED.len(),
            Registry::with_builtin().iter().count()
        );
    }
}
