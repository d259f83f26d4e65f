#!/usr/bin/env python3
"""Training steps per CPU-second of every learner against Stable-Baselines3, in turn, with the share of each hop.

    python3 benches/train_vs_sb3.py [--pairs K] [--seconds S] [--only NAME] [--prospect PATH] [--python PATH] [--out FILE.json]

`benches/sb3/<name>.toml` has SB3's defaults for one learner: the same task, network, batch, epochs and replay ratio; the
presets `<name>-vector.toml` are the settings that this project recommends for the same task. The baseline is
`benches/sb3/train.py` in a virtual environment of its own (kept in the user's cache). One thread each; runs alternate, because
other load on a shared machine moves either figure; both sides count CPU time without start-up and warm-up.
"""

import json
import platform
import statistics
import time

from baseline import ROOT, check_built, child, options, python_with

PACKAGES = ["torch==2.11.0", "stable-baselines3==2.9.2", "sb3-contrib==2.9.2", "gymnasium==1.4.0", "numpy"]
# Run file, algorithm of SB3 it is measured against, times that are wanted.
SETTINGS = [("ppo", "ppo", 6), ("ppo-vector", "ppo", 20), ("ppo-lstm", "ppo-lstm", None), ("dqn", "dqn", 3),
            ("dqn-vector", "dqn", 10), ("qrdqn", "qrdqn", None), ("sac", "sac", None), ("td3", "td3", None)]


def prospect(args, name):
    return child([args.prospect, "bench", "train", ROOT / f"benches/sb3/{name}.toml", "--seconds", args.seconds, "--json"])


def baseline(args, algorithm):
    return child([args.python, ROOT / "benches/sb3/train.py", "--algo", algorithm, "--seconds", args.seconds])


def compare(args, name, algorithm, wanted):
    """Pairs of runs, one after the other; medians and the smallest ratio."""
    pairs = []
    for k in range(args.pairs):
        ours, theirs = prospect(args, name), baseline(args, algorithm)
        speed, other = ours["steps"] / ours["cpu_seconds"], theirs["steps_per_cpu_second"]
        pairs.append((speed, other))
        print(f"{name}, pair {k + 1}: Prospect {speed:8.0f}, SB3 {other:6.0f} steps per CPU-second: {speed / other:5.1f} times",
              flush=True)
    ratios = [a / b for a, b in pairs]
    return {"name": name, "against": algorithm, "prospect": statistics.median(a for a, _ in pairs),
            "sb3": statistics.median(b for _, b in pairs), "times": statistics.median(ratios), "smallest": min(ratios),
            "wanted": wanted, "hops": ours["hops"], "ceiling": ours["ceiling_steps_per_second"]}


def line(row):
    hops = ", ".join(f"{name} {100 * share:.0f} %" for name, share in sorted(row["hops"].items(), key=lambda hop: -hop[1])
                     if share >= 0.01)
    wanted = "" if row["wanted"] is None else f" (wanted {row['wanted']})"
    ceiling = "" if row["ceiling"] is None else f"{row['ceiling']:.0f}"
    return (f"| {row['name']} | {row['prospect']:.0f} | {row['sb3']:.0f} | {row['times']:.1f}{wanted} | {row['smallest']:.1f} | "
            f"{ceiling} | {hops} |")


def main():
    parser = options(__doc__, seconds=8.0, needs="torch and stable-baselines3")
    parser.add_argument("--only", help="one of the run files' names")
    args = parser.parse_args()
    check_built(args.prospect)
    args.python = python_with(args.python, "bench-sb3", PACKAGES)
    rows = [compare(args, *setting) for setting in SETTINGS if args.only in (None, setting[0])]
    print("| run file | Prospect, steps per CPU-s | SB3 | times | smallest | libtorch's ceiling | where the time goes |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(line(row) for row in rows))
    if args.out:
        args.out.write_text(json.dumps({"machine": platform.processor() or platform.machine(),
                                        "date": time.strftime("%Y-%m-%d"), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
