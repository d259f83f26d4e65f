#!/usr/bin/env python3
"""Checks training on a CUDA device against training on the CPU, learner by learner, and measures both.

    python3 scripts/check_cuda.py [--prospect target/release/prospect] [--out runs/cuda] [--only ppo,sac] [--seconds 3]

On a machine with a device and Python's torch 2.11, but no Rust, carry the binary and name the launcher in front of it:

    python3 scripts/check_cuda.py --prospect "scripts/on_python_torch.sh ./prospect"

For every learner: the losses of the first logged update must agree on both devices (same seed, same data, so that only rounding
differs; `--tolerance`, relative); a run on the device is killed after its first checkpoint, resumed and must finish; what it learned
must play on the CPU. Then the speed of some run files on both. Writes `cuda.md` into the folder; exits with 1 if anything failed. Runs on a device
need not repeat byte for byte (some of libtorch's kernels there add in any order), so that is not asked for.
"""

import argparse
import concurrent.futures
import csv
import json
import pathlib
import shlex
import subprocess
import sys
import time

from kill_resume import BONUSES, GRID, LEARNERS as KILLED, run_file

CARTPOLE = '[env]\nid = "CartPole-v1"\nn_envs = 8\n'
LSTM = '[agent]\ntotal_steps = 60_000\nmemory = "lstm"\n[[reward]]\nkind = "icm"\nmix = "own_value_head"\n'
QR = '[agent]\nkind = "dqn"\ndistribution = "qr"\ntotal_steps = 30_000\nlearning_starts = 1_000\n'
# Beside the learners of kill_resume.py: what else has code of its own on a device.
LEARNERS = KILLED | {
    "ppo-cnn": (10_000, GRID + '[agent]\ntotal_steps = 60_000\nencoder = "cnn"\n' + BONUSES),
    "ppo-lstm": (10_000, GRID + LSTM),
    "qrdqn": (4_000, CARTPOLE + QR),
}
# Run file and settings on top: small networks, where the CPU is at its best, and large ones.
SPEEDS = [
    ("assets/runs/ppo-cartpole.toml", []),
    ("assets/runs/throughput.toml", []),
    ("assets/runs/throughput.toml", ["env.n_envs=64", "agent.hidden=[512,512]", "agent.minibatch_size=4096"]),
    ("assets/runs/memory-gru.toml", []),
    ("assets/runs/memory-gru.toml", ["agent.memory_size=256"]),
    ("assets/runs/sac-pendulum.toml", ["agent.learning_starts=200"]),
    ("assets/runs/sac-pendulum.toml", ["agent.learning_starts=200", "agent.hidden=[512,512]", "agent.batch_size=512"]),
]


class Broken(Exception):
    """A check that failed, in words."""


def prospect(args, *words, kill=lambda: False):
    """Runs the program; returns what it printed, or None if it was killed because `kill` said so."""
    words = [str(word) for word in words]
    with subprocess.Popen([*args.prospect, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                out, err = process.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if kill():
                    process.kill()
                    return None
    if process.returncode:
        raise Broken(f"`{' '.join(words)}` exits with {process.returncode}: {err.strip()[-600:]}")
    return out


def train(args, run, out, device, steps, **more):
    """`prospect train` for so many steps, started or resumed."""
    words = ["train", run, "--out", out, "--quiet", "--resume", "--set", f"run.device={device}"]
    return prospect(args, *words, "--set", f"agent.total_steps={steps}", **more)


def first_losses(folder):
    """The losses of the first update in a run's log."""
    with open(folder / "metrics.csv", newline="") as file:
        for row in csv.DictReader(file):
            losses = {name: float(value) for name, value in row.items() if name.startswith("losses/") and value}
            if losses:
                return losses
    raise Broken("no update was logged")


def furthest(ours, theirs):
    """Name and relative difference of the loss that differs most; a loss below 1e-2 counts as 1e-2."""
    differences = {name: abs(ours[name] - theirs[name]) / max(1e-2, abs(theirs[name])) for name in theirs}
    return max(differences.items(), key=lambda pair: pair[1])


def check(args, learner):
    """All checks of one learner; a row of the table."""
    folder = args.out / learner
    folder.mkdir(parents=True)
    steps = LEARNERS[learner][0]
    run = folder / "run.toml"
    run.write_text(run_file(LEARNERS[learner]))
    for device in ("cpu", args.device):
        train(args, run, folder / f"first-{device}", device, steps)
    name, difference = furthest(first_losses(folder / f"first-{args.device}"), first_losses(folder / "first-cpu"))
    if not difference <= args.tolerance:
        raise Broken(f"{name} of the first update differs by {difference:.2g}")
    began, out = time.time(), folder / "killed"
    stored = out / "checkpoints"
    killed = train(args, run, out, args.device, 2 * steps, kill=lambda: stored.is_dir() and any(stored.iterdir())) is None
    train(args, run, out, args.device, 2 * steps)
    seconds = time.time() - began
    played = json.loads(prospect(args, "eval", out, "--json", "--episodes", 10))
    outcome = "killed and resumed" if killed else "ended before the kill"
    largest = f"{difference:.1e} ({name.removeprefix('losses/')})"
    return f"| {learner} | {largest} | {outcome}, {seconds:.0f} s | {played['return_mean']:.3g} |"


def checked(args, learner):
    """The row of a learner, and whether it is as it should be."""
    try:
        row, good = check(args, learner), True
    except Broken as why:
        row, good = f"| {learner} | **{why}** | | |", False
    print(row, flush=True)
    return row, good


def speed(args, run, sets):
    """Steps per second of a run file on both devices; a row of the table."""
    rates = []
    for device in ("cpu", args.device):
        words = [word for setting in [f"run.device={device}", *sets] for word in ("--set", setting)]
        report = json.loads(prospect(args, "bench", "train", run, "--seconds", args.seconds, "--json", *words))
        rates.append(report["steps_per_second"])
    shown = [setting.removeprefix("agent.").removeprefix("env.") for setting in sets]
    what = ", ".join([f"`{pathlib.Path(run).stem}`", *shown])
    row = f"| {what} | {rates[0]:.0f} | {rates[1]:.0f} | {rates[1] / rates[0]:.2f} |"
    print(row, flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prospect", type=shlex.split, default=["target/release/prospect"], help="the program, after a launcher")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/cuda"), help="a new folder")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", type=lambda text: [name for name in text.split(",") if name], default=list(LEARNERS))
    parser.add_argument("--tolerance", type=float, default=2e-3)
    parser.add_argument("--jobs", type=int, default=2, help="learners checked at a time")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement; 0 for none")
    args = parser.parse_args()
    args.out.mkdir(parents=True)
    print(prospect(args, "doctor"), flush=True)
    lines = ["| learner | first update, largest relative difference | killed after a checkpoint | return on the CPU |",
             "|---|---|---|---|"]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(lambda learner: checked(args, learner), args.only))
    lines += [row for row, _ in results]
    if args.seconds:
        lines += ["", f"| run file | CPU, steps/s | {args.device}, steps/s | times |", "|---|---|---|---|"]
        lines += [speed(args, run, sets) for run, sets in SPEEDS]
    text = "\n".join(lines) + "\n"
    (args.out / "cuda.md").write_text(text)
    if not all(good for _, good in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
