#!/usr/bin/env python3
"""Steps per CPU-second of `prospect bench steps` against EnvPool, in turn, on this machine.

    python3 benches/steps_vs_envpool.py [--env ID] [--n-envs N] [--threads T] [--pairs K] [--seconds S]
                               [--prospect PATH] [--python PATH] [--out FILE.json]

EnvPool 1.2.5 is installed into a throw-away virtual environment (kept in the user's cache between runs), unless
`--python` names an interpreter that has it. Both sides draw uniformly random actions, write full observations and
include resets and level generation; EnvPool's actions are drawn beforehand, Prospect draws while it is timed.

Both are measured from outside: a child process is run for a short and for a long time, and its steps per CPU-second are
the difference of steps over the difference of CPU time (user and system, all threads, as the kernel counts them when
the child ends). So neither start-up nor imports count. Runs alternate, because other load on a shared machine moves
either figure by tens of percent; the ratio is that of the medians, and the smallest of the pairs is shown too.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time

from baseline import check_built, options, python_with

ENVPOOL = "envpool==1.2.5"
PACKAGES = [ENVPOOL, "gymnasium", "numpy"]

# What the EnvPool child runs: argv is id, envs, threads, seconds; it prints how many env steps it made.
CHILD = """
import sys, time
import envpool, numpy as np
name, n, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
env = envpool.make_gymnasium(name, num_envs=n, num_threads=threads, seed=0)
env.reset()
actions = np.random.default_rng(0).integers(0, 7, (256, n)).astype(np.int32)
steps, start = 0, time.perf_counter()
while time.perf_counter() - start < seconds:
    for k in range(16):
        env.step(actions[(steps + k) % 256])
    steps += 16
print(steps * n)
"""


def run(command):
    """Runs a child: what it printed, and the CPU seconds that it took."""
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = child.stdout.read(), child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{err}")
    return out, usage.ru_utime + usage.ru_stime


def prospect_steps(args, seconds):
    """Steps and CPU seconds of a run of Prospect."""
    out, cpu = run([args.prospect, "bench", "steps", "--env", args.env, "--n-envs", args.n_envs,
                    "--threads", args.threads, "--seconds", seconds, "--json"])
    return json.loads(out)["steps"], cpu


def envpool_steps(args, seconds):
    """Steps and CPU seconds of a run of EnvPool."""
    out, cpu = run([args.python, "-c", CHILD, args.env, args.n_envs, args.threads, seconds])
    return int(out.split()[-1]), cpu


def rate(measure, args):
    """Steps per CPU-second, start-up taken off."""
    steps_short, cpu_short = measure(args, args.seconds / 6)
    steps_long, cpu_long = measure(args, args.seconds)
    return (steps_long - steps_short) / (cpu_long - cpu_short)


def main():
    parser = options(__doc__, 3.0, ENVPOOL)
    parser.set_defaults(pairs=5)
    parser.add_argument("--env", default="MiniGrid-DoorKey-8x8-v0")
    parser.add_argument("--n-envs", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    check_built(args.prospect)
    args.python = python_with(args.python, "bench-envpool", PACKAGES)
    pairs = []
    for k in range(args.pairs):
        ours, theirs = rate(prospect_steps, args), rate(envpool_steps, args)
        pairs.append((ours, theirs))
        print(f"pair {k + 1}: Prospect {ours / 1e6:7.2f} M, EnvPool {theirs / 1e6:6.3f} M steps per CPU-second, "
              f"{ours / theirs:5.0f} times", flush=True)
    ours, theirs = (statistics.median(side) for side in zip(*pairs))
    result = {
        "env": args.env, "n_envs": args.n_envs, "threads": args.threads, "envpool": ENVPOOL,
        "machine": platform.processor() or platform.machine(), "date": time.strftime("%Y-%m-%d"),
        "prospect_steps_per_cpu_second": ours, "envpool_steps_per_cpu_second": theirs,
        "times": ours / theirs, "smallest_times": min(a / b for a, b in pairs),
        "pairs": pairs,
    }
    print(f"median: Prospect {ours / 1e6:.2f} M, EnvPool {theirs / 1e6:.3f} M steps per CPU-second: "
          f"{result['times']:.0f} times (smallest of {args.pairs}: {result['smallest_times']:.0f})")
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
