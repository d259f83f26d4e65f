//! The hand-derived gradient of PPO's loss against PyTorch's autograd (`scripts/record_ppo_golden.py`), and through a network
//! against libtorch's.

use prospect_agents::{
    distribution::Distribution,
    loss::{LossConfig, PolicyGrad, PolicySamples, normalise, policy_loss, value_loss},
};
use prospect_nets::{Kind, Tensor, read_floats};
use prospect_sim::Actions;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    clip_coef: f64,
    clip_vloss: bool,
    ent_coef: f64,
    vf_coef: f64,
    logits: Vec<f32>,
    values: Vec<f32>,
    action: Vec<i32>,
    old_logprob: Vec<f32>,
    advantage: Vec<f32>,
    old_value: Vec<f32>,
    returns: Vec<f32>,
    policy_loss: f64,
    entropy: f64,
    value_loss: f64,
    approx_kl: f64,
    old_approx_kl: f64,
    clipfrac: f64,
    logits_grad: Vec<f32>,
    values_grad: Vec<f32>,
}

fn close(ours: f64, theirs: f64, what: &str) {
    assert!(
        (ours - theirs).abs() < 2e-6 * theirs.abs().max(1.0),
        "{what}: {ours}, PyTorch {theirs}"
    );
}

fn all_close(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() < 1e-6, "{what}: {a}, PyTorch {b}");
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../tests/golden/ppo/torch_2_11_0.json")).unwrap();
    let mut clipped = 0.0;
    for case in golden.cases {
        let config = LossConfig {
            clip_coef: case.clip_coef,
            clip_vloss: case.clip_vloss,
            ent_coef: case.ent_coef,
            vf_coef: case.vf_coef,
        };
        let mut advantage = case.advantage.clone();
        normalise(&mut advantage);
        let samples = PolicySamples {
            outputs: &case.logits,
            log_std: &[],
            mask: None,
            actions: Actions::Discrete(&case.action),
            logprob: &case.old_logprob,
            advantage: &advantage,
        };
        let distribution = Distribution::Choices {
            nvec: vec![case.logits.len() / case.action.len()],
        };
        let mut grad = PolicyGrad::default();
        let stats = policy_loss(&distribution, &samples, &config, &mut grad);
        close(stats.mean(stats.policy_loss), case.policy_loss, "policy_loss");
        close(stats.mean(stats.entropy), case.entropy, "entropy");
        close(stats.mean(stats.approx_kl), case.approx_kl, "approx_kl");
        close(
            stats.mean(stats.old_approx_kl),
            case.old_approx_kl,
            "old_approx_kl",
        );
        close(stats.mean(stats.clipfrac), case.clipfrac, "clipfrac");
        all_close(&grad.outputs, &case.logits_grad, "logits_grad");
        let mut grad = vec![0.0; case.values.len()];
        let sum = value_loss(&case.values, &case.old_value, &case.returns, &config, &mut grad);
        close(sum / case.values.len() as f64, case.value_loss, "value_loss");
        all_close(&grad, &case.values_grad, "values_grad");
        clipped += case.clipfrac;
    }
    assert!(clipped > 0.5, "the cases must reach the clipped branch");
}

#[derive(Deserialize)]
struct Modes {
    reals: Vec<RealsCase>,
    choices: Vec<ChoicesCase>,
}

#[derive(Deserialize)]
struct RealsCase {
    clip_coef: f64,
    ent_coef: f64,
    squash: bool,
    low: Vec<f32>,
    high: Vec<f32>,
    outputs: Vec<f32>,
    log_std: Vec<f32>,
    draws: Vec<f32>,
    old_logprob: Vec<f32>,
    advantage: Vec<f32>,
    policy_loss: f64,
    entropy: f64,
    outputs_grad: Vec<f32>,
    log_std_grad: Vec<f32>,
}

#[derive(Deserialize)]
struct ChoicesCase {
    clip_coef: f64,
    ent_coef: f64,
    nvec: Vec<usize>,
    mask: Vec<bool>,
    outputs: Vec<f32>,
    actions: Vec<i32>,
    old_logprob: Vec<f32>,
    advantage: Vec<f32>,
    policy_loss: f64,
    entropy: f64,
    outputs_grad: Vec<f32>,
}

fn modes() -> Modes {
    serde_json::from_str(include_str!("../../tests/golden/ppo/modes_torch_2_11_0.json")).unwrap()
}

fn config(clip_coef: f64, ent_coef: f64) -> LossConfig {
    LossConfig {
        clip_coef,
        clip_vloss: false,
        ent_coef,
        vf_coef: 0.5,
    }
}

#[test]
fn gaussians_squashed_or_not_are_those_of_pytorch() {
    let cases = modes().reals;
    assert_eq!(
        cases.iter().map(|case| case.squash).collect::<Vec<_>>(),
        [false, true]
    );
    for case in cases {
        let distribution = Distribution::Reals {
            low: case.low,
            high: case.high,
            squash: case.squash,
        };
        let samples = PolicySamples {
            outputs: &case.outputs,
            log_std: &case.log_std,
            mask: None,
            actions: Actions::Continuous(&case.draws),
            logprob: &case.old_logprob,
            advantage: &case.advantage,
        };
        let mut grad = PolicyGrad::default();
        let config = config(case.clip_coef, case.ent_coef);
        let stats = policy_loss(&distribution, &samples, &config, &mut grad);
        close(stats.mean(stats.policy_loss), case.policy_loss, "policy_loss");
        close(stats.mean(stats.entropy), case.entropy, "entropy");
        all_close(&grad.outputs, &case.outputs_grad, "outputs_grad");
        all_close(&grad.log_std, &case.log_std_grad, "log_std_grad");
    }
}

#[test]
fn several_choices_masked_or_not_are_those_of_pytorch() {
    let cases = modes().choices;
    assert!(cases.iter().any(|case| case.mask.contains(&false)));
    for case in cases {
        let distribution = Distribution::Choices { nvec: case.nvec };
        let samples = PolicySamples {
            outputs: &case.outputs,
            log_std: &[],
            mask: Some(&case.mask),
            actions: Actions::Discrete(&case.actions),
            logprob: &case.old_logprob,
            advantage: &case.advantage,
        };
        let mut grad = PolicyGrad::default();
        let config = config(case.clip_coef, case.ent_coef);
        let stats = policy_loss(&distribution, &samples, &config, &mut grad);
        close(stats.mean(stats.policy_loss), case.policy_loss, "policy_loss");
        close(stats.mean(stats.entropy), case.entropy, "entropy");
        all_close(&grad.outputs, &case.outputs_grad, "outputs_grad");
        let forbidden = grad
            .outputs
            .iter()
            .zip(&case.mask)
            .filter(|(_, allowed)| !**allowed);
        assert!(forbidden.into_iter().all(|(slope, _)| *slope == 0.0));
    }
}

/// A gradient handed to a network through an inner product is autograd's gradient of the loss itself.
#[test]
fn the_inner_product_carries_the_gradient_through_a_network() {
    let inputs = Tensor::from_slice(&[0.5_f32, -1.0, 2.0, 0.1, 0.0, 1.0]).view([3, 2]);
    let actions = [1, 0, 1];
    let weight = || {
        Tensor::from_slice(&[0.3_f32, -0.2, 0.7, 0.4])
            .view([2, 2])
            .set_requires_grad(true)
    };

    let by_autograd = weight();
    let log_probs = inputs.matmul(&by_autograd).tanh().log_softmax(-1, Kind::Float);
    let chosen = log_probs
        .gather(1, &Tensor::from_slice(&[1_i64, 0, 1]).unsqueeze(1), false)
        .squeeze_dim(1);
    let advantage = Tensor::from_slice(&[1.0_f32, -2.0, 0.5]);
    let old = chosen.detach();
    let entropy = -(&log_probs * log_probs.exp())
        .sum_dim_intlist(-1, false, Kind::Float)
        .mean(Kind::Float);
    let surrogate = ((chosen - &old).exp() * &advantage).mean(Kind::Float);
    (-surrogate - entropy * 0.1).backward();

    let by_hand = weight();
    let logits = inputs.matmul(&by_hand).tanh();
    let (logits_now, old) = (read_floats(&logits), read_floats(&old));
    let mut grad = PolicyGrad::default();
    let samples = PolicySamples {
        outputs: &logits_now,
        log_std: &[],
        mask: None,
        actions: Actions::Discrete(&actions),
        logprob: &old,
        advantage: &[1.0, -2.0, 0.5],
    };
    let config = LossConfig {
        clip_coef: 0.2,
        clip_vloss: false,
        ent_coef: 0.1,
        vf_coef: 0.5,
    };
    let distribution = Distribution::Choices { nvec: vec![2] };
    policy_loss(&distribution, &samples, &config, &mut grad);
    logits
        .reshape(-1)
        .dot(&Tensor::from_slice(&grad.outputs))
        .backward();
    all_close(
        &read_floats(&by_hand.grad()),
        &read_floats(&by_autograd.grad()),
        "weight",
    );
}
