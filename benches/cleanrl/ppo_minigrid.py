"""PPO in CleanRL's style on Python MiniGrid: the baseline of `prospect bench train`.

One process, one thread; the network (147-64-64, tanh, actor and critic apart) and the settings are those of
`benches/cleanrl/small.toml` and `large.toml`. The image is taken as 147 numbers, divided by 10. Prints one JSON line with env steps per second
and the share of each part.

    python ppo_minigrid.py --n-envs 16 --minibatch-size 256 --seconds 30
    python ppo_minigrid.py --n-envs 64 --minibatch-size 1024 --seconds 30
"""

import argparse
import json
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import gymnasium as gym
import minigrid  # noqa: F401  (registers the envs)
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions.categorical import Categorical


class FlatImage(gym.ObservationWrapper):
    """The 7x7x3 view as 147 float32."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Box(0.0, 25.5, (147,), np.float32)

    def observation(self, observation):
        return observation["image"].reshape(-1).astype(np.float32) * np.float32(0.1)


def make_env(env_id):
    def thunk():
        return gym.wrappers.RecordEpisodeStatistics(FlatImage(gym.make(env_id)))

    return thunk


def layer_init(layer, std=np.sqrt(2)):
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, 0.0)
    return layer


class Agent(nn.Module):
    def __init__(self, n_inputs, n_actions):
        super().__init__()
        self.critic = nn.Sequential(
            layer_init(nn.Linear(n_inputs, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, 1), std=1.0),
        )
        self.actor = nn.Sequential(
            layer_init(nn.Linear(n_inputs, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, n_actions), std=0.01),
        )

    def get_value(self, x):
        return self.critic(x)

    def get_action_and_value(self, x, action=None):
        probs = Categorical(logits=self.actor(x))
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action), probs.entropy(), self.critic(x)


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--env-id", default="MiniGrid-DoorKey-8x8-v0")
    parser.add_argument("--n-envs", type=int, default=16)
    parser.add_argument("--rollout-steps", type=int, default=128)
    parser.add_argument("--minibatch-size", type=int, default=256)
    parser.add_argument("--update-epochs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    args = parse_args()
    torch.set_num_threads(1)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    gamma, gae_lambda, clip_coef, ent_coef, vf_coef, max_grad_norm = 0.99, 0.95, 0.2, 0.01, 0.5, 0.5
    learning_rate = 5e-4

    envs = gym.vector.SyncVectorEnv([make_env(args.env_id) for _ in range(args.n_envs)])
    agent = Agent(147, int(envs.single_action_space.n))
    optimizer = optim.Adam(agent.parameters(), lr=learning_rate, eps=1e-5)

    obs = torch.zeros((args.rollout_steps, args.n_envs, 147))
    actions = torch.zeros((args.rollout_steps, args.n_envs))
    logprobs = torch.zeros((args.rollout_steps, args.n_envs))
    rewards = torch.zeros((args.rollout_steps, args.n_envs))
    dones = torch.zeros((args.rollout_steps, args.n_envs))
    values = torch.zeros((args.rollout_steps, args.n_envs))
    batch_size = args.rollout_steps * args.n_envs

    first, _ = envs.reset(seed=args.seed)
    next_obs = torch.Tensor(first)
    next_done = torch.zeros(args.n_envs)

    def rollout():
        nonlocal next_obs, next_done
        spent = {"act": 0.0, "step": 0.0}
        for step in range(args.rollout_steps):
            clock = time.perf_counter()
            obs[step] = next_obs
            dones[step] = next_done
            with torch.no_grad():
                action, logprob, _, value = agent.get_action_and_value(next_obs)
                values[step] = value.flatten()
            actions[step] = action
            logprobs[step] = logprob
            spent["act"] += time.perf_counter() - clock
            clock = time.perf_counter()
            found, reward, terminated, truncated, _ = envs.step(action.numpy())
            rewards[step] = torch.tensor(reward).view(-1)
            next_obs = torch.Tensor(found)
            next_done = torch.Tensor(np.logical_or(terminated, truncated))
            spent["step"] += time.perf_counter() - clock
        return spent

    def advantages_and_returns():
        with torch.no_grad():
            next_value = agent.get_value(next_obs).reshape(1, -1)
            advantages = torch.zeros_like(rewards)
            lastgaelam = 0
            for t in reversed(range(args.rollout_steps)):
                last = t == args.rollout_steps - 1
                nextnonterminal = 1.0 - (next_done if last else dones[t + 1])
                nextvalues = next_value if last else values[t + 1]
                delta = rewards[t] + gamma * nextvalues * nextnonterminal - values[t]
                advantages[t] = lastgaelam = delta + gamma * gae_lambda * nextnonterminal * lastgaelam
            return advantages, advantages + values

    def update(advantages, returns):
        b_obs = obs.reshape((-1, 147))
        b_logprobs = logprobs.reshape(-1)
        b_actions = actions.reshape(-1)
        b_advantages = advantages.reshape(-1)
        b_returns = returns.reshape(-1)
        b_inds = np.arange(batch_size)
        clipfracs = []
        for _ in range(args.update_epochs):
            np.random.shuffle(b_inds)
            for start in range(0, batch_size, args.minibatch_size):
                mb_inds = b_inds[start : start + args.minibatch_size]
                _, newlogprob, entropy, newvalue = agent.get_action_and_value(
                    b_obs[mb_inds], b_actions.long()[mb_inds]
                )
                logratio = newlogprob - b_logprobs[mb_inds]
                ratio = logratio.exp()
                with torch.no_grad():
                    clipfracs += [((ratio - 1.0).abs() > clip_coef).float().mean().item()]
                mb_advantages = b_advantages[mb_inds]
                mb_advantages = (mb_advantages - mb_advantages.mean()) / (mb_advantages.std() + 1e-8)
                pg_loss1 = -mb_advantages * ratio
                pg_loss2 = -mb_advantages * torch.clamp(ratio, 1 - clip_coef, 1 + clip_coef)
                pg_loss = torch.max(pg_loss1, pg_loss2).mean()
                v_loss = 0.5 * ((newvalue.view(-1) - b_returns[mb_inds]) ** 2).mean()
                loss = pg_loss - ent_coef * entropy.mean() + v_loss * vf_coef
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), max_grad_norm)
                optimizer.step()

    def iteration():
        spent = rollout()
        clock = time.perf_counter()
        update(*advantages_and_returns())
        spent["update"] = time.perf_counter() - clock
        return spent

    iteration()  # warm-up
    total, steps, begin, begin_cpu = {}, 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < args.seconds:
        for name, seconds in iteration().items():
            total[name] = total.get(name, 0.0) + seconds
        steps += batch_size
    wall, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    shares = {name: round(seconds / wall, 4) for name, seconds in total.items()}
    print(
        json.dumps(
            {
                "env_id": args.env_id,
                "n_envs": args.n_envs,
                "minibatch_size": args.minibatch_size,
                "steps": steps,
                "steps_per_second": round(steps / wall, 1),
                "steps_per_cpu_second": round(steps / cpu, 1),
                "share": shares,
            }
        )
    )


if __name__ == "__main__":
    main()
