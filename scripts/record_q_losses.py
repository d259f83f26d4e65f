#!/usr/bin/env python3
"""Records losses of action values, their gradients and optimiser steps from PyTorch, for `agents/tests/q_loss_golden.rs`.

Every case is one update as the DQN family and PQN make it, on a random batch: n-step windows, of which some end early by
termination or truncation; an online and a target network, with dueling heads, noisy layers or layer normalisation; mean
squares, Huber's loss, C51's cross-entropy or QR-DQN's quantile loss, weighted. Gradients are autograd's. Noise comes from
NumPy's `default_rng`, per noisy layer a normal for each input and then for each output, first online, then target.

Usage: `python3 scripts/record_q_losses.py [--check]`. Makes its own virtual environment with torch 2.11.0 under `target/`
(about 3 GB) unless it runs where that torch is installed. Writes `agents/tests/golden/q_losses.json`.
"""

import json

from pinned_torch import ROOT, VERSION, ensure_torch, write_or_check

GOLDEN = ROOT / "agents/tests/golden/q_losses.json"
INPUTS, HIDDEN, ACTIONS, BATCH = 5, [12, 9], 3, 7

ensure_torch(__file__)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

PLAIN = {"model": "expected", "huber": False, "atoms": 1, "v_min": 0.0, "v_max": 0.0, "kappa": 1.0, "double": False,
         "dueling": False, "n_step": 1, "noise": None, "layer_norm": False, "optimiser": "adam", "max_grad_norm": 0.0}
C51 = {"model": "categorical", "atoms": 11, "v_min": -2.0, "v_max": 3.0}
QR = {"model": "quantile", "atoms": 6, "kappa": 0.7}
CASES = [
    {"name": "dqn"},
    {"name": "huber, clipped", "huber": True, "max_grad_norm": 0.5},
    {"name": "double, 3 steps", "double": True, "n_step": 3},
    {"name": "dueling", "dueling": True, "huber": True},
    {"name": "noisy", "noise": 8, "double": True},
    {"name": "c51", **C51},
    {"name": "c51 on few atoms", **C51, "atoms": 3, "v_min": -1.0, "v_max": 1.0, "n_step": 2},
    {"name": "qr", **QR},
    {"name": "qr, kappa 1, dueling", **QR, "kappa": 1.0, "dueling": True},
    {"name": "rainbow", **C51, "double": True, "dueling": True, "n_step": 3, "noise": 9, "max_grad_norm": 10.0},
    {"name": "pqn", "layer_norm": True, "optimiser": "radam", "max_grad_norm": 10.0},
]


def parameters(case, rng):
    """Random parameters by their names in a checkpoint, widths of noise included."""
    outputs = (ACTIONS + case["dueling"]) * case["atoms"]
    found, inputs = {}, INPUTS
    for name, width in [("q.hidden.0", HIDDEN[0]), ("q.hidden.1", HIDDEN[1]), ("q.head", outputs)]:
        found[f"{name}.weight"] = rng.normal(0, 0.6, (width, inputs))
        found[f"{name}.bias"] = rng.normal(0, 0.3, width)
        if case["layer_norm"] and name != "q.head":
            found[f"{name}.norm.weight"] = rng.normal(1, 0.3, width)
            found[f"{name}.norm.bias"] = rng.normal(0, 0.3, width)
        inputs = width
    if case["noise"] is not None:
        for name in [name for name in found if "norm" not in name]:
            found[f"{name}.noise_width"] = np.abs(rng.normal(0.2, 0.1, found[name].shape))
    return {name: torch.tensor(np.asarray(value, np.float32), requires_grad=True) for name, value in found.items()}


def squashed(rng, n):
    x = rng.standard_normal(n)
    return torch.tensor(np.asarray(np.sign(x) * np.sqrt(np.abs(x)), np.float32))


def drawn(found, rng):
    """The weights that a pass runs on: with fresh noise if there are widths."""
    if rng is None:
        return found
    weights = dict(found)
    for layer in ["q.hidden.0", "q.hidden.1", "q.head"]:
        rows, columns = found[f"{layer}.weight"].shape
        of_inputs, of_outputs = squashed(rng, columns), squashed(rng, rows)
        for name, noise in [("weight", torch.outer(of_outputs, of_inputs)), ("bias", of_outputs)]:
            weights[f"{layer}.{name}"] = found[f"{layer}.{name}"] + found[f"{layer}.{name}.noise_width"] * noise
    return weights


def outputs_of(case, weights, x):
    for layer in ["q.hidden.0", "q.hidden.1"]:
        x = functional.linear(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"])
        if case["layer_norm"]:
            x = functional.layer_norm(x, x.shape[1:], weights[f"{layer}.norm.weight"], weights[f"{layer}.norm.bias"])
        x = torch.relu(x)
    return functional.linear(x, weights["q.head.weight"], weights["q.head.bias"])


def atoms_of(case, outputs):
    if not case["dueling"]:
        return outputs.view(-1, ACTIONS, case["atoms"])
    split = outputs.view(-1, 1 + ACTIONS, case["atoms"])
    value, advantage = split[:, :1], split[:, 1:]
    return value + advantage - advantage.mean(1, keepdim=True)


def support(case):
    return torch.linspace(case["v_min"], case["v_max"], case["atoms"])


def values_of(case, atoms):
    if case["model"] == "categorical":
        return (atoms.softmax(-1) * support(case)).sum(-1)
    return atoms.mean(-1)


def projected(case, probabilities, returns, discounts):
    """Each atom's share to the two atoms around where it lands (Bellemare et al. 2017, algorithm 1)."""
    width = (case["v_max"] - case["v_min"]) / (case["atoms"] - 1)
    target = torch.zeros_like(probabilities, dtype=torch.double)
    for b in range(len(returns)):
        for p, z in zip(probabilities[b].double(), support(case).double()):
            landed = min(max(float(returns[b]) + float(discounts[b]) * float(z), case["v_min"]), case["v_max"])
            place = (landed - case["v_min"]) / width
            below = min(int(np.floor(place)), case["atoms"] - 2)
            target[b, below] += p * (below + 1 - place)
            target[b, below + 1] += p * (place - below)
    return target.float()


def losses(case, taken, target):
    """Per sample, and how wrong each was."""
    if case["model"] == "expected":
        error = (taken - target).squeeze(1)
        loss = functional.smooth_l1_loss(taken, target, reduction="none").squeeze(1) if case["huber"] else error**2
        return loss, error.abs()
    if case["model"] == "categorical":
        loss = -(target * taken.log_softmax(-1)).sum(-1)
        return loss, loss
    n, kappa = case["atoms"], case["kappa"]
    tau = (torch.arange(n) + 0.5) / n
    delta = target[:, None, :] - taken[:, :, None]
    huber = functional.huber_loss(delta, torch.zeros_like(delta), reduction="none", delta=kappa) / kappa
    weight = (tau[None, :, None] - (delta.detach() < 0).float()).abs()
    loss = (weight * huber).mean(2).sum(1)
    return loss, loss


def windows(case, rng):
    """Rewards and flags of n-step windows; sample 1 is terminated in its first step, sample 2 truncated there, sample 3 both
    in its last one, sample 4 truncated in its last one."""
    n = case["n_step"]
    flags = {name: np.zeros((n, BATCH), bool) for name in ["terminated", "truncated"]}
    flags["terminated"][0, 1] = flags["truncated"][0, 2] = True
    flags["terminated"][n - 1, 3] = flags["truncated"][n - 1, 3] = flags["truncated"][n - 1, 4] = True
    alive = np.ones((n, BATCH), bool)
    alive[1:, 1:3] = False
    return rng.normal(0, 0.7, (n, BATCH)), flags, alive


def n_step(case, rewards, flags, alive, gamma):
    returns, discounts = np.zeros(BATCH), np.zeros(BATCH)
    for b in range(BATCH):
        discount = 1.0
        for i in range(case["n_step"]):
            if not alive[i, b]:
                break
            returns[b] += discount * rewards[i, b]
            discount *= 0.0 if flags["terminated"][i, b] else gamma
        discounts[b] = discount
    f32 = lambda x: torch.tensor(np.asarray(x, np.float32))
    return f32(returns), f32(discounts)


def record(case, rng):
    flat = lambda x: [float(f"{float(v):.7g}") for v in np.asarray(x, np.float64).reshape(-1)]
    plain = lambda found: {name: flat(value.detach()) for name, value in found.items()}
    f32 = lambda x: torch.tensor(np.asarray(x, np.float32))
    online, target = parameters(case, rng), parameters(case, rng)
    states, after = f32(rng.normal(0, 1, (BATCH, INPUTS))), f32(rng.normal(0, 1, (BATCH, INPUTS)))
    actions, gamma, lr = rng.integers(0, ACTIONS, BATCH), 0.95, 0.05
    weight = f32(rng.uniform(0.3, 1.0, BATCH))
    rewards, flags, alive = windows(case, rng)
    rewards = np.asarray(rewards, np.float32)
    returns, discounts = n_step(case, rewards.astype(np.float64), flags, alive, gamma)
    kinds = {"adam": lambda p: torch.optim.Adam(p, lr=lr, eps=0.1, foreach=False),
             "radam": lambda p: torch.optim.RAdam(p, lr=lr, eps=0.1, foreach=False)}
    optimiser = kinds[case["optimiser"]](list(online.values()))
    initial, noise = plain(online), None if case["noise"] is None else np.random.default_rng(case["noise"])
    steps, every = [], torch.arange(BATCH)
    for _ in range(2):
        weights, target_weights = drawn(online, noise), drawn(target, noise)
        with torch.no_grad():
            next_atoms = atoms_of(case, outputs_of(case, target_weights, after))
            chooser = atoms_of(case, outputs_of(case, weights, after)) if case["double"] else next_atoms
            best = values_of(case, chooser).argmax(1)
            chosen = next_atoms[every, best]
            wanted = returns[:, None] + discounts[:, None] * chosen
            if case["model"] == "categorical":
                wanted = projected(case, chosen.softmax(-1), returns, discounts)
        outputs = outputs_of(case, weights, states)
        outputs.retain_grad()
        taken = atoms_of(case, outputs)[every, actions]
        loss, wrong = losses(case, taken, wanted)
        optimiser.zero_grad()
        (weight * loss).mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(online.values(), case["max_grad_norm"] or float("inf"), foreach=False)
        steps.append({"outputs": flat(outputs.detach()), "target": flat(wanted), "loss": float((weight * loss).mean().detach()),
                      "surprise": flat(wrong.detach()), "outputs_grad": flat(outputs.grad), "grad_norm": float(norm)})
        optimiser.step()
    return {**case, "gamma": gamma, "lr": lr, "actions": ACTIONS, "online": initial, "target": plain(target),
            "states": flat(states), "after": flat(after), "action": actions.tolist(), "weight": flat(weight),
            "rewards": flat(rewards), "alive": alive.reshape(-1).tolist(),
            "terminated": flags["terminated"].reshape(-1).tolist(), "truncated": flags["truncated"].reshape(-1).tolist(),
            "steps": steps, "learned": plain(online)}


def main():
    torch.set_num_threads(1)
    recorded = [record({**PLAIN, **case}, np.random.default_rng(i)) for i, case in enumerate(CASES)]
    shared = {"torch": VERSION, "inputs": INPUTS, "hidden": HIDDEN, "batch": BATCH}
    text = json.dumps({**shared, "cases": recorded}, separators=(",", ":")) + "\n"
    write_or_check(GOLDEN, text)


if __name__ == "__main__":
    main()
