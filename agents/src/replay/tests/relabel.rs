//! Sampled windows labelled again, against what the modules said of the whole rollouts.

use prospect_nets::{TensorBatch, tch::Device};
use prospect_shaping::{
    ExtrinsicConfig, Mixed, ModuleRegistry, RewardConfig, RewardStack, Schedule, StackInit, TaskStream,
};
use prospect_sim::{EnvSpec, FactSpec};

use super::*;

const GAMMA: f64 = 0.9;
/// Steps of a rollout.
const BLOCK: usize = 8;

fn spec(layout: &RowLayout) -> EnvSpec {
    EnvSpec {
        id: "Tape-v0".to_owned(),
        family: "Tape".to_owned(),
        doc: "a made-up run".to_owned(),
        observation: layout.observation.clone(),
        actions: layout.actions.clone(),
        action_names: vec![],
        max_steps: None,
        reward_range: (0.0, 1.0),
        agents_per_env: 1,
        facts: vec![
            FactSpec::state(layout.state_facts[0].clone(), "", "the row"),
            FactSpec::event(layout.event_facts[0].clone(), "", "action 3"),
        ],
    }
}

/// A run with reward modules: what they said when it was collected, and its replay.
struct Run {
    tape: Tape,
    stack: RewardStack,
    replay: Replay,
    labelled: Vec<Mixed>,
}

/// Collects a tape with the modules of `text`, which learn from each rollout.
fn collect(text: &str, tape: Tape) -> Run {
    let layout = tape.layout();
    let registry = ModuleRegistry::with_builtin();
    let table: toml::Table = toml::from_str(text).unwrap();
    let task = TaskStream {
        gamma: GAMMA,
        gae_lambda: 0.95,
    };
    let configs = table["reward"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(i, reward)| RewardConfig::parse(i, reward.as_table().unwrap(), &registry, task).unwrap());
    let init = StackInit {
        spec: &spec(&layout),
        actors: tape.actors,
        seed: 3,
        device: Device::Cpu,
    };
    let extrinsic = ExtrinsicConfig {
        weight: Schedule::Constant(0.0),
    };
    let mut stack = RewardStack::new(configs.collect(), extrinsic, &registry, &init).unwrap();
    stack.only_adds().unwrap();
    let columns = stack.context_columns().len();
    let mut replay = Replay::new(&layout, columns, 40 * tape.actors).unwrap();
    let mut labelled = Vec::new();
    for from in (0..tape.steps.len()).step_by(BLOCK) {
        let rollout = tape.rollout(from, from + BLOCK);
        if from == 0 {
            stack.begin(&rollout).unwrap();
        }
        (0..BLOCK).for_each(|t| stack.observe(&rollout, t));
        let tensors = TensorBatch::new(&rollout, Device::Cpu);
        labelled.push(stack.label(&rollout, &tensors, 0).unwrap());
        replay.push(&rollout, |i| stack.context_column(i)).unwrap();
        stack.learn(&rollout, &tensors).unwrap();
    }
    Run {
        tape,
        stack,
        replay,
        labelled,
    }
}

impl Run {
    /// Samples of `n` steps, labelled by the modules as they are now.
    fn samples(&self, n: usize) -> Vec<(Sample, Mixed)> {
        let mut rng = Generator::default_rng(5);
        let mut sample = Sample::new(&self.replay, n, 16).unwrap();
        let mut samples = Vec::new();
        for _ in 0..10 {
            self.replay
                .draw(Draw::Uniform(Eligible::All), &mut rng, &mut sample)
                .unwrap();
            let tensors = TensorBatch::new(&sample.rollout, Device::Cpu);
            let mixed = self
                .stack
                .relabel(&sample.rollout, &sample.contexts, &tensors, 0)
                .unwrap();
            samples.push((sample.clone(), mixed));
        }
        samples
    }

    /// Calls `check` with what a relabelled sample has for each step that took part, and what `whole` has for it: the
    /// channels of the rollouts of the run, in order.
    fn compare(&self, n: usize, whole: &[Mixed], mut check: impl FnMut(f32, f32)) {
        let mut compared = 0;
        for (sample, mixed) in self.samples(n) {
            for (at, alive) in sample.rollout.alive().iter().enumerate() {
                let pick = sample.picks[at % 16];
                let row = pick.row as usize + at / 16;
                let raw = mixed.channels[0].raw[at];
                if *alive {
                    let place = row % BLOCK * self.tape.actors + pick.actor as usize;
                    check(raw, whole[row / BLOCK].channels[0].raw[place]);
                    compared += 1;
                } else {
                    assert_eq!((raw, mixed.task[at]), (0.0, 0.0));
                }
            }
        }
        assert!(compared > 100);
    }
}

#[test]
fn rnd_pays_by_the_predictor_of_today() {
    let run = collect(
        "[[reward]]\nkind = \"rnd\"\nmix = \"add\"\ngamma = 0.9\nnormalise = \"return_std\"\nprime_steps = 0\nlr = 0.001\n\
         epochs = 4\nminibatch = 8\ncomponents = [\"vector\"]",
        Tape::random(3, 80, false, 21),
    );
    let now: Vec<Mixed> = (0..80)
        .step_by(BLOCK)
        .map(|from| {
            let rollout = run.tape.rollout(from, from + BLOCK);
            run.stack
                .peek(&rollout, &TensorBatch::new(&rollout, Device::Cpu), 0)
                .unwrap()
        })
        .collect();
    for n in [1, 3] {
        // Sums over other batches may end in other last bits.
        run.compare(n, &now, |again, now| {
            assert!((again - now).abs() <= 1e-5 * now.abs().max(1e-3));
        });
        let mut changed = 0;
        run.compare(n, &run.labelled, |again, then| {
            changed += u32::from((again - then).abs() > 0.01 * then.abs());
        });
        assert!(changed > 50, "the predictor must have learned since");
    }
}

#[test]
fn an_episodic_count_pays_what_it_paid_when_the_step_was_made() {
    let run = collect(
        "[[reward]]\nkind = \"episodic_count\"\nkey = [\"place\"]",
        Tape::random(3, 80, false, 22),
    );
    assert_eq!(run.stack.context_columns(), ["episodic_count/count"]);
    for n in [1, 3] {
        let mut kinds = Vec::new();
        run.compare(n, &run.labelled, |again, then| {
            assert_eq!(again, then);
            kinds.push(again.to_bits());
        });
        kinds.sort_unstable();
        kinds.dedup();
        assert!(
            kinds.len() > 2,
            "places must have been seen several times in an episode"
        );
    }
}

#[test]
fn a_potential_is_exact_and_its_windows_telescope() {
    let run = collect(
        "[[reward]]\nkind = \"potential\"\nfact = \"row\"\nscale = 0.5\nbetter = \"higher\"\nunknown = nan",
        Tape::random(3, 80, false, 23),
    );
    for n in [1, 4] {
        run.compare(n, &run.labelled, |again, then| assert_eq!(again, then));
        let mut ends = [0; 3];
        for (sample, mixed) in run.samples(n) {
            let (mut returns, mut discounts) = ([0.0; 16], [0.0; 16]);
            n_step_returns(&sample.rollout, &mixed.task, GAMMA, &mut returns, &mut discounts);
            let fact = sample.rollout.state_fact(0);
            for b in 0..16 {
                // The sum of gamma^i (gamma phi(s') - phi(s)); a terminal state has potential 0.
                let (first, last) = (0.5 * fact.get_f64(b), 0.5 * fact.get_f64(n * 16 + b));
                let want = f64::from(discounts[b]) * last - first;
                assert!(
                    (f64::from(returns[b]) - want).abs() < 1e-4,
                    "{} and {want}",
                    returns[b]
                );
                let steps = (0..n).map(|i| i * 16 + b);
                let is_cut = steps.clone().any(|at| sample.rollout.truncated()[at]);
                let is_over = steps.clone().any(|at| sample.rollout.terminated()[at]);
                ends[if is_over { 0 } else { 1 + usize::from(is_cut) }] += 1;
            }
        }
        assert!(ends.iter().all(|&windows| windows > 3), "{ends:?}");
    }
}
