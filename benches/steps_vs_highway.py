#!/usr/bin/env python3
"""Steps per CPU-second of `prospect bench steps` on driving tasks against highway-env, in turn, on one core.

    python3 benches/steps_vs_highway.py [--envs ID,ID] [--n-envs N] [--pairs K] [--seconds S]
                                        [--prospect PATH] [--python PATH] [--out FILE.json]

highway-env 1.12.1 is installed into a virtual environment in the user's cache, unless `--python` names an interpreter that has
it. Both sides draw uniformly random actions, write full observations and include resets; both count their own CPU time
after start-up. Runs alternate, because other load on a shared machine moves either figure; the ratio is that of the medians.
"""

import json
import statistics

from baseline import check_built, child, options, python_with

PACKAGES = ["highway-env==1.12.1", "gymnasium==1.4.0", "numpy==2.4.6"]

# What the Python child runs: argv is id and seconds.
CHILD = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import gymnasium as gym, highway_env
env, seconds = gym.make(sys.argv[1], disable_env_checker=True), float(sys.argv[2])
env.reset(seed=0)
env.action_space.seed(0)
steps, start = 0, time.process_time()
while time.process_time() - start < seconds:
    _, _, terminated, truncated, _ = env.step(env.action_space.sample())
    steps += 1
    if terminated or truncated:
        env.reset()
print(json.dumps({"steps_per_cpu_second": steps / (time.process_time() - start)}))
"""


def compare(args, env):
    """The pairs of one id: Prospect's steps per CPU-second and the package's."""
    pairs = []
    for k in range(args.pairs):
        ours = child([args.prospect, "bench", "steps", "--env", env, "--n-envs", args.n_envs, "--threads", 1,
                      "--seconds", args.seconds, "--json"])["steps_per_cpu_second"]
        theirs = child([args.python, "-c", CHILD, env, 3 * args.seconds])["steps_per_cpu_second"]
        pairs.append((ours, theirs))
        print(f"{env}, pair {k + 1}: Prospect {ours:,.0f}, highway-env {theirs:,.1f} steps per CPU-second, "
              f"{ours / theirs:,.0f} times", flush=True)
    ours, theirs = (statistics.median(side) for side in zip(*pairs))
    print(f"{env}, median: {ours:,.0f} against {theirs:,.1f}: {ours / theirs:,.0f} times")
    return {"env": env, "pairs": pairs, "times": ours / theirs}


def main():
    parser = options(__doc__, seconds=3.0, needs="highway-env")
    parser.add_argument("--envs", default="highway-fast-v0,parking-v0")
    parser.add_argument("--n-envs", type=int, default=64)
    args = parser.parse_args()
    check_built(args.prospect)
    args.python = python_with(args.python, "bench-highway", PACKAGES)
    results = [compare(args, env) for env in args.envs.split(",")]
    if args.out:
        args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
