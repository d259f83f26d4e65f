//! Routes on maps: a driver that keeps to the route arrives and earns the whole of it, traffic flows, and what cannot be driven
//! on is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use prospect_envs::{Options, Registry};
use prospect_sim::VecEnvConfig;
use support::{Batch, all_facts, make};

/// Controllers that follow the route at 8 m/s: the meta-action IDLE.
const FOLLOW: &str =
    r#""action": {"type": "DiscreteMetaAction", "target_speeds": [0, 4, 8]}, "duration": 240"#;

/// What a batch of drivers that never act reaches: per episode the return, the completed share as CaRL's terms say it, and whether
/// it arrived.
fn follow(options: &str, seeds: usize) -> Vec<(f64, f64, bool)> {
    let env = make("map-route-v0", &format!("{{{FOLLOW}, {options}}}"));
    let facts = all_facts(&env);
    let config = VecEnvConfig {
        facts,
        ..VecEnvConfig::default()
    };
    let seeds: Vec<u64> = (0..seeds as u64).collect();
    let mut batch = Batch::new(&env, &seeds, config);
    let fields = &batch.rollout.layout().event_facts;
    let fact = |name: &str| fields.iter().position(|field| field.name == name).unwrap();
    let (completion, success) = (fact("reward/route_completion"), fact("success"));
    let idle = vec![1; seeds.len()];
    let mut episodes = vec![(0.0, 0.0, false, false); seeds.len()];
    for _ in 0..1200 {
        batch.step(&idle);
        for (k, episode) in episodes.iter_mut().enumerate().filter(|(_, episode)| !episode.3) {
            episode.0 += batch.rollout.reward()[k];
            episode.1 += batch.rollout.event_fact(completion).get_f64(k);
            episode.2 |= batch.rollout.event_fact(success).get_f64(k) > 0.0;
            episode.3 = batch.rollout.ended(0, k);
        }
    }
    assert!(episodes.iter().all(|episode| episode.3), "episodes end in 240 s");
    episodes
        .into_iter()
        .map(|(sum, completed, arrived, _)| (sum, completed, arrived))
        .collect()
}

#[test]
fn followers_of_the_route_arrive_and_earn_all_of_it() {
    let episodes = follow(r#""vehicles_count": 0"#, 24);
    for (k, (sum, completed, arrived)) in episodes.iter().enumerate() {
        assert!(arrived, "{k}: {episodes:?}");
        // The destination is reached 4 m before its middle.
        assert!((94.0..=100.0).contains(completed), "{k}: {completed}");
        assert!(*sum <= completed + 1e-6, "factors are at most 1");
    }
    let mean = episodes.iter().map(|episode| episode.0).sum::<f64>() / episodes.len() as f64;
    assert!(mean > 60.0, "{mean}");
}

#[test]
fn the_sparse_variant_pays_for_arriving_alone() {
    let env = make(
        "map-route-Sparse-v0",
        &format!("{{{FOLLOW}, \"vehicles_count\": 0}}"),
    );
    let mut batch = Batch::new(&env, &[1, 2, 3], VecEnvConfig::default());
    let mut sums = [0.0; 3];
    let mut ended = [false; 3];
    for _ in 0..1200 {
        batch.step(&[1; 3]);
        for k in 0..3 {
            if !ended[k] {
                sums[k] += batch.rollout.reward()[k];
                ended[k] = batch.rollout.ended(0, k);
            }
        }
    }
    assert_eq!((sums, ended), ([1.0; 3], [true; 3]));
}

#[test]
fn the_sum_has_terms_of_its_own() {
    let env = make("map-route-v0", r#"{"reward": "shaped", "vehicles_count": 3}"#);
    let names = all_facts(&env);
    for term in ["speed", "position", "rotation", "action", "terminal"] {
        assert!(names.contains(&format!("reward/{term}")), "{names:?}");
    }
    let env = make("highway-fast-v0", r#"{"reward": "carl"}"#);
    assert!(all_facts(&env).contains(&"reward/ttc_factor".to_owned()));
    assert!(all_facts(&make("highway-fast-v0", "{}")).contains(&"reward/collision_reward".to_owned()));
}

/// What is said of options that cannot be used.
fn refusal(options: &str) -> String {
    let options: Options = serde_json::from_str(options).unwrap();
    let made = Registry::with_builtin().make("map-route-v0", &options);
    made.err().unwrap().to_string()
}

#[test]
fn maps_and_trips_that_cannot_be_are_refused() {
    let error = refusal(r#"{"map": "no/such.xodr"}"#);
    assert!(
        error.contains("option `map`") && error.contains("cannot read the map no/such.xodr"),
        "{error}"
    );
    let town = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/maps/town.xodr");
    let text = std::fs::read_to_string(town).unwrap();
    let dir = std::env::temp_dir().join(format!("prospect-maps-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let refused = |name: &str, from: &str, to: &str| {
        let path = dir.join(name);
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        refusal(&serde_json::json!({ "map": path }).to_string())
    };
    let error = refused("link.xodr", "connectingRoad=\"203\"", "connectingRoad=\"777\"");
    assert!(
        error.contains("<connection>") && error.contains("road `777`, which the map does not have"),
        "{error}"
    );
    let error = refused("shape.xodr", "<spiral", "<nurbs");
    assert!(
        error.contains("of road `6` is not supported: the geometry `nurbs`"),
        "{error}"
    );
    std::fs::remove_dir_all(&dir).unwrap();
    let error = refusal(r#"{"route_length_range": [5000, 6000]}"#);
    assert!(
        error.contains("lengths in m for which the map has a way"),
        "{error}"
    );
    let error = refusal(r#"{"route_length_range": [800, 100]}"#);
    assert!(error.contains("the shorter one first"), "{error}");
    assert!(refusal(r#"{"reward": "own"}"#).contains("one of carl, shaped"));
    assert!(refusal(r#"{"map": 3}"#).contains("the path of an OpenDRIVE map"));
}
