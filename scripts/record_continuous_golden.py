#!/usr/bin/env python3
"""Records whole updates of SAC and TD3 from PyTorch, for the tests of `agents/src/sac.rs` and `agents/src/td3.rs`.

Small networks get the same first weights, batch and noise as the learners under test. The noise is drawn by numpy from the
stream that the learners use: PCG64 of SeedSequence(seed, spawn_key = the two halves of FNV-1a of the stream's name). Losses
are those of the papers, gradients autograd's, steps `torch.optim.Adam`'s.

Usage: `python3 scripts/record_continuous_golden.py [--check]`. Makes its own virtual environment with torch 2.11.0 under
`target/` (about 3 GB) unless it runs where that torch is installed. Writes `tests/golden/continuous/torch_2_11_0.json`.
"""

import copy
import json

from pinned_torch import ROOT, VERSION, ensure_torch, write_or_check

GOLDEN = ROOT / "tests/golden/continuous/torch_2_11_0.json"

ensure_torch(__file__)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.distributions import Normal  # noqa: E402
from torch.distributions.transforms import TanhTransform  # noqa: E402

SEED, OBSERVATION, ACTION, HIDDEN, BATCH = 5, 3, 2, [8, 6], 16
GAMMA, TAU, LEARNING_RATE = 0.9, 0.05, 1e-2
SAC = {"alpha": 0.2, "updates": 3}
TD3 = {"policy_noise": 0.4, "noise_clip": 0.5, "policy_frequency": 2, "updates": 4}


def stream(name):
    """The learners' stream of that name."""
    digest = 0xCBF29CE484222325
    for byte in name.encode():
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    key = (digest & 0xFFFFFFFF, digest >> 32)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(SEED, spawn_key=key)))


def network(inputs, outputs):
    layers = []
    for width in HIDDEN:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def named(net, name, prefix=""):
    """Parameters under the learners' names."""
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    places = [f"hidden.{i}" for i in range(len(HIDDEN))] + ["head"]
    return {
        f"{prefix}{name}.{place}.{part}": getattr(layer, part).detach().flatten().tolist()
        for place, layer in zip(places, linear)
        for part in ["weight", "bias"]
    }


def adam(*nets):
    return torch.optim.Adam([p for net in nets for p in net.parameters()], lr=LEARNING_RATE, foreach=False)


def track(target, net):
    with torch.no_grad():
        for a, b in zip(target.parameters(), net.parameters()):
            a.copy_(a + TAU * (b - a))


class Learner:
    def __init__(self, actor_outputs):
        rng = np.random.default_rng(1)
        f32 = lambda x: torch.tensor(np.asarray(x, np.float32))
        self.observation = f32(rng.normal(0, 1, (BATCH, OBSERVATION)))
        self.next_observation = f32(rng.normal(0, 1, (BATCH, OBSERVATION)))
        self.action = f32(rng.uniform(-1, 1, (BATCH, ACTION)))
        self.reward = f32(rng.normal(0, 1, BATCH))
        self.discount = f32(np.where(rng.random(BATCH) < 0.3, 0.0, GAMMA))
        self.actor = network(OBSERVATION, actor_outputs)
        self.critics = [network(OBSERVATION + ACTION, 1) for _ in range(2)]
        self.targets = copy.deepcopy(self.critics)
        self.actor_adam, self.critic_adam = adam(self.actor), adam(*self.critics)
        self.noise_rng = stream("agent/noise")

    def noise(self):
        return torch.tensor(self.noise_rng.standard_normal((BATCH, ACTION)).astype(np.float32))

    def values(self, critics, observation, action):
        joint = torch.cat([observation, action], 1)
        return [critic(joint).squeeze(1) for critic in critics]

    def learn_critics(self, target):
        values = self.values(self.critics, self.observation, self.action)
        losses = [((value - target) ** 2).mean() for value in values]
        self.critic_adam.zero_grad()
        sum(losses).backward()
        self.critic_adam.step()
        return {
            "qf1_values": values[0].mean().item(),
            "qf2_values": values[1].mean().item(),
            "qf1_loss": losses[0].item(),
            "qf2_loss": losses[1].item(),
            "qf_loss": sum(losses).item() / 2,
        }

    def step_actor(self, loss):
        self.actor_adam.zero_grad()
        loss.backward()
        self.actor_adam.step()

    def weights(self):
        all_of = named(self.actor, "actor")
        for i, (critic, target) in enumerate(zip(self.critics, self.targets)):
            all_of |= named(critic, f"qf{i + 1}") | named(target, f"qf{i + 1}", "target.")
        return all_of

    def batch(self):
        names = ["observation", "action", "next_observation", "reward", "discount"]
        return {name: getattr(self, name).flatten().tolist() for name in names}


class Sac(Learner):
    def __init__(self):
        super().__init__(2 * ACTION)
        self.log_alpha = torch.tensor([np.log(SAC["alpha"])], dtype=torch.float32, requires_grad=True)
        self.alpha_adam = torch.optim.Adam([self.log_alpha], lr=LEARNING_RATE, foreach=False)

    def sample(self, observation):
        mean, log_std = self.actor(observation).chunk(2, 1)
        std = log_std.clamp(-20, 2).exp()
        before = mean + std * self.noise()
        correction = TanhTransform().log_abs_det_jacobian(before, torch.tanh(before))
        return torch.tanh(before), (Normal(mean, std).log_prob(before) - correction).sum(1)

    def update(self):
        alpha = self.log_alpha.exp().item()
        with torch.no_grad():
            action, logprob = self.sample(self.next_observation)
            value = torch.min(*self.values(self.targets, self.next_observation, action))
            target = self.reward + self.discount * (value - alpha * logprob)
        losses = self.learn_critics(target)
        action, logprob = self.sample(self.observation)
        value = torch.min(*self.values(self.critics, self.observation, action))
        loss = (alpha * logprob - value).mean()
        self.step_actor(loss)
        entropy = -logprob.mean().item()
        alpha_loss = (-self.log_alpha * (logprob.detach() - ACTION)).mean()
        self.alpha_adam.zero_grad()
        alpha_loss.backward()
        self.alpha_adam.step()
        for target_net, net in zip(self.targets, self.critics):
            track(target_net, net)
        return losses | {
            "actor_loss": loss.item(),
            "entropy": entropy,
            "alpha": self.log_alpha.exp().item(),
            "alpha_loss": alpha_loss.item(),
        }

    def weights(self):
        return super().weights() | {"log_alpha": self.log_alpha.detach().tolist()}


class Td3(Learner):
    def __init__(self):
        super().__init__(ACTION)
        self.target_actor = copy.deepcopy(self.actor)
        self.updates = 0

    def update(self):
        self.updates += 1
        with torch.no_grad():
            noise = (self.noise() * TD3["policy_noise"]).clamp(-TD3["noise_clip"], TD3["noise_clip"])
            action = (torch.tanh(self.target_actor(self.next_observation)) + noise).clamp(-1, 1)
            value = torch.min(*self.values(self.targets, self.next_observation, action))
            target = self.reward + self.discount * value
        losses = self.learn_critics(target)
        if self.updates % TD3["policy_frequency"]:
            return losses
        action = torch.tanh(self.actor(self.observation))
        loss = -self.values(self.critics, self.observation, action)[0].mean()
        self.step_actor(loss)
        for target_net, net in zip([*self.targets, self.target_actor], [*self.critics, self.actor]):
            track(target_net, net)
        return losses | {"actor_loss": loss.item()}

    def weights(self):
        return super().weights() | named(self.target_actor, "actor", "target.")


def record(learner, updates):
    first = learner.weights()
    losses = [learner.update() for _ in range(updates)]
    return {"batch": learner.batch(), "first": first, "losses": losses, "last": learner.weights()}


def main():
    torch.manual_seed(3)
    shared = {"seed": SEED, "hidden": HIDDEN, "tau": TAU, "learning_rate": LEARNING_RATE}
    golden = {
        "torch": VERSION,
        "sac": shared | SAC | record(Sac(), SAC["updates"]),
        "td3": shared | TD3 | record(Td3(), TD3["updates"]),
    }
    write_or_check(GOLDEN, json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
