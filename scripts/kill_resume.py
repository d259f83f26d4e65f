"""Kills a run at random instants, resumes it, and compares what it leaves with an uninterrupted run, byte for byte.

    python3 scripts/kill_resume.py --prospect target/release/prospect --times 20

Every kill is SIGKILL after a random wait, so that it falls into start-up, training, evaluation, probes or the writing of a
checkpoint. Exits with 1 if a byte of metrics.csv, eval.csv or the last checkpoint's weights, rewards or envs differs.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time

RUN = """
[run]
seed = 5
[env]
id = "MiniGrid-MultiRoom-N2-S4-v0"
n_envs = 16
[agent]
total_steps = 200_000
[[reward]]
kind = "first_visit"
[[reward]]
kind = "rnd"
weight = 0.1
[eval]
every_steps = 10_000
episodes = 20
[checkpoint]
every_steps = 5_000
[probe]
every_steps = 40_000
levels = 1
episodes = 2
"""
FILES = ["agent.safetensors", "rewards.bin", "envs.bin", "coverage.bin"]


def train(program, run, out, wait=None):
    command = [program, "train", str(run), "--out", str(out), "--quiet", "--resume"]
    process = subprocess.Popen(command)
    if wait is None:
        return process.wait()
    time.sleep(wait)
    process.kill()
    return process.wait()


def fingerprint(out):
    last = sorted((out / "checkpoints").iterdir())[-1]
    paths = [out / "metrics.csv", out / "eval.csv"] + [last / name for name in FILES]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prospect", default="target/release/prospect")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the waits")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = folder / "run.toml"
        run.write_text(RUN)
        began = time.time()
        if train(arguments.prospect, run, folder / "whole") != 0:
            sys.exit("the uninterrupted run failed")
        seconds = time.time() - began
        killed, finished = 0, 0
        for i in range(arguments.times):
            wait = rng.uniform(0.05, 3.0 * seconds / arguments.times)
            code = train(arguments.prospect, run, folder / "killed", wait)
            killed += code == -9
            finished += code == 0
            print(f"{i + 1}: killed after {wait:.2f} s" if code == -9 else f"{i + 1}: it had ended ({code})", flush=True)
        if train(arguments.prospect, run, folder / "killed") != 0:
            sys.exit("the resumed run failed")
        whole, resumed = fingerprint(folder / "whole"), fingerprint(folder / "killed")
        different = [name for name in whole if whole[name] != resumed.get(name)]
        print(f"{killed} kills, {finished} runs had ended; uninterrupted run {seconds:.1f} s")
        if different:
            sys.exit(f"different: {', '.join(different)}")
        print(f"equal, byte for byte: {', '.join(whole)}")


if __name__ == "__main__":
    main()
