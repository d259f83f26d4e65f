#!/usr/bin/env python3
"""The baseline of `train_vs_sb3.py`: Stable-Baselines3 and its contrib package at their defaults, steps per CPU-second after a
warm-up, as JSON."""

import argparse
import json
import time

import sb3_contrib
import stable_baselines3
import torch
from stable_baselines3.common.callbacks import BaseCallback

# Algorithm: class, policy, task, steps of warm-up, steps of a round of acting and learning. The recurrent one has one LSTM for policy
# and critic and heads right on it, which is the network of `ppo-lstm.toml`; its default is two of them and two layers more.
ALGORITHMS = {
    "ppo": (stable_baselines3.PPO, "MlpPolicy", {}, "CartPole-v1", 2048, 2048),
    "ppo-lstm": (sb3_contrib.RecurrentPPO, "MlpLstmPolicy", dict(shared_lstm=True, enable_critic_lstm=False, net_arch=[]),
                 "CartPole-v1", 256, 128),
    "dqn": (stable_baselines3.DQN, "MlpPolicy", {}, "CartPole-v1", 2000, 4),
    "qrdqn": (sb3_contrib.QRDQN, "MlpPolicy", {}, "CartPole-v1", 2000, 4),
    "sac": (stable_baselines3.SAC, "MlpPolicy", {}, "Pendulum-v1", 300, 1),
    "td3": (stable_baselines3.TD3, "MlpPolicy", {}, "Pendulum-v1", 300, 1),
}


class Meter(BaseCallback):
    """Counts steps and CPU time from the end of the warm-up on, and stops after some seconds.

    What collects rollouts learns between them, so only whole rounds are counted."""

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
    parser.add_argument("--algo", choices=sorted(ALGORITHMS), required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    algorithm, policy, network, task, warm_up, round_steps = ALGORITHMS[args.algo]
    model = algorithm(policy, task, policy_kwargs=network, seed=1, device="cpu", verbose=0)
    meter = Meter(warm_up, args.seconds, round_steps)
    model.learn(total_timesteps=10**9, callback=meter)
    print(json.dumps({"algo": args.algo, "steps": meter.steps, "cpu_seconds": meter.cpu,
                      "steps_per_cpu_second": meter.steps / meter.cpu,
                      "versions": {"stable_baselines3": stable_baselines3.__version__, "torch": torch.__version__}}))


if __name__ == "__main__":
    main()
