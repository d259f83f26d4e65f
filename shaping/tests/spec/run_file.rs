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

#[test]
fn bad_tables_are_refused_with_key_and_remedy() {
    let first = "[[reward]]\nkind = \"first_visit\"\n";
    let rnd = "[[reward]]\nkind = \"rnd\"\n";
    for (text, parts) in [
        (
            "[[reward]]\nweight = 1".to_owned(),
            vec!["reward[0].kind", "is missing", "first_visit"],
        ),
        (
            "[[reward]]\nkind = 3".to_owned(),
            vec!["reward[0].kind", "not a text"],
        ),
        (
            "[[reward]]\nkind = \"fist_visit\"".to_owned(),
            vec!["reward[0].kind", "did you mean `first_visit`"],
        ),
        (
            format!("{first}wieght = 1"),
            vec!["reward[0].wieght", "did you mean `weight`", "resolution"],
        ),
        (
            format!("{first}[[reward]]\nkind = \"count\"\nfact = 1"),
            vec!["reward[1].fact", "`count`"],
        ),
        (
            format!("{first}weight = \"much\""),
            vec!["reward[0].weight", "expected a number"],
        ),
        (
            format!("{first}weight = {{ start = 1 }}"),
            vec!["reward[0].weight", "{ start, end, frames }"],
        ),
        (
            format!("{first}mix = \"both\""),
            vec!["reward[0].mix", "own_value_head"],
        ),
        (
            format!("{first}normalise = \"l2\""),
            vec!["reward[0].normalise", "return_std"],
        ),
        (format!("{first}clip = -1"), vec!["reward[0].clip", "above 0"]),
        (
            format!("{first}clip = [1, 0]"),
            vec!["reward[0].clip", "low < high"],
        ),
        (
            format!("{first}key = \"image\""),
            vec!["reward[0].key", "sequence"],
        ),
        (format!("{first}key = [3]"), vec!["reward[0].key[0]", "string"]),
        (format!("{first}key = []"), vec!["reward[0].key", "name 1 to"]),
        (
            format!("{first}key = [\"agent_z\"]"),
            vec!["agent_z", "Toy-v0", "did you mean `agent_x`"],
        ),
        (
            format!("{first}resolution = -1.0"),
            vec!["reward[0].resolution", "0 or above"],
        ),
        (
            format!("{first}mix = \"own_value_head\"\ngamma = 1.5"),
            vec!["reward[0].gamma", "[0, 1]"],
        ),
        (
            format!("{first}gae_lambda = -0.5"),
            vec!["reward[0].gae_lambda", "[0, 1]"],
        ),
        (
            format!("{first}normalise_momentum = 2"),
            vec!["reward[0].normalise_momentum", "[0, 1]"],
        ),
        (
            format!("{first}name = \"a b\""),
            vec!["reward[0].name", "letters"],
        ),
        (
            format!("{first}name = \"extrinsic\""),
            vec!["reward[0].name", "extrinsic"],
        ),
        (
            format!("{first}{first}"),
            vec!["`first_visit` is there twice", "reward[1]", "name"],
        ),
        (
            "[[reward]]\nkind = \"potential\"\nfact = \"goal_distence\"".to_owned(),
            vec!["did you mean `goal_distance`"],
        ),
        (
            "[[reward]]\nkind = \"potential\"\nfact = \"pair\"".to_owned(),
            vec!["reward[0].fact", "2 values"],
        ),
        (
            "[[reward]]\nkind = \"potential\"\nscale = -1".to_owned(),
            vec!["reward[0].scale", "better"],
        ),
        (format!("{rnd}lr = 0"), vec!["reward[0].lr", "above 0"]),
        (
            format!("{rnd}minibatch = 0"),
            vec!["reward[0].minibatch", "at least 1"],
        ),
        (format!("{rnd}minibatch = -3"), vec!["reward[0].minibatch"]),
        (
            format!("{rnd}update_proportion = 1.5"),
            vec!["reward[0].update_proportion", "at most 1"],
        ),
        (format!("{rnd}hidden = 0"), vec!["reward[0].hidden", "at least 1"]),
        (
            format!("{rnd}obs_clip = 0"),
            vec!["reward[0].obs_clip", "above 0"],
        ),
        (
            format!("{rnd}components = [\"smell\"]"),
            vec!["reward[0].components", "smell"],
        ),
        (
            format!("{rnd}encoder = \"cnn\""),
            vec!["reward[0].encoder", "onehot"],
        ),
        (
            "[[reward]]\nkind = \"icm\"\nbeta = 2".to_owned(),
            vec!["reward[0].beta", "[0, 1]"],
        ),
        (
            "[[reward]]\nkind = \"icm\"\neta = 0".to_owned(),
            vec!["reward[0].eta", "above 0"],
        ),
        (
            "[[reward]]\nkind = \"noveld\"\nalpha = -1".to_owned(),
            vec!["reward[0].alpha", "0 or above"],
        ),
    ] {
        let message = refusal(&text);
        for part in parts {
            assert!(message.contains(part), "{text}\n{message}\nlacks {part}");
        }
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
