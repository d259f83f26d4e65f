#!/usr/bin/env python3
"""Trains every learner of `assets/published.toml` on its task with several seeds and sets the results beside the published
figures.

    python3 scripts/agent_figures.py [--out runs/agents] [--seeds 1,2,3,4,5] [--jobs 2] [--only SUBSTRING] [--table FILE.md]

A finished run is not run again, one that was stopped goes on from its checkpoint. The table has, for each pair of learner and
task, the published mean and spread, ours over the seeds (mean, standard deviation, lowest and highest), whether it lies within
the published spread or better, and the CPU time of one run. Exits with 1 only if a run fails: a row that falls short says so
itself. Needs Python 3.11 and a built `prospect` (`make build`).
"""

import argparse
import concurrent.futures
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAST = 100


def train(args, run, seed):
    """One run in its folder, started, resumed or found finished."""
    folder = args.out / run / f"seed_{seed}"
    status = folder / "status.json"
    if status.exists() and json.loads(status.read_text())["state"] == "finished":
        return folder
    command = [args.prospect, "train", ROOT / "assets/runs" / f"{run}.toml", "--out", folder, "--set", f"run.seed={seed}",
               "--quiet", "--resume"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{run} seed {seed} failed:\n{done.stderr}")
    return folder


def rows(path):
    """The rows of a log as numbers; empty fields are left out."""
    with open(path, newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def last_training_episodes(folder):
    """Mean return of the last 100 training episodes (of whole rows of the log, so up to a few more)."""
    total = episodes = 0.0
    for row in reversed(rows(folder / "metrics.csv")):
        if row.get("charts/episodes"):
            total += row["charts/episodic_return"] * row["charts/episodes"]
            episodes += row["charts/episodes"]
        if episodes >= LAST:
            break
    return total / episodes


def result(folder, metric):
    """The figure of one run."""
    if metric == "training":
        return last_training_episodes(folder)
    last = rows(folder / "eval.csv")[-1]
    return last["success_rate" if metric == "success" else "return_mean"]


def seconds(folder):
    return rows(folder / "timing.csv")[-1]["cpu_s"]


def collect(args, figure):
    """All seeds of a figure."""
    folders = [args.out / figure["run"] / f"seed_{seed}" for seed in args.seeds]
    values = [result(folder, figure["metric"]) for folder in folders]
    mean = statistics.mean(values)
    bar = figure["at_least"] if "at_least" in figure else figure["mean"] - figure["spread"]
    return {**figure, "values": values, "ours": mean, "ours_std": statistics.pstdev(values), "holds": mean >= bar,
            "seconds": statistics.median(seconds(folder) for folder in folders)}


def line(row):
    published = (f"at least {row['at_least']:g}" if "at_least" in row else f"{row['mean']:g} ± {row['spread']:g}")
    digits = 3 if row["metric"] == "success" else 1
    ours = f"{row['ours']:.{digits}f} ± {row['ours_std']:.{digits}f}"
    spread = f"{min(row['values']):.{digits}f} to {max(row['values']):.{digits}f}"
    return (f"| {row['agent']} | {row['task']} | `{row['run']}` | {row['metric']} | {published} ({row['source']}) | {ours} | "
            f"{spread} | {'yes' if row['holds'] else '**no**'} | {row['seconds']:.0f} s |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs/agents")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[1, 2, 3, 4, 5])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="a part of the run file's name")
    parser.add_argument("--table", type=pathlib.Path, help="where to write the table; printed in any case")
    parser.add_argument("--prospect", type=pathlib.Path, default=target / "release/prospect")
    args = parser.parse_args()
    figures = tomllib.loads((ROOT / "assets/published.toml").read_text())["figure"]
    figures = [figure for figure in figures if args.only in figure["run"]]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        jobs = [pool.submit(train, args, figure["run"], seed) for figure in figures for seed in args.seeds]
        for job in concurrent.futures.as_completed(jobs):
            print(job.result(), flush=True)
    found = [collect(args, figure) for figure in figures]
    head = ["| learner | task | run file | metric | published | ours, mean ± std | lowest to highest | within or better | CPU time of a run |",
            "|---|---|---|---|---|---|---|---|---|"]
    table = "\n".join(head + [line(row) for row in found]) + "\n"
    print(table)
    (args.out / "figures.json").write_text(json.dumps(found, indent=2) + "\n")
    if args.table:
        args.table.write_text(table)


if __name__ == "__main__":
    main()
