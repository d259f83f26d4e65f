//! What policies earn that do the same in every step: a learned one that earns less has learned nothing.

/// A policy that does the same in every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConstantScore {
    /// The name of its action, or what it is.
    pub action: &'static str,
    /// Its mean return.
    pub mean_return: f64,
    /// The share of its episodes that succeed.
    pub success_rate: f64,
}

const fn c(action: &'static str, mean_return: f64, success_rate: f64) -> ConstantScore {
    ConstantScore {
        action,
        mean_return,
        success_rate,
    }
}

/// Per id: action, mean return and success rate over 300 episodes.
///
/// Printed by `cargo run --release -p prospect-envs --example constant_policies`.
#[rustfmt::skip]
const TABLE: &[(&str, &[ConstantScore])] = &[
    ("exit-Sparse-v0", &[
        c("LANE_LEFT", 0.0000, 0.000), c("IDLE", 0.0000, 0.000), c("LANE_RIGHT", 0.0000, 0.000),
        c("FASTER", 0.0000, 0.000), c("SLOWER", 0.0000, 0.000),
    ]),
    ("exit-Sparse-v1", &[
        c("LANE_LEFT", 0.0000, 0.000), c("IDLE", 0.0000, 0.000), c("LANE_RIGHT", 0.0000, 0.000),
        c("FASTER", 0.0000, 0.000), c("SLOWER", 0.0000, 0.000),
    ]),
    ("exit-v0", &[
        c("LANE_LEFT", 0.7215, 0.000), c("IDLE", 0.7215, 0.000), c("LANE_RIGHT", 0.1008, 0.000),
        c("FASTER", 1.7924, 0.000), c("SLOWER", 0.0000, 0.000),
    ]),
    ("exit-v1", &[
        c("LANE_LEFT", 0.7215, 0.000), c("IDLE", 0.7215, 0.000), c("LANE_RIGHT", 0.1008, 0.000),
        c("FASTER", 1.7924, 0.000), c("SLOWER", 0.0000, 0.000),
    ]),
    ("highway-fast-v0", &[
        c("LANE_LEFT", 9.6140, 0.023), c("IDLE", 11.3680, 0.050), c("LANE_RIGHT", 9.8663, 0.033),
        c("FASTER", 6.6793, 0.000), c("SLOWER", 20.9589, 0.983),
    ]),
    ("highway-heterogeneous-Sparse-v0", &[
        c("LANE_LEFT", 0.0580, 0.058), c("IDLE", 0.1167, 0.117), c("LANE_RIGHT", 0.0347, 0.035),
        c("FASTER", 0.0573, 0.057), c("SLOWER", 0.0000, 0.971),
    ]),
    ("highway-heterogeneous-v0", &[
        c("LANE_LEFT", 14.3551, 0.058), c("IDLE", 29.1455, 0.117), c("LANE_RIGHT", 13.3316, 0.035),
        c("FASTER", 17.1913, 0.057), c("SLOWER", 61.3715, 0.971),
    ]),
    ("highway-v0", &[
        c("LANE_LEFT", 11.4772, 0.033), c("IDLE", 14.6545, 0.043), c("LANE_RIGHT", 11.6446, 0.023),
        c("FASTER", 8.0677, 0.000), c("SLOWER", 27.8199, 0.987),
    ]),
    ("intersection-Sparse-v0", &[c("SLOWER", 0.0000, 0.000), c("IDLE", 0.4700, 0.470), c("FASTER", 0.4700, 0.470)]),
    ("intersection-Sparse-v1", &[
        c("zero", 0.6000, 0.600), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.5733, 0.573),
        c("lowest axis 1", 0.0667, 0.067), c("highest axis 1", 0.0000, 0.000),
    ]),
    ("intersection-Sparse-v2", &[c("SLOWER", 0.0000, 0.000), c("IDLE", 0.5500, 0.550), c("FASTER", 0.5500, 0.550)]),
    ("intersection-multi-agent-Sparse-v0", &[
        c("SLOWER", 0.0000, 0.000), c("IDLE", 0.6850, 0.685), c("FASTER", 0.6850, 0.685),
    ]),
    ("intersection-multi-agent-Sparse-v1", &[
        c("SLOWER", 0.0000, 0.000), c("IDLE", 0.8117, 0.812), c("FASTER", 0.8117, 0.812),
    ]),
    ("intersection-multi-agent-Sparse-v2", &[
        c("SLOWER", 0.0000, 0.000), c("IDLE", 0.7617, 0.762), c("FASTER", 0.7617, 0.762),
    ]),
    ("intersection-multi-agent-v0", &[
        c("SLOWER", 0.0000, 0.000), c("IDLE", 7.3042, 0.685), c("FASTER", 7.3042, 0.685),
    ]),
    ("intersection-multi-agent-v1", &[
        c("SLOWER", 0.0000, 0.000), c("IDLE", 7.2897, 0.812), c("FASTER", 7.2897, 0.812),
    ]),
    ("intersection-multi-agent-v2", &[
        c("SLOWER", 0.0000, 0.000), c("IDLE", 6.9245, 0.762), c("FASTER", 6.9245, 0.762),
    ]),
    ("intersection-v0", &[c("SLOWER", 0.0000, 0.000), c("IDLE", 4.3303, 0.470), c("FASTER", 4.3303, 0.470)]),
    ("intersection-v1", &[
        c("zero", 5.1457, 0.600), c("lowest axis 0", -3.6333, 0.000), c("highest axis 0", 1.9998, 0.573),
        c("lowest axis 1", 0.0667, 0.067), c("highest axis 1", 1.3009, 0.000),
    ]),
    ("intersection-v2", &[c("SLOWER", 0.0000, 0.000), c("IDLE", 5.1475, 0.550), c("FASTER", 5.1475, 0.550)]),
    ("lane-keeping-Sparse-v0", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 1.0000, 1.000),
    ]),
    ("lane-keeping-v0", &[
        c("zero", -1411.5779, 0.000), c("lowest axis 0", -803.5532, 0.000), c("highest axis 0", 182.0836, 1.000),
    ]),
    ("map-route-Sparse-v0", &[
        c("zero", 0.1300, 0.130), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0733, 0.073),
        c("lowest axis 1", 0.0000, 0.000), c("highest axis 1", 0.0000, 0.000),
    ]),
    ("map-route-v0", &[
        c("zero", 28.1031, 0.130), c("lowest axis 0", 2.9913, 0.000), c("highest axis 0", 8.5326, 0.073),
        c("lowest axis 1", 0.6291, 0.000), c("highest axis 1", 0.6611, 0.000),
    ]),
    ("merge-Sparse-v0", &[
        c("LANE_LEFT", 0.2067, 0.207), c("IDLE", 0.0000, 0.000), c("LANE_RIGHT", 0.0000, 0.000),
        c("FASTER", 0.0000, 0.000), c("SLOWER", 0.9533, 0.953),
    ]),
    ("merge-Sparse-v1", &[
        c("LANE_LEFT", 0.2067, 0.207), c("IDLE", 0.2467, 0.247), c("LANE_RIGHT", 0.2467, 0.247),
        c("FASTER", 0.2467, 0.247), c("SLOWER", 0.8600, 0.860),
    ]),
    ("merge-generic-Sparse-v0", &[
        c("LANE_LEFT", 0.9067, 0.907), c("IDLE", 0.9767, 0.977), c("LANE_RIGHT", 0.9767, 0.977),
        c("FASTER", 0.9767, 0.977), c("SLOWER", 1.0000, 1.000),
    ]),
    ("merge-generic-Sparse-v1", &[
        c("LANE_LEFT", 0.8900, 0.890), c("IDLE", 0.9667, 0.967), c("LANE_RIGHT", 0.9667, 0.967),
        c("FASTER", 0.9667, 0.967), c("SLOWER", 1.0000, 1.000),
    ]),
    ("merge-generic-v0", &[
        c("LANE_LEFT", 10.0990, 0.907), c("IDLE", 11.7838, 0.977), c("LANE_RIGHT", 11.4527, 0.977),
        c("FASTER", 11.7838, 0.977), c("SLOWER", 15.1370, 1.000),
    ]),
    ("merge-generic-v1", &[
        c("LANE_LEFT", 9.9158, 0.890), c("IDLE", 11.7086, 0.967), c("LANE_RIGHT", 11.3782, 0.967),
        c("FASTER", 11.7086, 0.967), c("SLOWER", 14.9748, 1.000),
    ]),
    ("merge-v0", &[
        c("LANE_LEFT", 5.9230, 0.207), c("IDLE", 5.8478, 0.000), c("LANE_RIGHT", 5.6649, 0.000),
        c("FASTER", 5.8478, 0.000), c("SLOWER", 13.9607, 0.953),
    ]),
    ("merge-v1", &[
        c("LANE_LEFT", 5.7717, 0.207), c("IDLE", 6.9140, 0.247), c("LANE_RIGHT", 6.7047, 0.247),
        c("FASTER", 6.9140, 0.247), c("SLOWER", 12.8204, 0.860),
    ]),
    ("parking-ActionRepeat-Sparse-v0", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0000, 0.000),
        c("lowest axis 1", 0.0000, 0.000), c("highest axis 1", 0.0000, 0.000),
    ]),
    ("parking-ActionRepeat-v0", &[
        c("zero", -9.1797, 0.000), c("lowest axis 0", -6.8106, 0.000), c("highest axis 0", -6.7475, 0.000),
        c("lowest axis 1", -9.1797, 0.000), c("highest axis 1", -9.1797, 0.000),
    ]),
    ("parking-Sparse-v0", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0033, 0.003),
        c("lowest axis 1", 0.0000, 0.000), c("highest axis 1", 0.0000, 0.000),
    ]),
    ("parking-parked-Sparse-v0", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0033, 0.003),
        c("lowest axis 1", 0.0000, 0.000), c("highest axis 1", 0.0000, 0.000),
    ]),
    ("parking-parked-v0", &[
        c("zero", -233.7804, 0.000), c("lowest axis 0", -12.3945, 0.000), c("highest axis 0", -12.3331, 0.003),
        c("lowest axis 1", -233.7804, 0.000), c("highest axis 1", -233.7804, 0.000),
    ]),
    ("parking-v0", &[
        c("zero", -229.4931, 0.000), c("lowest axis 0", -13.1319, 0.000), c("highest axis 0", -12.9204, 0.003),
        c("lowest axis 1", -229.4931, 0.000), c("highest axis 1", -229.4931, 0.000),
    ]),
    ("racetrack-Sparse-v0", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0000, 0.000),
    ]),
    ("racetrack-Sparse-v1", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0000, 0.000),
    ]),
    ("racetrack-large-Sparse-v0", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0000, 0.000),
    ]),
    ("racetrack-large-Sparse-v1", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0000, 0.000),
    ]),
    ("racetrack-large-v0", &[
        c("zero", 68.8560, 0.000), c("lowest axis 0", 1.2108, 0.000), c("highest axis 0", 85.9280, 0.000),
    ]),
    ("racetrack-large-v1", &[
        c("zero", 68.8560, 0.000), c("lowest axis 0", 1.2108, 0.000), c("highest axis 0", 87.2265, 0.000),
    ]),
    ("racetrack-oval-Sparse-v0", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0000, 0.000),
    ]),
    ("racetrack-oval-Sparse-v1", &[
        c("zero", 0.0000, 0.000), c("lowest axis 0", 0.0000, 0.000), c("highest axis 0", 0.0000, 0.000),
    ]),
    ("racetrack-oval-v0", &[
        c("zero", 38.6542, 0.000), c("lowest axis 0", 50.2546, 0.000), c("highest axis 0", 34.1619, 0.000),
    ]),
    ("racetrack-oval-v1", &[
        c("zero", 38.6542, 0.000), c("lowest axis 0", 54.8721, 0.000), c("highest axis 0", 36.8761, 0.000),
    ]),
    ("racetrack-v0", &[
        c("zero", 16.2517, 0.000), c("lowest axis 0", 1.2108, 0.000), c("highest axis 0", 1.0961, 0.000),
    ]),
    ("racetrack-v1", &[
        c("zero", 16.2517, 0.000), c("lowest axis 0", 1.2108, 0.000), c("highest axis 0", 1.0961, 0.000),
    ]),
    ("roundabout-Sparse-v0", &[
        c("LANE_LEFT", 0.7200, 0.720), c("IDLE", 0.7467, 0.747), c("LANE_RIGHT", 0.7467, 0.747),
        c("FASTER", 0.5233, 0.523), c("SLOWER", 0.0000, 0.000),
    ]),
    ("roundabout-Sparse-v1", &[
        c("LANE_LEFT", 0.4667, 0.467), c("IDLE", 0.4500, 0.450), c("LANE_RIGHT", 0.4500, 0.450),
        c("FASTER", 0.5500, 0.550), c("SLOWER", 0.0000, 0.000),
    ]),
    ("roundabout-generic-Sparse-v0", &[
        c("LANE_LEFT", 0.7700, 0.770), c("IDLE", 0.8100, 0.810), c("LANE_RIGHT", 0.8100, 0.810),
        c("FASTER", 0.6267, 0.627), c("SLOWER", 0.0000, 0.000),
    ]),
    ("roundabout-generic-Sparse-v1", &[
        c("LANE_LEFT", 0.8200, 0.820), c("IDLE", 0.7867, 0.787), c("LANE_RIGHT", 0.7867, 0.787),
        c("FASTER", 0.6533, 0.653), c("SLOWER", 0.0000, 0.000),
    ]),
    ("roundabout-generic-v0", &[
        c("LANE_LEFT", 13.0396, 0.770), c("IDLE", 13.8114, 0.810), c("LANE_RIGHT", 13.1765, 0.810),
        c("FASTER", 9.0561, 0.627), c("SLOWER", 14.1667, 0.000),
    ]),
    ("roundabout-generic-v1", &[
        c("LANE_LEFT", 13.3249, 0.820), c("IDLE", 13.7869, 0.787), c("LANE_RIGHT", 13.1518, 0.787),
        c("FASTER", 9.4706, 0.653), c("SLOWER", 14.1667, 0.000),
    ]),
    ("roundabout-v0", &[
        c("LANE_LEFT", 8.0364, 0.720), c("IDLE", 8.6864, 0.747), c("LANE_RIGHT", 8.2821, 0.747),
        c("FASTER", 6.4272, 0.523), c("SLOWER", 9.1667, 0.000),
    ]),
    ("roundabout-v1", &[
        c("LANE_LEFT", 6.8563, 0.467), c("IDLE", 7.5372, 0.450), c("LANE_RIGHT", 7.1742, 0.450),
        c("FASTER", 6.5239, 0.550), c("SLOWER", 9.1667, 0.000),
    ]),
    ("two-way-Sparse-v0", &[
        c("LANE_LEFT", 0.0000, 0.000), c("IDLE", 0.0000, 0.000), c("LANE_RIGHT", 0.0000, 0.000),
        c("FASTER", 0.0000, 0.000), c("SLOWER", 0.0000, 0.000),
    ]),
    ("two-way-v0", &[
        c("LANE_LEFT", 10.7333, 0.000), c("IDLE", 2.9333, 0.000), c("LANE_RIGHT", 2.9333, 0.000),
        c("FASTER", 2.9333, 0.000), c("SLOWER", 0.4000, 0.000),
    ]),
    ("u-turn-Sparse-v0", &[
        c("LANE_LEFT", 0.0000, 0.000), c("IDLE", 0.0000, 0.000), c("LANE_RIGHT", 0.0000, 0.000),
        c("FASTER", 0.0000, 0.000), c("SLOWER", 0.0000, 0.000),
    ]),
    ("u-turn-Sparse-v1", &[
        c("LANE_LEFT", 0.0000, 0.000), c("IDLE", 0.0000, 0.000), c("LANE_RIGHT", 0.0000, 0.000),
        c("FASTER", 0.0000, 0.000), c("SLOWER", 0.0000, 0.000),
    ]),
    ("u-turn-v0", &[
        c("LANE_LEFT", 5.3475, 0.000), c("IDLE", 5.3475, 0.000), c("LANE_RIGHT", 7.9862, 0.000),
        c("FASTER", 1.9007, 0.000), c("SLOWER", 6.6941, 0.000),
    ]),
    ("u-turn-v1", &[
        c("LANE_LEFT", 4.0150, 0.000), c("IDLE", 4.0150, 0.000), c("LANE_RIGHT", 7.7441, 0.000),
        c("FASTER", 1.7945, 0.000), c("SLOWER", 6.6941, 0.000),
    ]),
];

/// The constant policies of a built-in task; empty where they were not measured.
pub(crate) fn of(id: &str) -> &'static [ConstantScore] {
    TABLE.iter().find(|row| row.0 == id).map_or(&[], |row| row.1)
}
