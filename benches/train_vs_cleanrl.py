#!/usr/bin/env python3
"""Training steps per CPU-second of `prospect bench train` against a CleanRL-style PPO on Python MiniGrid, in turn.

    python3 benches/train_vs_cleanrl.py [--pairs K] [--seconds S] [--prospect PATH] [--python PATH] [--out FILE.json]

Two settings, `benches/cleanrl/small.toml` and `large.toml`; the same network (147-64-64) and settings on both sides, one
thread each. The baseline is `benches/cleanrl/ppo_minigrid.py`; torch 2.11.0, minigrid and gymnasium are installed into a
throw-away virtual environment (kept in the user's cache between runs), unless `--python` names an interpreter that has
them. Runs alternate, because other load on a shared machine moves either figure by tens of percent; each side reports
its own CPU time, all threads, without start-up.
"""

import json
import platform
import statistics
import time

from baseline import ROOT, check_built, child, options, python_with

PACKAGES = ["torch==2.11.0", "minigrid==3.2.0", "gymnasium==1.4.0", "numpy"]
SETTINGS = {"small": (16, 256, 8), "large": (64, 1024, 15)}


def prospect(args, name):
    """Steps per CPU-second of ours, and its share of libtorch's ceiling."""
    found = child([args.prospect, "bench", "train", ROOT / f"benches/cleanrl/{name}.toml", "--seconds", args.seconds,
                   "--json"])
    return found["steps"] / found["cpu_seconds"], found["share_of_ceiling"]


def cleanrl(args, name):
    """Steps per CPU-second of the baseline."""
    n_envs, minibatch, _ = SETTINGS[name]
    found = child([args.python, ROOT / "benches/cleanrl/ppo_minigrid.py", "--n-envs", n_envs, "--minibatch-size",
                   minibatch, "--seconds", args.seconds])
    return found["steps_per_cpu_second"]


def main():
    parser = options(__doc__, seconds=10.0, needs="torch, minigrid and gymnasium")
    args = parser.parse_args()
    check_built(args.prospect)
    args.python = python_with(args.python, "bench-cleanrl", PACKAGES)
    results = {"machine": platform.processor() or platform.machine(), "date": time.strftime("%Y-%m-%d")}
    for name, (n_envs, minibatch, wanted) in SETTINGS.items():
        pairs = []
        for k in range(args.pairs):
            (ours, share), theirs = prospect(args, name), cleanrl(args, name)
            pairs.append((ours, theirs, share))
            print(f"{n_envs} envs, minibatch {minibatch}, pair {k + 1}: Prospect {ours:8.0f}, CleanRL-style {theirs:6.0f} "
                  f"steps per CPU-second: {ours / theirs:5.1f} times; {share:.2f} of libtorch's ceiling", flush=True)
        ours, theirs, share = (statistics.median(side) for side in zip(*pairs))
        results[name] = {
            "prospect_steps_per_cpu_second": ours, "cleanrl_steps_per_cpu_second": theirs, "times": ours / theirs,
            "smallest_times": min(a / b for a, b, _ in pairs), "share_of_ceiling": share, "wanted_times": wanted,
        }
        print(f"median: {ours / theirs:.1f} times (at least {wanted} wanted)")
    if args.out:
        args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
