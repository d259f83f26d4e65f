//! The signalled intersection: nothing is lost, nobody collides or passes at red, queues discharge and delay as theory says,
//! and batches are independent of shards and restorable.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use prospect_envs::driving::signals::control::{
    Actuated, Controller, FixedPlan, MaxPressure, best_plan, play, play_all,
};
use prospect_envs::driving::signals::{
    APPROACH_M, Demand, Junction, LENGTH_M, Layout, PHASES, Road, Roads, Settings, Stage, TICKS_PER_S, Timing,
};
use prospect_envs::{Options, Registry};
use prospect_sim::VecEnvConfig;
use prospect_sim::random::Generator;
use support::batches::{replays_from_snapshots, same_with_any_shards, with_facts};
use support::{Batch, make};

const ID: &str = "traffic-light-v0";

/// A junction with its road and random stream, stepped second by second.
struct Street {
    settings: Settings,
    junction: Junction,
    roads: Roads,
    rng: Generator,
}

impl Street {
    fn new(mut settings: Settings, seed: u64) -> Self {
        settings.decision_s = 1;
        let mut rng = Generator::default_rng(seed);
        Self {
            junction: Junction::start(settings.layout, &mut rng),
            roads: Roads::new(settings.layout, 1),
            settings,
            rng,
        }
    }

    fn road(&self) -> Road<'_> {
        self.roads.row(0)
    }

    fn second(&mut self, phase: usize) {
        let road = &mut self.roads.row_mut(0);
        self.junction.step(&self.settings, road, phase, &mut self.rng);
    }

    /// Vehicles of a lane before the stop line.
    fn before_line(&self, lane: usize) -> usize {
        let vehicles = self.road().lane(lane).iter();
        vehicles.filter(|vehicle| vehicle.position_m < APPROACH_M).count()
    }
}

/// Settings of all kinds.
fn variants() -> Vec<Settings> {
    let mut variants = Vec::new();
    for demand in Demand::ALL {
        for (lanes, scale) in [(2, 1.0), (2, 3.0), (3, 2.0), (4, 0.3)] {
            let mut settings = Settings::of(demand).with_traffic(Layout::new(lanes), scale);
            settings.horizon_s = 900;
            variants.push(settings.clone());
            settings.timing = Timing::of_seconds(1, 20, 3, 0);
            variants.push(settings);
        }
    }
    variants
}

#[test]
fn no_vehicle_is_lost_and_none_overlap() {
    for (n, settings) in variants().into_iter().enumerate() {
        let mut street = Street::new(settings, n as u64);
        let mut choices = Generator::default_rng(1);
        let mut wanted = 0;
        for _ in 0..900 {
            if choices.random() < 0.1 {
                wanted = choices.choice(PHASES);
            }
            street.second(wanted);
            let layout = street.settings.layout;
            let outside: u32 = (0..layout.n_lanes())
                .map(|lane| street.junction.outside(lane))
                .sum();
            let on_road = street.road().len() as u32;
            assert_eq!(
                street.junction.total_arrived(),
                outside + on_road + street.junction.departed
            );
            for lane in 0..layout.n_lanes() {
                for pair in street.road().lane(lane).windows(2) {
                    let gap = pair[0].position_m - LENGTH_M - pair[1].position_m;
                    assert!(gap > 0.2, "variant {n}: a gap of {gap} m");
                    assert!(pair[1].speed_mps >= 0.0 && pair[1].speed_mps < 16.0);
                }
            }
        }
        assert!(street.junction.departed > 20);
    }
}

#[test]
fn nobody_passes_the_stop_line_at_red() {
    for (n, settings) in variants().into_iter().enumerate() {
        let mut street = Street::new(settings, 50 + n as u64);
        let mut choices = Generator::default_rng(2);
        for _ in 0..900 {
            let layout = street.settings.layout;
            let lanes = 0..layout.n_lanes();
            let red = |street: &Street, lane| street.junction.signal.shows(layout.phase_of(lane)).is_none();
            let before: Vec<_> = lanes
                .clone()
                .map(|lane| red(&street, lane).then(|| street.before_line(lane)))
                .collect();
            street.second(choices.choice(PHASES));
            for lane in lanes.filter(|&lane| red(&street, lane)) {
                let Some(before) = before[lane] else { continue };
                assert!(street.before_line(lane) >= before, "variant {n}: lane {lane}");
            }
        }
    }
}

#[test]
fn a_queue_discharges_at_a_plausible_saturation_flow() {
    // Straight lanes only, so that nobody slows down for a turn.
    let mut settings = Settings::of(Demand::Balanced).with_traffic(Layout::new(3), 4.5);
    settings.timing = Timing::of_seconds(5, 600, 3, 2);
    let (mut passed, mut seconds, mut first) = (0, 0, Vec::new());
    for seed in 0..40 {
        let mut street = Street::new(settings.clone(), seed);
        // Long red for north and south, then green.
        (0..300).for_each(|_| street.second(2));
        while street.junction.signal.shows(0) != Some(Stage::Green) {
            street.second(0);
        }
        let lane = 1;
        let queue = street.junction.queue(street.road(), lane) as usize;
        assert!(queue > 10, "a queue of {queue}");
        let passing = |street: &Street| street.junction.entered[lane] as usize - street.before_line(lane);
        let at_green = passing(&street);
        for second in 1..=24 {
            let before = passing(&street);
            street.second(0);
            let now = passing(&street);
            if now > at_green && before == at_green {
                first.push(second);
            }
            if second > 8 && now - at_green <= queue {
                passed += now - before;
                seconds += 1;
            }
        }
    }
    let flow = passed as f64 / f64::from(seconds) * 3600.0;
    assert!(
        (1500.0..2000.0).contains(&flow),
        "{flow} vehicles per hour and lane"
    );
    let reaction = first.iter().sum::<i32>() as f64 / first.len() as f64;
    assert!(
        (1.0..4.0).contains(&reaction),
        "the first one passes after {reaction} s"
    );
}

/// Webster's delay (1958) in s, of a stream of `flow` vehicles/s with green for a `share` of a `cycle_s` at saturation
/// flow `saturation` vehicles/s.
fn webster_delay_s(flow: f64, saturation: f64, cycle_s: f64, share: f64) -> f64 {
    let x = flow / (share * saturation);
    let uniform = cycle_s * (1.0 - share).powi(2) / (2.0 * (1.0 - share * x));
    let random = x * x / (2.0 * flow * (1.0 - x));
    uniform + random - 0.65 * (cycle_s / (flow * flow)).cbrt() * x.powf(2.0 + 5.0 * share)
}

#[test]
fn delay_under_a_fixed_plan_is_near_websters_formula() {
    for (scale, green_s) in [(1.5, 20), (1.0, 20), (1.8, 30), (0.8, 30)] {
        let settings = Settings::of(Demand::Balanced).with_traffic(Layout::new(3), scale);
        let plan = FixedPlan {
            green_s: [green_s, 12, green_s, 12],
        };
        let measured = play_all(&settings, || plan, 0..20).mean_delay_s();
        // Of yellow and start, a vehicle loses about as much as it gains: green as shown is green as used.
        let cycle_s = f64::from(plan.cycle_s(&settings));
        let (mut total, mut vehicles) = (0.0, 0.0);
        for (flow, green_s) in [
            (40.0, 12.0),
            (80.0, f64::from(green_s)),
            (120.0, f64::from(green_s)),
        ] {
            let flow = scale * flow / 3600.0;
            total += flow * webster_delay_s(flow, 1750.0 / 3600.0, cycle_s, green_s / cycle_s);
            vehicles += flow;
        }
        let expected = total / vehicles;
        assert!(
            (measured / expected - 1.0).abs() < 0.2,
            "{measured} s measured, {expected} s by the formula, demand x {scale}"
        );
    }
}

#[test]
fn all_controllers_meet_the_same_vehicles() {
    let settings = Settings::of(Demand::MovingPeak);
    let mut controllers: [Box<dyn Controller>; 3] = [
        Box::new(best_plan(Demand::MovingPeak)),
        Box::new(Actuated::default()),
        Box::new(MaxPressure::default()),
    ];
    let totals = controllers
        .each_mut()
        .map(|controller| play(&settings, &mut **controller, 9));
    assert!(totals.iter().all(|total| total.arrived == totals[0].arrived));
    assert!(totals[1].waiting_s < totals[0].waiting_s);
    assert_eq!(
        play(&settings, &mut Actuated::default(), 9),
        totals[1],
        "an episode repeats itself"
    );
}

#[test]
fn an_hour_of_the_env_is_an_hour_of_a_controller() {
    // The env with decisions every second, driven by a plan through its facts.
    let env = make(ID, r#"{"decision_s": 1, "horizon_s": 600}"#);
    let mut settings = Settings::of(Demand::Balanced);
    settings.horizon_s = 600;
    let plan = FixedPlan {
        green_s: [14, 6, 12, 5],
    };
    let expected = play(&settings, &mut { plan }, 5);
    let mut batch = Batch::new(&env, &[5], with_facts(&env));
    let (mut reward, mut waited) = (0.0, 0.0);
    let mut row = 0;
    for second in 0..600 {
        let green = fact(&batch, "green", row) > 0.0;
        let (phase, green_s) = (fact(&batch, "phase", row) as usize, fact(&batch, "green_s", row));
        let over = green && green_s >= f64::from(plan.green_s[phase]);
        batch.step(&[if over { (phase + 1) % PHASES } else { phase } as i32]);
        row = 1;
        reward += batch.rollout.reward()[0];
        waited += event(&batch, "waiting_s");
        assert_eq!(batch.rollout.truncated()[0], second == 599);
        assert!(!batch.rollout.terminated()[0]);
    }
    assert!(
        (waited - expected.waiting_s).abs() < 1e-3 * waited,
        "{waited} {expected:?}"
    );
    assert!((-reward * 20.0 - waited).abs() < 1e-6 * waited);
}

/// State fact `name` of env 0 at state row `row`.
fn fact(batch: &Batch, name: &str, row: usize) -> f64 {
    let index = batch.vec.layout().state_fact(name).unwrap();
    let width = batch.vec.layout().state_facts[index].width();
    batch
        .rollout
        .state_fact(index)
        .get_f64(row * batch.vec.n_envs() * width)
}

fn event(batch: &Batch, name: &str) -> f64 {
    let index = batch.vec.layout().event_fact(name).unwrap();
    batch.rollout.event_fact(index).get_f64(0)
}

/// The action mask of env 0 at state row `row`.
fn mask(batch: &Batch, row: usize) -> Vec<bool> {
    let index = batch.vec.layout().state_fact("action_mask").unwrap();
    let first = row * batch.vec.n_envs() * PHASES;
    let values = batch.rollout.state_fact(index).slice(first..first + PHASES);
    values.as_bool().unwrap().to_vec()
}

#[test]
fn the_gate_grants_what_the_mask_says() {
    let env = make(
        ID,
        r#"{"decision_s": 2, "min_green_s": 6, "max_green_s": 20, "all_red_s": 1}"#,
    );
    let mut batch = Batch::new(&env, &[3], with_facts(&env));
    let mut rng = Generator::default_rng(0);
    let (mut row, mut changes) = (0, 0);
    for _ in 0..2_000 {
        let allowed = mask(&batch, row);
        let phase = fact(&batch, "phase", row) as usize;
        let wanted = rng.choice(PHASES);
        batch.step(&[wanted as i32]);
        row = 1;
        let changed = event(&batch, "phase_changed") > 0.0;
        if allowed[wanted] {
            assert_eq!(changed, wanted != phase);
        } else {
            let forced = wanted == phase && allowed.iter().filter(|&&allowed| allowed).count() > 1;
            assert_eq!(
                changed, forced,
                "asked for {wanted} in {phase}, allowed {allowed:?}"
            );
        }
        if !batch.rollout.ended(0, 0) {
            let now = fact(&batch, "phase", 1) as usize;
            assert_eq!(now != phase, changed);
            assert!(allowed[now], "{now} was not allowed: {allowed:?}");
        }
        changes += i32::from(changed);
    }
    assert!(changes > 100, "{changes}");
}

#[test]
fn the_same_bytes_whatever_the_shards_and_threads() {
    let seeds: Vec<u64> = (40..57).collect();
    for (id, options) in [
        (ID, r#"{"horizon_s": 300, "demand": "one_sided"}"#),
        (
            ID,
            r#"{"horizon_s": 300, "lanes": 4, "phase_gate": true, "demand_scale": 2}"#,
        ),
        (
            "traffic-light-Sparse-v0",
            r#"{"horizon_s": 300, "target_waiting_s": 20}"#,
        ),
    ] {
        same_with_any_shards(&make(id, options), &seeds, 150);
    }
}

#[test]
fn a_snapshot_replays_the_same_bytes() {
    let env = make(ID, r#"{"horizon_s": 400, "demand_scale": 2}"#);
    replays_from_snapshots(&env, 33, 150);
}

#[test]
fn the_sparse_variant_pays_for_success_alone() {
    for (target, success) in [(1000.0, 1.0), (0.0, 0.0)] {
        let options = format!(r#"{{"horizon_s": 300, "target_waiting_s": {target}}}"#);
        let env = make("traffic-light-Sparse-v0", &options);
        let mut batch = Batch::new(&env, &[1], with_facts(&env));
        for step in 0..60 {
            batch.step(&[0]);
            let expected = if step == 59 { success } else { 0.0 };
            assert_eq!(batch.rollout.reward()[0], expected);
            assert_eq!(event(&batch, "success"), expected);
        }
    }
}

#[test]
fn the_phase_gate_shows_lanes_to_the_present_phase_only() {
    let plain = make(ID, "{}");
    let gated = make(ID, r#"{"phase_gate": true}"#);
    let mut batches = [&plain, &gated].map(|env| Batch::new(env, &[4], VecEnvConfig::default()));
    let signal = PHASES + 3;
    let mut rng = Generator::default_rng(0);
    for _ in 0..200 {
        let action = rng.choice(PHASES) as i32;
        for batch in &mut batches {
            batch.step(&[action]);
        }
        let [plain, gated] = [0, 1].map(|i| {
            batches[i]
                .rollout
                .observation_row(0, 1)
                .as_f32()
                .unwrap()
                .to_vec()
        });
        let lanes = plain.len() - signal;
        assert_eq!(gated.len(), signal + PHASES * lanes);
        assert_eq!(plain[..signal], gated[..signal]);
        let phase = plain[..PHASES].iter().position(|&value| value == 1.0).unwrap();
        for (block, values) in gated[signal..].chunks(lanes).enumerate() {
            if block == phase {
                assert_eq!(values, &plain[signal..]);
            } else {
                assert!(values.iter().all(|&value| value == 0.0));
            }
        }
    }
}

#[test]
fn impossible_options_are_refused() {
    let error = |options: &str| {
        let options: Options = serde_json::from_str(options).unwrap();
        let made = Registry::with_builtin().make(ID, &options).map(|_| ());
        made.unwrap_err().to_string()
    };
    assert!(error(r#"{"demand": "rush"}"#).contains("expected one of balanced, one_sided, moving_peak"));
    assert!(error(r#"{"lanes": 1}"#).contains("expected an integer from 2 to 4"));
    assert!(error(r#"{"yellow_s": 1}"#).contains("expected an integer from 3"));
    assert!(error(r#"{"max_green_s": 3}"#).contains("expected an integer from 5"));
    assert!(error(r#"{"demand_scale": -1}"#).contains("expected a number from 0 to 3"));
    assert!(error(r#"{"cycle": 90}"#).contains("has no option `cycle`"));
}

#[test]
fn seconds_are_whole_substeps() {
    assert_eq!(Timing::of_seconds(5, 60, 3, 2).change(), 5 * TICKS_PER_S);
}
