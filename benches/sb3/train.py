#!/usr/bin/env python3
"""The baseline of `train_vs_sb3.py`: Stable-Baselines3 at its defaults, steps per CPU-second after a warm-up, as JSON."""

import argparse
import json
import time

import stable_baselines3
import torch
from stable_baselines3.common.callbacks import BaseCallback

TASKS = {"ppo": "CartPole-v1", "dqn": "CartPole-v1", "sac": "Pendulum-v1", "td3": "Pendulum-v1"}
WARM_UP = {"ppo": 2048, "dqn": 2000, "sac": 300, "td3": 300}


class Meter(BaseCallback):
    """Counts steps and CPU time from the end of the warm-up on, and stops after some seconds.

    PPO learns between its rollouts of 2,048 steps, so only whole rounds are counted."""

    def __init__(self, warm_up, seconds, round_steps):
        super().__init__()
        self.warm_up, self.seconds, self.round_steps = warm_up, seconds, round_steps
        self.started = self.first = self.steps = self.cpu = None

    def _on_step(self):
        now = self.num_timesteps - 1
        if now >= self.warm_up and (now - self.warm_up) % self.round_steps == 0:
            if self.started is None:
                self.started, self.first = time.process_time(), now
            else:
                self.steps, self.cpu = now - self.first, time.process_time() - self.started
                return self.cpu < self.seconds
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--algo", choices=sorted(TASKS), required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    algorithm = getattr(stable_baselines3, args.algo.upper())
    model = algorithm("MlpPolicy", TASKS[args.algo], seed=1, device="cpu", verbose=0)
    meter = Meter(WARM_UP[args.algo], args.seconds, {"ppo": 2048, "dqn": 4}.get(args.algo, 1))
    model.learn(total_timesteps=10**9, callback=meter)
    print(json.dumps({"algo": args.algo, "steps": meter.steps, "cpu_seconds": meter.cpu,
                      "steps_per_cpu_second": meter.steps / meter.cpu,
                      "versions": {"stable_baselines3": stable_baselines3.__version__, "torch": torch.__version__}}))


if __name__ == "__main__":
    main()
