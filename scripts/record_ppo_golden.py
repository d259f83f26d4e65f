#!/usr/bin/env python3
"""Records PPO's losses, recurrent cells and their gradients from PyTorch, for `agents/tests/loss_golden.rs` and
`nets/tests/recurrent_golden.rs`.

The loss is the usual one: clipped surrogate, entropy bonus, value loss with and without clipping, advantages normalised
per minibatch. Gradients are autograd's, at the logits (or means and log standard deviations) and values. Squashed Gaussians
are `TransformedDistribution`s through `TanhTransform`; their entropy is the Gaussian's plus the transforms' log slope at
the draw, which moves with mean and deviation. Masked logits are -inf to `Categorical`. Recurrent cells are `torch.nn.LSTM`
and `torch.nn.GRU`, run over the pieces of a sequence between the ends of episodes.

Usage: `python3 scripts/record_ppo_golden.py [--check]`. Makes its own virtual environment with torch 2.11.0 under `target/`
(about 3 GB) unless it runs where that torch is installed. Writes `tests/golden/ppo/torch_2_11_0.json`, and
`modes_torch_2_11_0.json` and `recurrent_torch_2_11_0.json` beside it.
"""

import json

from pinned_torch import ROOT, VERSION, ensure_torch, write_or_check

GOLDEN = ROOT / "tests/golden/ppo/torch_2_11_0.json"

ensure_torch(__file__)

import numpy as np  # noqa: E402
import torch  # noqa: E402

CASES = [
    {"clip_coef": 0.2, "clip_vloss": True, "ent_coef": 0.01, "vf_coef": 0.5, "samples": 12, "actions": 7},
    {"clip_coef": 0.2, "clip_vloss": False, "ent_coef": 0.01, "vf_coef": 0.5, "samples": 12, "actions": 7},
    {"clip_coef": 0.05, "clip_vloss": True, "ent_coef": 0.3, "vf_coef": 1.0, "samples": 8, "actions": 3},
]


def record(case, rng):
    n, a = case["samples"], case["actions"]
    f32 = lambda x: torch.tensor(np.asarray(x, np.float32))
    logits = f32(rng.normal(0, 1, (n, a))).requires_grad_()
    values = f32(rng.normal(0, 1, n)).requires_grad_()
    actions = torch.tensor(rng.integers(0, a, n))
    now = torch.log_softmax(logits, 1).gather(1, actions[:, None]).squeeze(1).detach()
    old_logprob = now + f32(rng.normal(0, 0.2, n))
    advantages = f32(rng.normal(0.3, 2, n))
    old_values = values.detach() + f32(rng.normal(0, 0.2, n))
    returns = f32(rng.normal(0, 1, n))

    probs = torch.distributions.Categorical(logits=logits)
    logratio = probs.log_prob(actions) - old_logprob
    ratio = logratio.exp()
    mb = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    clip = case["clip_coef"]
    pg_loss = torch.max(-mb * ratio, -mb * torch.clamp(ratio, 1 - clip, 1 + clip)).mean()
    entropy = probs.entropy().mean()
    unclipped = (values - returns) ** 2
    if case["clip_vloss"]:
        clipped = (old_values + torch.clamp(values - old_values, -clip, clip) - returns) ** 2
        v_loss = 0.5 * torch.max(unclipped, clipped).mean()
    else:
        v_loss = 0.5 * unclipped.mean()
    (pg_loss - case["ent_coef"] * entropy + case["vf_coef"] * v_loss).backward()
    flat = lambda x: [float(v) for v in x.detach().reshape(-1).double()]
    return {
        **case,
        "logits": flat(logits),
        "values": flat(values),
        "action": [int(x) for x in actions],
        "old_logprob": flat(old_logprob),
        "advantage": flat(advantages),
        "old_value": flat(old_values),
        "returns": flat(returns),
        "policy_loss": pg_loss.item(),
        "entropy": entropy.item(),
        "value_loss": v_loss.item(),
        "approx_kl": ((ratio - 1) - logratio).mean().item(),
        "old_approx_kl": (-logratio).mean().item(),
        "clipfrac": ((ratio - 1.0).abs() > clip).float().mean().item(),
        "logits_grad": flat(logits.grad),
        "values_grad": flat(values.grad),
    }


def f32(x):
    return torch.tensor(np.asarray(x, np.float32))


def flat(x):
    return [float(v) for v in x.detach().reshape(-1).double()]


def surrogate(case, logprob, entropy, old_logprob, advantages):
    ratio = (logprob - old_logprob).exp()
    clip = case["clip_coef"]
    pg_loss = torch.max(-advantages * ratio, -advantages * torch.clamp(ratio, 1 - clip, 1 + clip)).mean()
    return pg_loss, pg_loss - case["ent_coef"] * entropy


def record_reals(squash, rng, n=10, width=3):
    """Diagonal Gaussians with a log standard deviation that does not depend on the state."""
    case = {"clip_coef": 0.2, "ent_coef": 0.05}
    low, high = f32([-2.0, 0.0, -1.0]), f32([2.0, 5.0, 1.0])
    means = rng.normal(0, 1, (n, width))
    # One so far out that tanh is 1 to the last bit.
    means[0, 0] = 12.0
    means = f32(means).requires_grad_()
    log_std = f32(rng.normal(-0.5, 0.3, width)).requires_grad_()
    draws = (means + log_std.exp() * f32(rng.normal(0, 1, (n, width)))).detach()
    normal = torch.distributions.Normal(means, log_std.exp())
    entropy = normal.entropy().sum(1)
    if squash:
        tanh = torch.distributions.transforms.TanhTransform(cache_size=1)
        half = 0.5 * (high - low)
        log_slope = lambda u: (tanh.log_abs_det_jacobian(u, torch.tanh(u)) + half.log()).sum(1)
        logprob = normal.log_prob(draws).sum(1) - log_slope(draws)
        noise = ((draws - means) / log_std.exp()).detach()
        entropy = entropy + log_slope(means + log_std.exp() * noise)
    else:
        logprob = normal.log_prob(draws).sum(1)
    old_logprob = logprob.detach() + f32(rng.normal(0, 0.2, n))
    advantages = f32(rng.normal(0, 1, n))
    pg_loss, loss = surrogate(case, logprob, entropy.mean(), old_logprob, advantages)
    loss.backward()
    return {
        **case, "squash": squash, "low": flat(low), "high": flat(high), "outputs": flat(means), "log_std": flat(log_std),
        "draws": flat(draws), "old_logprob": flat(old_logprob), "advantage": flat(advantages), "policy_loss": pg_loss.item(),
        "entropy": entropy.mean().item(), "outputs_grad": flat(means.grad), "log_std_grad": flat(log_std.grad),
    }


def record_choices(nvec, masked, rng, n=10):
    """Several categorical distributions side by side, with or without forbidden options."""
    case = {"clip_coef": 0.2, "ent_coef": 0.05}
    logits = f32(rng.normal(0, 1, (n, sum(nvec)))).requires_grad_()
    mask = torch.tensor(rng.random((n, sum(nvec))) < 0.6) if masked else torch.ones((n, sum(nvec)), dtype=torch.bool)
    starts = np.cumsum([0, *nvec[:-1]])
    for start in starts:
        mask[:, start] = True
    parts = [
        torch.distributions.Categorical(logits=part.masked_fill(~allowed, -torch.inf))
        for part, allowed in zip(logits.split(nvec, 1), mask.split(nvec, 1))
    ]
    actions = torch.stack([torch.tensor([int(rng.choice(len(p), p=p / p.sum())) for p in part.probs.detach().double().numpy()]) for part in parts], 1)
    logprob = sum(part.log_prob(actions[:, i]) for i, part in enumerate(parts))
    # The entropy of what is left: 0 log 0 is 0.
    entropy = sum(-(part.probs * part.logits.clamp(min=-1e8)).sum(1) for part in parts)
    old_logprob = logprob.detach() + f32(rng.normal(0, 0.2, n))
    advantages = f32(rng.normal(0, 1, n))
    pg_loss, loss = surrogate(case, logprob, entropy.mean(), old_logprob, advantages)
    loss.backward()
    return {
        **case, "nvec": nvec, "mask": [bool(x) for x in mask.reshape(-1)], "outputs": flat(logits),
        "actions": [int(x) for x in actions.reshape(-1)], "old_logprob": flat(old_logprob), "advantage": flat(advantages),
        "policy_loss": pg_loss.item(), "entropy": entropy.mean().item(), "outputs_grad": flat(logits.grad),
    }


def record_recurrent(kind, rng, steps=7, batch=3, inputs=4, width=5):
    """A sequence whose states are cleared where episodes end, as one run of PyTorch's layer per piece."""
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](inputs, width)
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    weights = {}
    for name in names:
        tensor = getattr(layer, f"{name}_l0")
        tensor.data = f32(rng.normal(0, 0.4, tuple(tensor.shape)))
        weights[name] = tensor
    x = f32(rng.normal(0, 1, (steps, batch, inputs)))
    parts = 2 if kind == "lstm" else 1
    state = f32(rng.normal(0, 1, (batch, parts * width)))
    begins = np.zeros((steps, batch), bool)
    begins[3, 0] = begins[1, 2] = begins[5, 2] = True
    outputs = torch.zeros(steps, batch, width)
    for k in range(batch):
        cuts = [0, *np.flatnonzero(begins[:, k]), steps]
        for start, end in zip(cuts, cuts[1:]):
            fresh = start > 0
            pieces = [(torch.zeros(1, 1, width) if fresh else part.reshape(1, 1, width)) for part in state[k].split(width)]
            hidden = tuple(pieces) if kind == "lstm" else pieces[0]
            outputs[start:end, k] = layer(x[start:end, k : k + 1], hidden)[0][:, 0]
    slope = f32(rng.normal(0, 1, (steps, batch, width)))
    (outputs * slope).sum().backward()
    return {
        "kind": kind, "steps": steps, "batch": batch, "inputs": inputs, "width": width, "x": flat(x), "state": flat(state),
        "begins": [bool(b) for b in begins.reshape(-1)], "slope": flat(slope), "outputs": flat(outputs),
        "weights": {name: flat(weights[name]) for name in names},
        "grads": {name: flat(weights[name].grad) for name in names},
    }


def write(path, content):
    write_or_check(path, json.dumps({"torch": VERSION, **content}, indent=1) + "\n")


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    cases = [record(case, rng) for case in CASES]
    write(GOLDEN, {"cases": cases})
    reals = [record_reals(squash, rng) for squash in (False, True)]
    choices = [record_choices([3, 2, 4], False, rng), record_choices([3, 2, 4], True, rng), record_choices([6], True, rng)]
    write(GOLDEN.with_name("modes_torch_2_11_0.json"), {"reals": reals, "choices": choices})
    # The wider ones fill a register, and so run without libtorch's graph.
    cells = [record_recurrent(kind, rng, width=width) for width in (5, 16) for kind in ("lstm", "gru")]
    write(GOLDEN.with_name("recurrent_torch_2_11_0.json"), {"cells": cells})


if __name__ == "__main__":
    main()
