"""Kills a run at random instants, resumes it, and compares what it leaves with an uninterrupted run, byte for byte.

    python3 scripts/kill_resume.py --prospect target/release/prospect --times 20 [--learner ppo,dqn,...]

Every kill is SIGKILL after a random wait, so that it falls into start-up, training, evaluation, probes or the writing of a
checkpoint. Exits with 1 if a byte of metrics.csv, eval.csv or of the last checkpoint (weights, rewards, envs, replay) differs.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time

# What every learner shares, and what each adds: a task it fits, its settings, bonuses.
RUN = """
[run]
seed = 5
[eval]
every_steps = {eval_steps}
episodes = 10
[checkpoint]
every_steps = {checkpoint_steps}
[probe]
every_steps = 0
"""
GRID = """
[env]
id = "MiniGrid-MultiRoom-N2-S4-v0"
n_envs = 16
"""
BONUSES = """
[[reward]]
kind = "first_visit"
[[reward]]
kind = "rnd"
weight = 0.1
"""
# Learners of action values have one stream, to which every module is added.
ADDED = BONUSES.replace('kind = "rnd"', 'kind = "rnd"\nmix = "add"')
PENDULUM = """
[env]
id = "Pendulum-v1"
n_envs = 2
"""
LEARNERS = {
    "ppo": (10_000, GRID + '[agent]\ntotal_steps = 200_000\n' + BONUSES),
    "ppo-gru": (10_000, GRID + '[agent]\ntotal_steps = 60_000\nmemory = "gru"\nnorm_reward = true\n' + BONUSES),
    "dqn": (4_000, GRID + '[agent]\nkind = "dqn"\ntotal_steps = 40_000\nbuffer_size = 16_000\nlearning_starts = 1_000\n'
            'double = true\ndueling = true\nprioritised = true\nn_step = 3\nnoisy = true\ndistribution = "c51"\n'
            'v_min = 0.0\nv_max = 1.0\nn_atoms = 21\n' + ADDED),
    "pqn": (10_000, GRID + '[agent]\nkind = "pqn"\ntotal_steps = 100_000\n' + ADDED),
    "sac": (1_000, PENDULUM + '[agent]\nkind = "sac"\ntotal_steps = 8_000\nlearning_starts = 200\nhidden = [64, 64]\n'),
    "td3": (1_000, PENDULUM + '[agent]\nkind = "td3"\ntotal_steps = 8_000\nlearning_starts = 200\nhidden = [64, 64]\n'),
    "sac-her": (2_000, '[env]\nid = "PointMaze_UMaze-v3"\nn_envs = 8\noptions = { continuing_task = false }\n'
                '[agent]\nkind = "sac"\ntotal_steps = 16_000\nlearning_starts = 1_000\nhidden = [64, 64]\n'
                'hindsight = "future"\n'),
}


def run_file(learner):
    """A run file of one learner: steps between checkpoints and its settings."""
    steps, settings = learner
    return RUN.format(eval_steps=2 * steps, checkpoint_steps=steps) + settings


def train(program, run, out, wait=None):
    command = [program, "train", str(run), "--out", str(out), "--quiet", "--resume"]
    process = subprocess.Popen(command)
    if wait is None:
        return process.wait()
    time.sleep(wait)
    process.kill()
    return process.wait()


def fingerprint(out):
    """The logs and every file of the last checkpoint but its manifest, which names when it was written."""
    last = sorted((out / "checkpoints").iterdir())[-1]
    stored = [path for path in sorted(last.rglob("*")) if path.is_file() and path.suffix != ".json"]
    return {str(path.relative_to(out)): path.read_bytes() for path in [out / "metrics.csv", out / "eval.csv", *stored]}


def check(arguments, learner, folder):
    """Kills, resumes and compares runs of one learner."""
    rng = random.Random(arguments.seed)
    folder.mkdir()
    run = folder / "run.toml"
    run.write_text(run_file(LEARNERS[learner]))
    began = time.time()
    if train(arguments.prospect, run, folder / "whole") != 0:
        sys.exit(f"{learner}: the uninterrupted run failed")
    seconds = time.time() - began
    codes = [train(arguments.prospect, run, folder / "killed", rng.uniform(0.05, 3.0 * seconds / arguments.times))
             for _ in range(arguments.times)]
    if train(arguments.prospect, run, folder / "killed") != 0:
        sys.exit(f"{learner}: the resumed run failed")
    whole, resumed = fingerprint(folder / "whole"), fingerprint(folder / "killed")
    different = [name for name in whole if whole[name] != resumed.get(name)]
    print(f"{learner}: {codes.count(-9)} kills, {codes.count(0)} runs had ended; uninterrupted run {seconds:.1f} s", flush=True)
    if different:
        sys.exit(f"{learner}: different: {', '.join(different)}")
    print(f"{learner}: equal, byte for byte: {', '.join(whole)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prospect", default="target/release/prospect")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the waits")
    parser.add_argument("--learner", type=lambda text: text.split(","), default=list(LEARNERS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for learner in arguments.learner:
            check(arguments, learner, pathlib.Path(folder) / learner)


if __name__ == "__main__":
    main()
