//! What run files may say, what they get where they are silent, and how they are refused.

use prospect_shaping::{Clip, Mix, Normalise, Schedule, TaskStream};

use crate::toy::{TASK, configs, registry, stack, try_stack};

fn refusal(text: &str) -> String {
    match configs(text) {
        Err(error) => error.to_string(),
        Ok(_) => try_stack(text, 2, prospect_shaping::ExtrinsicConfig::default())
            .err()
            .map_or_else(|| panic!("accepted: {text}"), |error| error.to_string()),
    }
}

const FIRST: &str = "[[reward]]\nkind = \"first_visit\"\n";

#[track_caller]
fn assert_refused(text: &str, parts: &[&str]) {
    let message = refusal(text);
    for part in parts {
        assert!(message.contains(part), "{text}\n{message}\nlacks {part}");
    }
}

#[test]
fn unknown_and_missing_kinds_are_refused_with_those_there_are() {
    let place = "reward[0].kind";
    assert_refused("[[reward]]\nweight = 1", &[place, "is missing", "first_visit"]);
    assert_refused("[[reward]]\nkind = 3", &[place, "not a text"]);
    assert_refused(
        "[[reward]]\nkind = \"fist_visit\"",
        &[place, "did you mean `first_visit`"],
    );
}

#[test]
fn unknown_keys_are_refused_with_those_there_are() {
    let parts = ["reward[0].wieght", "did you mean `weight`", "resolution"];
    assert_refused(&format!("{FIRST}wieght = 1"), &parts);
    // A key of another kind is no key of this one.
    let second = format!("{FIRST}[[reward]]\nkind = \"count\"\nfact = 1");
    assert_refused(&second, &["reward[1].fact", "`count`"]);
}

#[test]
fn bad_values_of_common_keys_are_refused_with_key_and_remedy() {
    for (line, parts) in [
        ("weight = \"much\"", ["reward[0].weight", "a number"]),
        (
            "weight = { start = 1 }",
            ["reward[0].weight", "{ start, end, frames }"],
        ),
        ("mix = \"both\"", ["reward[0].mix", "own_value_head"]),
        ("normalise = \"l2\"", ["reward[0].normalise", "return_std"]),
        ("clip = -1", ["reward[0].clip", "above 0"]),
        ("clip = [1, 0]", ["reward[0].clip", "low < high"]),
        (
            "mix = \"own_value_head\"\ngamma = 1.5",
            ["reward[0].gamma", "[0, 1]"],
        ),
        ("gae_lambda = -0.5", ["reward[0].gae_lambda", "[0, 1]"]),
        (
            "normalise_momentum = 2",
            ["reward[0].normalise_momentum", "[0, 1]"],
        ),
        ("name = \"a b\"", ["reward[0].name", "letters"]),
        ("name = \"extrinsic\"", ["reward[0].name", "extrinsic"]),
    ] {
        assert_refused(&format!("{FIRST}{line}"), &parts);
    }
    assert_refused(
        &format!("{FIRST}{FIRST}"),
        &["`first_visit` is there twice", "reward[1]", "name"],
    );
}

#[test]
fn bad_values_of_a_kinds_keys_are_refused_with_key_and_remedy() {
    for (kind, line, parts) in [
        ("first_visit", "key = \"image\"", ["reward[0].key", "sequence"]),
        ("first_visit", "key = [3]", ["reward[0].key[0]", "string"]),
        ("first_visit", "key = []", ["reward[0].key", "name 1 to"]),
        (
            "first_visit",
            "key = [\"agent_z\"]",
            ["Toy-v0", "did you mean `agent_x`"],
        ),
        (
            "first_visit",
            "resolution = -1.0",
            ["reward[0].resolution", "0 or above"],
        ),
        (
            "potential",
            "fact = \"goal_distence\"",
            ["Toy-v0", "did you mean `goal_distance`"],
        ),
        ("potential", "fact = \"pair\"", ["reward[0].fact", "2 values"]),
        ("potential", "scale = -1", ["reward[0].scale", "better"]),
        ("rnd", "lr = 0", ["reward[0].lr", "above 0"]),
        ("rnd", "minibatch = 0", ["reward[0].minibatch", "at least 1"]),
        ("rnd", "minibatch = -3", ["reward[0].minibatch", "-3"]),
        (
            "rnd",
            "update_proportion = 1.5",
            ["reward[0].update_proportion", "at most 1"],
        ),
        ("rnd", "hidden = 0", ["reward[0].hidden", "at least 1"]),
        ("rnd", "obs_clip = 0", ["reward[0].obs_clip", "above 0"]),
        (
            "rnd",
            "components = [\"smell\"]",
            ["reward[0].components", "smell"],
        ),
        ("rnd", "encoder = \"cnn\"", ["reward[0].encoder", "onehot"]),
        ("icm", "beta = 2", ["reward[0].beta", "[0, 1]"]),
        ("icm", "eta = 0", ["reward[0].eta", "above 0"]),
        ("noveld", "alpha = -1", ["reward[0].alpha", "0 or above"]),
    ] {
        assert_refused(&format!("[[reward]]\nkind = \"{kind}\"\n{line}"), &parts);
    }
}

#[test]
fn common_keys_are_read() {
    let config = configs(
        "[[reward]]\nkind = \"count\"\nname = \"views\"\nweight = 1\nmix = \"own_value_head\"\nnormalise = \"running_std\"\n\
         clip = [-1, 2]\ngamma = 0.5\nepisodic = false\nkey = [\"direction\"]",
    )
    .unwrap()
    .remove(0);
    assert_eq!((config.kind.as_str(), config.name.as_str()), ("count", "views"));
    assert_eq!(
        (config.weight, config.mix),
        (Schedule::Constant(1.0), Mix::OwnValueHead)
    );
    assert_eq!(config.normalise, Normalise::RunningStd);
    assert_eq!(config.clip, Clip { low: -1.0, high: 2.0 });
    assert_eq!(
        (config.gamma, config.gae_lambda, config.episodic),
        (0.5, TASK.gae_lambda, false)
    );
}

#[test]
fn a_resolved_table_says_every_key_and_reads_back() {
    let registry = registry();
    for kind in registry.kinds() {
        let text = format!(
            "[[reward]]\nkind = \"{}\"\nweight = {{ start = 1.0, kappa = 1e-6 }}\nclip = 0.1",
            kind.kind()
        );
        let config = configs(&text).unwrap().remove(0);
        let resolved = config.resolved();
        let schema = kind.schema();
        for key in schema["properties"].as_object().unwrap().keys() {
            assert!(
                resolved.contains_key(key),
                "{}: {key} is not resolved",
                kind.kind()
            );
        }
        assert_eq!(resolved["clip"].as_float(), Some(0.1));
        let written = toml::to_string(&toml::Table::from_iter([(
            "reward".to_owned(),
            toml::Value::Array(vec![toml::Value::Table(resolved)]),
        )]))
        .unwrap();
        assert_eq!(configs(&written).unwrap().remove(0), config, "{written}");
    }
}

#[test]
fn every_key_of_every_kind_has_a_meaning_and_a_default() {
    let registry = registry();
    for kind in registry.kinds() {
        let defaults = kind.defaults();
        let schema = kind.schema();
        for (key, property) in schema["properties"].as_object().unwrap() {
            let doc = property["description"].as_str().unwrap_or_default();
            assert!(
                doc.len() > 20,
                "{}: {key} is not explained: {property}",
                kind.kind()
            );
            let of_agent = ["gamma", "gae_lambda"].contains(&key.as_str());
            assert!(
                defaults.contains_key(key) || of_agent,
                "{}: {key} has no default",
                kind.kind()
            );
        }
        assert!(!kind.doc().is_empty());
    }
}

#[test]
fn the_agents_discount_is_taken_over_where_none_is_given() {
    let table: toml::Table = toml::from_str("kind = \"first_visit\"\nmix = \"own_value_head\"").unwrap();
    let task = TaskStream {
        gamma: 0.5,
        gae_lambda: 0.25,
    };
    let config = prospect_shaping::RewardConfig::parse(0, &table, &registry(), task).unwrap();
    assert_eq!((config.gamma, config.gae_lambda), (0.5, 0.25));
}

#[test]
fn needs_of_modules_are_put_together() {
    let text = "[[reward]]\nkind = \"potential\"\n[[reward]]\nkind = \"count\"\nkey = [\"agent_x\", \"goal_distance\"]";
    let needs = stack(text, 1).needs();
    assert_eq!(needs.facts, ["goal_distance", "agent_x"]);
}

#[test]
fn a_kind_is_registered_once_and_keeps_off_common_keys() {
    #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Settings {
        clip: f64,
    }
    let refuse = |kind: &str| {
        let kind = prospect_shaping::ModuleKind::new(kind, "-", |init, _: Settings| {
            Err(init.config_error("clip", "-"))
        });
        registry().register(kind).unwrap_err().to_string()
    };
    assert!(refuse("count").contains("reward kind `count` is there twice"));
    assert!(refuse("other").contains("reward key `clip` is there twice"));
}
