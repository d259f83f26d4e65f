#!/usr/bin/env python3
"""Records steps of PyTorch's optimisers, for `nets/src/optim.rs` to match.

Writes `tests/golden/optimisers/torch_2_11_0.json`, replayed by `nets/tests/optimisers_golden.rs`.

Usage: `python3 scripts/record_optimisers.py [--check]`. Makes its own virtual environment with torch 2.11.0 under `target/`
(about 3 GB). `--check` compares with the file in the tree instead of writing it.

The file is {"torch": version, "cases": [case]}. A case has "config" (as in a run file), "max_grad_norm" (or null), "initial"
(values of the parameters `a` [3, 4] and `b` [5], in a row) and "steps": "lr", "gradient", "norm" before clipping (or
null), and "values" after the step.
"""

import json

from pinned_torch import ROOT, VERSION, ensure_torch, write_or_check

GOLDEN = ROOT / "tests/golden/optimisers/torch_2_11_0.json"
STEPS = 30
SHAPES = [(3, 4), (5,)]


def cases(torch):
    """(run file's settings, the PyTorch class, its arguments, clipping)."""
    adam = {"kind": "adam", "beta1": 0.9, "beta2": 0.999, "eps": 1e-5, "weight_decay": 0.0}
    rms = {"kind": "rmsprop", "alpha": 0.99, "eps": 1e-5, "weight_decay": 0.0}
    adam_arguments = {"betas": (0.9, 0.999), "eps": 1e-5}
    return [
        (adam, torch.optim.Adam, adam_arguments, None),
        (adam, torch.optim.Adam, adam_arguments, 0.5),
        ({**adam, "weight_decay": 0.1}, torch.optim.Adam, {**adam_arguments, "weight_decay": 0.1}, None),
        (
            {"kind": "adamw", "beta1": 0.8, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.05},
            torch.optim.AdamW,
            {"betas": (0.8, 0.95), "eps": 1e-8, "weight_decay": 0.05},
            1.0,
        ),
        (rms, torch.optim.RMSprop, {"alpha": 0.99, "eps": 1e-5}, 0.5),
        ({**rms, "alpha": 0.9, "weight_decay": 0.01}, torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-5, "weight_decay": 0.01}, None),
        ({"kind": "radam", "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}, torch.optim.RAdam, {"eps": 1e-8}, 1.0),
    ]


def record(torch):
    recorded = []
    for number, (config, kind, arguments, clip) in enumerate(cases(torch)):
        draws = torch.Generator().manual_seed(number)
        parameters = [torch.nn.Parameter(torch.randn(shape, generator=draws)) for shape in SHAPES]
        row = lambda tensors: [x for t in tensors for x in t.detach().flatten().tolist()]
        case = {"config": config, "max_grad_norm": clip, "initial": row(parameters), "steps": []}
        optimiser = kind(parameters, lr=1e-3, foreach=False, **arguments)
        for step in range(STEPS):
            lr = 1e-2 * (1 - step / STEPS)
            scale = 10.0 ** (step % 5 - 2)
            for parameter in parameters:
                parameter.grad = torch.randn(parameter.shape, generator=draws) * scale
            gradient = row([p.grad for p in parameters])
            norm = None
            if clip is not None:
                norm = torch.nn.utils.clip_grad_norm_(parameters, clip, foreach=False).item()
            optimiser.param_groups[0]["lr"] = lr
            optimiser.step()
            case["steps"].append({"lr": lr, "gradient": gradient, "norm": norm, "values": row(parameters)})
        recorded.append(case)
    return {"torch": VERSION, "cases": recorded}


def main():
    ensure_torch(__file__)
    import torch

    torch.set_num_threads(1)
    text = json.dumps(record(torch), indent=None, separators=(",", ":")) + "\n"
    write_or_check(GOLDEN, text)


if __name__ == "__main__":
    main()
