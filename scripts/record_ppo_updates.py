#!/usr/bin/env python3
"""Records whole updates of PPO's policy and critic from PyTorch, for `agents/tests/ppo_update_golden.rs`.

A case is two steps on one minibatch: clipped surrogate, entropy bonus, clipped value loss and, beside them, the imitation
loss of demonstrated actions; gradients are autograd's, clipped by their global norm, and Adam's step follows. Policies are
a categorical distribution with forbidden options, one that shares its layers with the critic, a diagonal Gaussian, a
Gaussian squashed by tanh into bounds, and two with memory, whose minibatch is some samples of whole sequences of some
actors that end in between.

Usage: `python3 scripts/record_ppo_updates.py [--check]`. Makes its own virtual environment with torch 2.11.0 under `target/`
(about 3 GB) unless it runs where that torch is installed. Writes `tests/golden/ppo/updates_torch_2_11_0.json`.
"""

import json

from pinned_torch import ROOT, VERSION, ensure_torch, write_or_check

GOLDEN = ROOT / "tests/golden/ppo/updates_torch_2_11_0.json"
INPUTS, HIDDEN, MEMORY = 5, 8, 16
CONFIG = {"clip_coef": 0.2, "ent_coef": 0.03, "vf_coef": 0.5, "bc_coef": 0.4, "lr": 0.02, "adam_eps": 0.01,
          "max_grad_norm": 0.5}
# Sequences: steps, actors, those of the minibatch in its order, and the steps with which episodes end, by step and actor.
STEPS, ACTORS, CHOSEN, ENDS = 6, 4, [2, 0, 3], [(1, 0), (2, 2), (4, 2), (3, 1), (5, 3)]

ensure_torch(__file__)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

CASES = [
    {"name": "choices", "actions": 4, "memory": "none"},
    {"name": "one trunk", "actions": 4, "memory": "none", "shared_trunk": True},
    {"name": "reals", "low": [-2.0, 0.0], "high": [2.0, 5.0], "squash": False, "memory": "none"},
    {"name": "squashed", "low": [-2.0, 0.0], "high": [2.0, 5.0], "squash": True, "memory": "none"},
    {"name": "gru", "actions": 3, "memory": "gru"},
    {"name": "lstm", "low": [-1.0], "high": [1.0], "squash": False, "memory": "lstm"},
]


def f32(x):
    return torch.tensor(np.asarray(x, np.float32))


def flat(x):
    return [float(f"{float(v):.8g}") for v in torch.as_tensor(x).detach().double().reshape(-1)]


def width_of(case):
    return case["actions"] if "actions" in case else len(case["low"])


def trunk_of(case, branch):
    """Whose hidden layers a branch has."""
    return "policy" if case.get("shared_trunk") else branch


def parameters(case, rng):
    """Random parameters by their names in a checkpoint."""
    found = {}

    def add(name, *shape):
        found[name] = f32(rng.normal(0, 0.5, shape)).requires_grad_()

    for branch, outputs in [("policy", width_of(case)), ("critic", 1)]:
        if trunk_of(case, branch) == branch:
            add(f"{branch}.hidden.0.weight", HIDDEN, INPUTS)
            add(f"{branch}.hidden.0.bias", HIDDEN)
        features = HIDDEN
        if case["memory"] != "none":
            gates = {"gru": 3, "lstm": 4}[case["memory"]]
            add(f"{branch}.memory.weight_ih", gates * MEMORY, HIDDEN)
            add(f"{branch}.memory.weight_hh", gates * MEMORY, MEMORY)
            add(f"{branch}.memory.bias_ih", gates * MEMORY)
            add(f"{branch}.memory.bias_hh", gates * MEMORY)
            features = MEMORY
        add(f"{branch}.head.weight", outputs, features)
        add(f"{branch}.head.bias", outputs)
    if "low" in case:
        add("policy.log_std", width_of(case))
    return found


def hidden(found, branch, x):
    return torch.tanh(functional.linear(x, found[f"{branch}.hidden.0.weight"], found[f"{branch}.hidden.0.bias"]))


def head(found, branch, x):
    return functional.linear(x, found[f"{branch}.head.weight"], found[f"{branch}.head.bias"])


def remembered(case, found, branch, x, start):
    """Features after the memory, [T, E, width], of sequences x [T, E, inputs] that begin with `start` [E, state]."""
    weights = [found[f"{branch}.memory.{part}"] for part in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]]
    features, state, outputs = hidden(found, branch, x), start, []
    for t in range(STEPS):
        begun = [(t - 1, actor) in ENDS for actor in CHOSEN]
        state = torch.where(torch.tensor(begun)[:, None], torch.zeros_like(state), state)
        if case["memory"] == "lstm":
            parts = torch.lstm_cell(features[t], state.split(MEMORY, 1), *weights)
            state = torch.cat(parts, 1)
            outputs.append(parts[0])
        else:
            state = torch.gru_cell(features[t], state, *weights)
            outputs.append(state)
    return torch.stack(outputs)


def says(case, found, batch):
    """Outputs [n, width] and values [n] of the minibatch."""
    if case["memory"] == "none":
        of = lambda branch: head(found, branch, hidden(found, trunk_of(case, branch), batch["observation"]))
    else:
        x = batch["observation"].view(STEPS, ACTORS, INPUTS)[:, CHOSEN]
        place = [(int(i) // ACTORS, CHOSEN.index(int(i) % ACTORS)) for i in batch["index"]]

        def of(branch):
            features = remembered(case, found, branch, x, batch[f"start_{branch}"][CHOSEN])
            return head(found, branch, torch.stack([features[t, e] for t, e in place]))

    return of("policy"), of("critic").squeeze(1)


def density(case, found, outputs, actions, mask):
    """Log-probabilities and entropies [n]."""
    if "actions" in case:
        logits = outputs if mask is None else outputs.masked_fill(~mask, -torch.inf)
        logp = torch.log_softmax(logits, 1)
        entropy = -(logp.exp() * logp.clamp(min=-1e8)).sum(1)
        return logp.gather(1, actions[:, None]).squeeze(1), entropy
    std = found["policy.log_std"].exp()
    normal = torch.distributions.Normal(outputs, std.expand_as(outputs))
    logp, entropy = normal.log_prob(actions), normal.entropy()
    if case["squash"]:
        tanh = torch.distributions.transforms.TanhTransform()
        half = (0.5 * (f32(case["high"]) - f32(case["low"]))).log()
        slope = lambda u: tanh.log_abs_det_jacobian(u, torch.tanh(u)) + half
        noise = ((actions - outputs) / std).detach()
        logp, entropy = logp - slope(actions), entropy + slope(outputs + std * noise)
    return logp.sum(1), entropy.sum(1)


def draws(case, rng, n):
    if "actions" in case:
        return torch.tensor(rng.integers(0, case["actions"], n))
    return f32(rng.normal(0, 1, (n, width_of(case))))


def minibatch(case, found, rng):
    batch = {"mask": None}
    if case["memory"] == "none":
        n = 9
        batch["observation"] = f32(rng.normal(0, 1, (n, INPUTS)))
    else:
        batch["observation"] = f32(rng.normal(0, 1, (STEPS * ACTORS, INPUTS)))
        # All steps of the chosen actors but two, which nobody learns from.
        every = [t * ACTORS + actor for t in range(STEPS) for actor in CHOSEN]
        batch["index"] = np.array([i for i in every if i not in (every[4], every[11])])
        n = len(batch["index"])
        states = {"gru": MEMORY, "lstm": 2 * MEMORY}[case["memory"]]
        for branch in ["policy", "critic"]:
            batch[f"start_{branch}"] = f32(rng.normal(0, 1, (ACTORS, states)))
    batch["action"] = draws(case, rng, n)
    if case["name"] == "choices":
        batch["mask"] = torch.tensor(rng.random((n, case["actions"])) < 0.6)
        batch["mask"][torch.arange(n), batch["action"]] = True
        batch["mask"][:, 0] = True
    with torch.no_grad():
        outputs, values = says(case, found, batch)
        logp, _ = density(case, found, outputs, batch["action"], batch["mask"])
    batch["old_logprob"] = logp + f32(rng.normal(0, 0.2, n))
    batch["old_value"] = values + f32(rng.normal(0, 0.2, n))
    batch["advantage"], batch["returns"] = f32(rng.normal(0, 1, n)), f32(rng.normal(0, 1, n))
    if case["memory"] == "none":
        batch["demonstrated"], batch["demonstrated_action"] = f32(rng.normal(0, 1, (6, INPUTS))), draws(case, rng, 6)
    return batch


def step(case, found, batch, optimiser):
    outputs, values = says(case, found, batch)
    logp, entropy = density(case, found, outputs, batch["action"], batch["mask"])
    ratio, clip = (logp - batch["old_logprob"]).exp(), CONFIG["clip_coef"]
    policy_loss = torch.max(-batch["advantage"] * ratio, -batch["advantage"] * ratio.clamp(1 - clip, 1 + clip)).mean()
    moved = batch["old_value"] + (values - batch["old_value"]).clamp(-clip, clip)
    value_loss = 0.5 * torch.max((values - batch["returns"]) ** 2, (moved - batch["returns"]) ** 2).mean()
    loss = policy_loss - CONFIG["ent_coef"] * entropy.mean() + CONFIG["vf_coef"] * value_loss
    losses = {"policy_loss": policy_loss, "entropy": entropy.mean(), "value_loss": value_loss}
    if "demonstrated" in batch:
        outputs = head(found, "policy", hidden(found, "policy", batch["demonstrated"]))
        losses["bc_loss"] = -density(case, found, outputs, batch["demonstrated_action"], None)[0].mean()
        loss = loss + CONFIG["bc_coef"] * losses["bc_loss"]
    optimiser.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(found.values(), CONFIG["max_grad_norm"], foreach=False)
    optimiser.step()
    return {name: loss.item() for name, loss in losses.items()} | {"grad_norm": norm.item()}


def record(case, rng):
    found = parameters(case, rng)
    batch = minibatch(case, found, rng)
    first = {name: flat(value) for name, value in found.items()}
    optimiser = torch.optim.Adam(found.values(), lr=CONFIG["lr"], eps=CONFIG["adam_eps"], foreach=False)
    steps = [step(case, found, batch, optimiser) for _ in range(2)]
    integers = {"index", "mask"} | ({"action", "demonstrated_action"} if "actions" in case else set())
    plain = lambda name, value: value.reshape(-1).tolist() if name in integers else flat(value)
    batch = {name: plain(name, value) for name, value in batch.items() if value is not None}
    last = {name: flat(value) for name, value in found.items()}
    return case | {"first": first, "batch": batch, "losses": steps, "last": last}


def main():
    torch.set_num_threads(1)
    cases = [record(case, np.random.default_rng(i)) for i, case in enumerate(CASES)]
    sequences = {"steps": STEPS, "actors": ACTORS, "chosen": CHOSEN, "ends": ENDS}
    shared = {"torch": VERSION, "inputs": INPUTS, "hidden": HIDDEN, "memory_size": MEMORY, "config": CONFIG}
    content = {**shared, "sequences": sequences, "cases": cases}
    write_or_check(GOLDEN, json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
