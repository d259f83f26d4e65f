#!/usr/bin/env python3
"""Records rewards and training steps of RND and ICM in PyTorch, for `shaping/src/curiosity` to match.

Writes `tests/golden/curiosity/torch_2_11_0.json`, replayed by `shaping/src/curiosity/golden.rs`.

Usage: `python3 scripts/record_curiosity.py [--check]`. Makes its own virtual environment with torch 2.11.0 under `target/`
(about 3 GB). `--check` compares with the file in the tree instead of writing it.

The networks are written down here from the formulas of the papers (Burda et al. 2018, Pathak et al. 2017) in the sizes that
the test asks for; every array is given as {"shape", "values"}, row-major.

- "rnd": "prime" (observations that begin the whitening statistics), "observations", "clip", "initial" parameters by name,
  "whitened", "squared_errors" before training, "losses" of each full-batch step, "trained" parameters and
  "squared_errors_after".
- "icm": "present", "next", "actions", "beta", "initial", "squared_errors", "inverse_losses", "forward_losses", "trained".
"""

import json

from pinned_torch import ROOT, VERSION, ensure_torch, write_or_check

GOLDEN = ROOT / "tests/golden/curiosity/torch_2_11_0.json"
SAMPLES, INPUTS, HIDDEN, FEATURES, ACTIONS = 7, 6, 5, 4, 3
STEPS, LR, EPS, CLIP, BETA = 3, 1e-2, 1e-5, 1.5, 0.2


def mlp(torch, widths):
    """Linear layers with rectifiers between them."""
    layers = []
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        layers += [torch.nn.ReLU()] if i else []
        layers += [torch.nn.Linear(inputs, outputs)]
    return torch.nn.Sequential(*layers)


def array(tensor):
    return {"shape": list(tensor.shape), "values": [float(x) for x in tensor.detach().flatten()]}


def parameters(networks):
    """Parameters by the names that Rust gives them: `<network>.<layer>.weight`."""
    named = {}
    for name, network in networks.items():
        linear = [layer for layer in network if hasattr(layer, "weight")]
        for i, layer in enumerate(linear):
            named[f"{name}.{i}.weight"] = array(layer.weight)
            named[f"{name}.{i}.bias"] = array(layer.bias)
    return named


def record_rnd(torch):
    torch.manual_seed(1)
    target = mlp(torch, [INPUTS, HIDDEN, FEATURES])
    predictor = mlp(torch, [INPUTS, HIDDEN, HIDDEN, HIDDEN, FEATURES])
    prime, observations = 3 * torch.randn(20, INPUTS) + 1, 3 * torch.randn(SAMPLES, INPUTS)
    mean, variance = prime.double().mean(0), prime.double().var(0, unbiased=False)
    whitened = ((observations.double() - mean) / (variance + 1e-8).sqrt()).clamp(-CLIP, CLIP).float()
    networks = {"target": target, "predictor": predictor}
    case = {"prime": array(prime), "observations": array(observations), "clip": CLIP, "lr": LR}
    case |= {"whitened": array(whitened), "initial": parameters(networks), "losses": []}
    with torch.no_grad():
        wanted = target(whitened)
        case["squared_errors"] = array((predictor(whitened) - wanted).square().sum(1))
    optimiser = torch.optim.Adam(predictor.parameters(), lr=LR, eps=EPS)
    for _ in range(STEPS):
        loss = torch.nn.functional.mse_loss(predictor(whitened), wanted)
        case["losses"].append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        case["squared_errors_after"] = array((predictor(whitened) - wanted).square().sum(1))
    return case | {"trained": parameters(networks)}


def record_icm(torch):
    torch.manual_seed(2)
    encoder = mlp(torch, [INPUTS, HIDDEN, FEATURES])
    inverse = mlp(torch, [2 * FEATURES, HIDDEN, ACTIONS])
    forward = mlp(torch, [FEATURES + ACTIONS, HIDDEN, FEATURES])
    networks = {"encoder": encoder, "inverse": inverse, "forward": forward}
    present, following = torch.randn(SAMPLES, INPUTS), torch.randn(SAMPLES, INPUTS)
    actions = torch.randint(ACTIONS, (SAMPLES,))
    one_hot = torch.nn.functional.one_hot(actions, ACTIONS).float()
    case = {"present": array(present), "next": array(following), "actions": actions.tolist(), "beta": BETA, "lr": LR}
    case |= {"initial": parameters(networks), "inverse_losses": [], "forward_losses": []}
    weights = [p for network in networks.values() for p in network.parameters()]
    optimiser = torch.optim.Adam(weights, lr=LR, eps=EPS)
    for step in range(STEPS):
        a, b = encoder(present), encoder(following)
        squares = (forward(torch.cat([a, one_hot], 1)) - b).square().sum(1)
        inverse_loss = torch.nn.functional.cross_entropy(inverse(torch.cat([a, b], 1)), actions)
        forward_loss = 0.5 * squares.mean()
        if step == 0:
            case["squared_errors"] = array(squares)
        case["inverse_losses"].append(inverse_loss.item())
        case["forward_losses"].append(forward_loss.item())
        optimiser.zero_grad()
        ((1 - BETA) * inverse_loss + BETA * forward_loss).backward()
        optimiser.step()
    return case | {"trained": parameters(networks)}


def main():
    ensure_torch(__file__)
    import torch

    torch.set_num_threads(1)
    text = json.dumps({"torch": VERSION, "rnd": record_rnd(torch), "icm": record_icm(torch)}) + "\n"
    write_or_check(GOLDEN, text)


if __name__ == "__main__":
    main()
