#!/usr/bin/env python3
"""Checks `prospect export` with PyTorch itself: trains each kind of learner for a moment, exports it and plays its example.

    python3 scripts/check_export.py [--prospect PATH] [--python PATH]

For each export, `policy.py` rebuilds the network in torch and compares outputs and greedy actions over episodes that the
binary played. torch and safetensors are installed into a virtual environment in the user's cache, unless `--python` names an
interpreter that has them. Ends with exit code 1 if an output differs by more than 1e-4.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "benches"))
from baseline import ROOT, built_prospect, check_built, python_with

PACKAGES = ["torch==2.11.0", "safetensors", "numpy"]
# Run file, settings on top. One of each kind of network and head.
CASES = [
    ("ppo-cartpole", ["agent.total_steps=4096"]),
    ("doorkey-5x5", ["agent.total_steps=4096"]),
    ("doorkey-5x5", ["agent.total_steps=4096", 'agent.encoder="cnn"']),
    ("doorkey-5x5", ["agent.total_steps=4096", "agent.mask_actions=true"]),
    ("ppo-mountaincar-tuned", ["agent.total_steps=4096"]),
    ("ppo-pendulum-tuned", ["agent.total_steps=8192"]),
    ("memory-gru", ["agent.total_steps=4096"]),
    ("memory-gru", ["agent.total_steps=4096", 'agent.memory="lstm"']),
    ("dqn-cartpole", ["agent.total_steps=12000"]),
    ("c51-cartpole", ["agent.total_steps=12000"]),
    ("qrdqn-mountaincar", ["agent.total_steps=4000"]),
    ("rainbow-doorkey-5x5", ["agent.total_steps=4000"]),
    ("pqn-cartpole", ["agent.total_steps=4096"]),
    ("sac-pendulum", ["agent.total_steps=400"]),
    ("td3-pendulum", ["agent.total_steps=400"]),
    ("sac-her-pointmaze-umaze", ["agent.total_steps=2000"]),
]


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(str(part) for part in command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--prospect", type=pathlib.Path, default=built_prospect())
    parser.add_argument("--python", help="an interpreter that has torch and safetensors")
    parser.add_argument("--only", default="", help="a part of the run file's name")
    args = parser.parse_args()
    check_built(args.prospect)
    python = python_with(args.python, "check-export", PACKAGES)
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, sets) in enumerate(case for case in CASES if args.only in case[0]):
            out = pathlib.Path(folder) / f"{i}-{name}"
            sets = [*sets, "eval.episodes=0", "probe.every_steps=0"]
            options = [part for setting in sets for part in ("--set", setting)]
            run([args.prospect, "train", ROOT / f"assets/runs/{name}.toml", "--out", out, "--quiet", *options])
            run([args.prospect, "export", out])
            print(f"{name} {' '.join(sets[:-2])}: {run([python, out / 'export/policy.py']).split(': ')[-1]}", flush=True)


if __name__ == "__main__":
    main()
