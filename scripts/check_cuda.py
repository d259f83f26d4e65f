#!/usr/bin/env python3
"""Checks training on a CUDA device against training on the CPU, learner by learner, and measures both.

    python3 scripts/check_cuda.py [--prospect target/release/prospect] [--out runs/cuda] [--only ppo,sac] [--seconds 5]

On a machine with a device and Python's torch 2.11, but no Rust, carry the binary and give the launcher in front of it:

    python3 scripts/check_cuda.py --prospect "scripts/on_python_torch.sh ./prospect"

For every learner: the losses of the first update on both devices must agree (same seed, same data, so that only rounding
differs; `--tolerance`, relative); a run on the device is killed, resumed and must finish; its checkpoint must play on the CPU. Then
the speed of some run files on both. Writes `cuda.md` into the folder and exits with 1 if anything failed. Runs on a device do not
repeat byte for byte (libtorch adds with atomics there), so that is not asked for.
"""

import argparse
import concurrent.futures
import csv
import json
import pathlib
import random
import shlex
import subprocess
import sys
import time

from kill_resume import BONUSES, GRID, LEARNERS as KILLED, run_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
CARTPOLE = '[env]\nid = "CartPole-v1"\nn_envs = 8\n'
# Beside the learners of kill_resume.py: what else has code of its own on a device.
MORE = {
    "ppo-cnn": (10_000, GRID + '[agent]\ntotal_steps = 60_000\nencoder = "cnn"\n' + BONUSES),
    "ppo-lstm": (10_000, GRID + '[agent]\ntotal_steps = 60_000\nmemory = "lstm"\n'
                 '[[reward]]\nkind = "icm"\nmix = "own_value_head"\n'),
    "dqn-cartpole": (4_000, CARTPOLE + '[agent]\nkind = "dqn"\ntotal_steps = 40_000\nlearning_starts = 1_000\n'),
    "qrdqn": (4_000, CARTPOLE + '[agent]\nkind = "dqn"\ndistribution = "qr"\ntotal_steps = 40_000\nlearning_starts = 1_000\n'),
}
LEARNERS = KILLED | MORE
# Run file, settings on top: small networks, where the CPU is at its best, and large ones.
SPEEDS = [
    ("assets/runs/ppo-cartpole.toml", []),
    ("assets/runs/memory-gru.toml", []),
    ("assets/runs/memory-gru.toml", ["env.n_envs=256", "agent.memory_size=512"]),
    ("assets/runs/throughput.toml", []),
    ("assets/runs/throughput.toml", ["agent.hidden=[1024,1024]"]),
    ("assets/runs/sac-pendulum.toml", []),
    ("assets/runs/sac-pendulum.toml", ["agent.hidden=[1024,1024]", "agent.batch_size=1024"]),
]


class Broken(Exception):
    """A check that failed, in words."""


def prospect(args, *words, wait=None):
    """Runs the program; returns what it printed, or None if it was killed after `wait` seconds."""
    command = [*args.prospect, *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None
    if process.returncode:
        raise Broken(f"`{' '.join(map(str, words))}` exits with {process.returncode}: {err.strip()[-400:]}")
    return out


def first_losses(folder):
    """The losses of the first update in a run's log."""
    with open(folder / "metrics.csv", newline="") as file:
        for row in csv.DictReader(file):
            losses = {name: float(value) for name, value in row.items() if name.startswith("losses/") and value}
            if losses:
                return losses
    raise Broken("no update was logged")


def furthest(ours, theirs):
    """Name and relative difference of the loss that differs most; counts from 1e-3, below which a loss is noise."""
    differences = {name: abs(ours[name] - theirs[name]) / max(1e-3, abs(theirs[name])) for name in theirs if name in ours}
    return max(differences.items(), key=lambda pair: pair[1])


def check(args, learner):
    """All checks of one learner; a row of the table."""
    steps = LEARNERS[learner][0]
    folder = args.out / learner
    folder.mkdir(parents=True)
    run = folder / "run.toml"
    run.write_text((KILLED | MORE and run_file(learner)) if learner in KILLED else run_text(learner))
    for device in ("cpu", args.device):
        prospect(args, "train", run, "--out", folder / f"first-{device}", "--quiet", "--set", f"run.device={device}",
                 "--set", f"agent.total_steps={steps}")
    name, difference = furthest(first_losses(folder / f"first-{args.device}"), first_losses(folder / "first-cpu"))
    if difference > args.tolerance:
        raise Broken(f"{name} of the first update differs by {difference:.2g}")
    whole = ["train", run, "--out", folder / "killed", "--quiet", "--resume", "--set", f"run.device={args.device}"]
    began, kills = time.time(), 0
    rng = random.Random(learner)
    while kills < args.kills and prospect(args, *whole, wait=rng.uniform(4, 12)) is None:
        kills += 1
    prospect(args, *whole)
    played = json.loads(prospect(args, "eval", folder / "killed", "--json", "--episodes", "10", "--device", "cpu"))
    return [learner, f"{difference:.1e} ({name.removeprefix('losses/')})", str(kills), f"{time.time() - began:.0f} s",
            f"{played['return_mean']:.3g}"]
