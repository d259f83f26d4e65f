#!/usr/bin/env python3
"""Records PPO's loss and its gradients from PyTorch, for `agents/tests/loss_golden.rs`.

The loss is the usual one: clipped surrogate, entropy bonus, value loss with and without clipping, advantages normalised
per minibatch. Gradients are autograd's, at the logits and values.

Usage: `python3 scripts/record_ppo_golden.py`. Makes its own virtual environment with torch 2.11.0 under `target/` (about
3 GB) unless it runs where that torch is installed. Writes `tests/golden/ppo/torch_2_11_0.json`.
"""

import json
import pathlib
import subprocess
import sys

VERSION = "2.11.0"
ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden/ppo/torch_2_11_0.json"


def ensure_torch():
    """Re-runs this script in a virtual environment with the pinned torch unless it is already there."""
    try:
        import torch

        if torch.__version__.split("+")[0] == VERSION:
            return
    except ImportError:
        pass
    venv = ROOT / "target" / f"torch-{VERSION}"
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", f"torch=={VERSION}", "numpy"], check=True)
    sys.exit(subprocess.run([str(python), __file__, *sys.argv[1:]]).returncode)


ensure_torch()

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


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    cases = [record(case, rng) for case in CASES]
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    with open(GOLDEN, "w") as file:
        json.dump({"torch": VERSION, "cases": cases}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
