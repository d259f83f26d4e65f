//! Published states of driving scenes: an episode that starts from one goes on as the episode it was taken from.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod support;

use prospect_envs::{Options, Registry};
use prospect_sim::random::Generator;
use prospect_sim::{ActionSpace, Autoreset, Rollout, Seeds, VecEnv, VecEnvConfig};
use serde_json::Value;

/// An env of one instance whose episodes are not reset.
struct One {
    envs: VecEnv,
    rollout: Rollout,
}

impl One {
    fn new(id: &str, options: &Options, seed: u64) -> Self {
        let env = Registry::with_builtin()
            .make(id, options)
            .unwrap_or_else(|why| panic!("{id}: {why}"));
        let config = VecEnvConfig {
            autoreset: Autoreset::Disabled,
            ..VecEnvConfig::of(1)
        };
        let mut envs = VecEnv::new(env, &config).unwrap();
        let mut rollout = Rollout::new(envs.layout(), 1);
        envs.reset(Seeds::Base(seed), rollout.first_row_mut()).unwrap();
        Self { envs, rollout }
    }

    fn state(&mut self) -> Option<String> {
        self.envs.state_json(0)
    }

    /// Makes a step of random actions and tells whether the episode goes on.
    fn step(&mut self, rng: &mut Generator) -> bool {
        match self.envs.layout().actions.clone() {
            ActionSpace::Discrete { n } => {
                let actions = self.rollout.discrete_actions_mut(0).iter_mut();
                actions.for_each(|action| *action = rng.integers(0, n as i64) as i32);
            }
            ActionSpace::Continuous { .. } => {
                let actions = self.rollout.continuous_actions_mut(0).iter_mut();
                actions.for_each(|action| *action = rng.uniform(-0.5, 0.5) as f32);
            }
            space @ ActionSpace::MultiDiscrete { .. } => panic!("no actions for {space}"),
        }
        let (actions, row) = self.rollout.step_mut(0);
        self.envs.step(actions, row).unwrap();
        (0..self.envs.actors()).any(|actor| !self.rollout.ended(0, actor))
    }

    fn results(&self) -> (Vec<f64>, Vec<bool>, Vec<u8>) {
        let mut seen = Vec::new();
        for component in 0..self.envs.layout().observation.len() {
            self.rollout.observation_row(component, 1).extend_bytes(&mut seen);
        }
        (
            self.rollout.reward().to_vec(),
            self.rollout.terminated().to_vec(),
            seen,
        )
    }
}

/// Ids of tasks that publish their states.
fn ids() -> Vec<String> {
    let registry = Registry::with_builtin();
    let ids = registry.iter().map(|entry| entry.id().to_owned());
    ids.filter(|id| !id.starts_with("MiniGrid-") && One::new(id, &Options::new(), 0).state().is_some())
        .collect()
}

#[test]
fn an_episode_goes_on_from_its_published_state() {
    let ids = ids();
    assert!(ids.iter().any(|id| id == "highway-fast-v0"), "{ids:?}");
    for id in ids {
        let mut rng = Generator::default_rng(3);
        let mut first = One::new(&id, &Options::new(), 5);
        for _ in 0..4 {
            if !first.step(&mut rng) {
                first = One::new(&id, &Options::new(), 6);
            }
        }
        let state = first.state().unwrap();
        let mut options = Options::new();
        options.insert("reset_state".to_owned(), serde_json::from_str(&state).unwrap());
        let mut second = One::new(&id, &options, 77);
        assert_eq!(second.state().unwrap(), state, "{id}");
        for step in 0..25 {
            let (mut a, mut b) = (rng.clone(), rng.clone());
            let goes_on = first.step(&mut a);
            assert_eq!(second.step(&mut b), goes_on, "{id}, step {step}");
            assert_eq!(first.results(), second.results(), "{id}, step {step}");
            assert_eq!(first.state(), second.state(), "{id}, step {step}");
            rng = a;
            if !goes_on {
                break;
            }
        }
    }
}

#[test]
fn states_without_a_stream_go_on_with_the_seeds() {
    let mut first = One::new("highway-fast-v0", &Options::new(), 5);
    let mut state: Value = serde_json::from_str(&first.state().unwrap()).unwrap();
    state.as_object_mut().unwrap().remove("random");
    let mut options = Options::new();
    options.insert("reset_state".to_owned(), state);
    let random = |seed| {
        let state = One::new("highway-fast-v0", &options, seed).state().unwrap();
        serde_json::from_str::<Value>(&state).unwrap()["random"].clone()
    };
    assert_eq!(random(1), random(1));
    assert_ne!(random(1), random(2));
}
