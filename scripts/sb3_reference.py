#!/usr/bin/env python3
"""How much Stable-Baselines3 itself varies over seeds where the published figure is of one: MountainCar-v0 with the settings that
rl-baselines3-zoo tuned for DQN and QR-DQN.

    python3 scripts/sb3_reference.py [--seeds 1,2,3,4,5] [--out FILE.json] [--python PATH]

Each seed trains for 120,000 steps on one thread and is then evaluated over 100 episodes with the greedy policy, as
`assets/runs/dqn-mountaincar.toml` and `qrdqn-mountaincar.toml` are. Results are written after every seed.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "benches"))
from baseline import python_with
from train_vs_sb3 import PACKAGES

STEPS = 120_000
SETTINGS = dict(learning_rate=4e-3, batch_size=128, buffer_size=10_000, learning_starts=1_000, gamma=0.98,
                target_update_interval=600, train_freq=16, gradient_steps=8, exploration_fraction=0.2,
                exploration_final_eps=0.07)
ALGORITHMS = {"dqn": dict(net_arch=[256, 256]), "qrdqn": dict(net_arch=[256, 256], n_quantiles=25)}


def train(algorithm, seed):
    """Mean and standard deviation of the greedy policy's return; runs in the environment that has SB3."""
    import gymnasium
    import torch
    from sb3_contrib import QRDQN
    from stable_baselines3 import DQN
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    torch.set_num_threads(1)
    kind = {"dqn": DQN, "qrdqn": QRDQN}[algorithm]
    model = kind("MlpPolicy", "MountainCar-v0", seed=seed, device="cpu", policy_kwargs=ALGORITHMS[algorithm], **SETTINGS)
    model.learn(STEPS)
    held_out = Monitor(gymnasium.make("MountainCar-v0"))
    held_out.reset(seed=1_000_000 + seed)
    return evaluate_policy(model, held_out, n_eval_episodes=100, deterministic=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[1, 2, 3, 4, 5])
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--python", help="an interpreter that has torch, stable-baselines3 and sb3-contrib")
    parser.add_argument("--one", nargs=2, metavar=("ALGORITHM", "SEED"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(train(args.one[0], int(args.one[1]))))
        return
    python = python_with(args.python, "bench-sb3", PACKAGES)
    found = {algorithm: {} for algorithm in ALGORITHMS}
    for seed in args.seeds:
        for algorithm in ALGORITHMS:
            command = [python, __file__, "--one", algorithm, str(seed)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[algorithm][seed] = json.loads(answer[answer.rindex("["):])
            print(f"{algorithm} seed {seed}: {found[algorithm][seed][0]:.1f}", flush=True)
            if args.out:
                args.out.write_text(json.dumps(found, indent=2) + "\n")
    for algorithm, results in found.items():
        means = [mean for mean, _ in results.values()]
        print(f"{algorithm}: {statistics.mean(means):.1f} ± {statistics.pstdev(means):.1f} over {len(means)} seeds")


if __name__ == "__main__":
    main()
