"""A policy exported by `prospect export`, in PyTorch.

    from policy import Policy
    policy = Policy.load("folder with policy.json and policy.safetensors")
    action, state = policy.act({"image": image}, state=None)

Needs torch, numpy and safetensors. `python policy.py [FOLDER]` plays `example.npz`, the outputs that the policy had where it
was trained, and prints the largest difference.
"""

import json
import pathlib
import sys

import numpy
import torch
from safetensors.torch import load_file
from torch.nn import functional

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "elu": functional.elu, "silu": functional.silu}


class Policy(torch.nn.Module):
    """Observations `{name: array [batch, *shape]}` to actions. `state` is what a recurrent policy remembers; give None (or
    0 in the rows) where an episode begins."""

    def __init__(self, description, weights):
        super().__init__()
        self.about = description
        self.network = description["network"]
        self.head = description["head"]
        self.weights = torch.nn.ParameterDict({name.replace(".", "/"): torch.nn.Parameter(value)
                                               for name, value in weights.items()})

    @classmethod
    def load(cls, folder="."):
        """The policy in a folder that `prospect export` wrote."""
        folder = pathlib.Path(folder)
        return cls(json.loads((folder / "policy.json").read_text()), load_file(folder / "policy.safetensors"))

    def tensor(self, name):
        return self.weights[name.replace(".", "/")]

    def linear(self, name, x):
        return functional.linear(x, self.tensor(name + ".weight"), self.tensor(name + ".bias"))

    def part(self, part, observation):
        """What one part of the encoder makes of its component, `[batch, width]`."""
        encoder, kind = self.network["name"] + ".encoder", part["kind"]
        x = torch.as_tensor(numpy.asarray(observation[part["component"]]))
        if kind == "values":
            return x.float().reshape(len(x), -1) * part["scale"]
        if kind == "index":
            return functional.one_hot(x.long().reshape(-1) - part["low"], part["n"]).float()
        if kind == "onehot":
            levels = part["levels"]
            groups = [functional.one_hot(x[..., c].long().clamp(max=n - 1), n) for c, n in enumerate(levels)]
            x = torch.cat(groups, dim=-1).flatten(1).float()
            x = x @ self.tensor(encoder + ".weight") + self.tensor(encoder + ".bias")
            return ACTIVATIONS[part["activation"]](x)
        x = x.float().permute(0, 3, 1, 2) * part["scale"]
        for i, layer in enumerate(part["convolutions"]):
            name = f"{encoder}.{i}"
            x = functional.conv2d(x, self.tensor(name + ".weight"), self.tensor(name + ".bias"), stride=layer["stride"])
            x = ACTIVATIONS[part["activation"]](x)
            x = functional.max_pool2d(x, layer["pool"]) if layer["pool"] > 1 else x
        return x.flatten(1)

    def encode(self, observation):
        """Features `[batch, width]`: the parts of the encoder side by side."""
        how = self.network["whitening"]
        if how is not None:
            x = torch.cat([self.part(part, observation) for part in how["parts"]], dim=1)
            x = (x - self.tensor(how["mean"])) / torch.sqrt(self.tensor(how["std"]) ** 2 + how["epsilon"])
            observation = {how["component"]: x.clamp(-how["clip"], how["clip"])}
        return torch.cat([self.part(part, observation) for part in self.network["encoder"]], dim=1)

    def remember(self, x, state):
        """One step of the recurrent layer: its output and the new state."""
        how = self.network["memory"]
        if how is None:
            return x, None
        width, name = how["width"], how["name"]
        if state is None:
            state = torch.zeros(len(x), 2 * width if how["kind"] == "lstm" else width)
        weights = [self.tensor(f"{name}.{part}") for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        if how["kind"] == "lstm":
            h, c = torch.lstm_cell(x, (state[:, :width], state[:, width:]), *weights)
            return h, torch.cat([h, c], dim=1)
        h = torch.gru_cell(x, state, *weights)
        return h, h

    def forward(self, observation, state=None):
        """Outputs of the last layer `[batch, outputs]` and the new state."""
        name, activation = self.network["name"], ACTIVATIONS[self.network["activation"]]
        x = self.encode(observation)
        for i in range(self.network["hidden_layers"]):
            x = self.linear(f"{name}.hidden.{i}", x)
            if self.network["layer_norm"]:
                norm = f"{name}.hidden.{i}.norm"
                x = functional.layer_norm(x, x.shape[1:], self.tensor(norm + ".weight"), self.tensor(norm + ".bias"))
            x = activation(x)
        x, state = self.remember(x, state)
        return self.linear(name + ".head", x), state

    def action_values(self, outputs):
        """`Q(s, a)`, `[batch, actions]`, of a value-based policy."""
        atoms, n = self.head["atoms"], self.about["actions"]["discrete"]["n"]
        if self.head["dueling"]:
            value, advantage = outputs[:, :atoms].unsqueeze(1), outputs[:, atoms:].reshape(-1, n, atoms)
            outputs = value + advantage - advantage.mean(dim=1, keepdim=True)
        outputs = outputs.reshape(-1, n, atoms)
        if self.head["support"] is None:
            return outputs.mean(dim=2)
        low, high = self.head["support"]
        return (outputs.softmax(dim=2) * torch.linspace(low, high, atoms)).sum(dim=2)

    def scale(self, squashed):
        """From -1..1 to the bounds of the action space."""
        low = torch.tensor(self.about["actions"]["continuous"]["low"])
        high = torch.tensor(self.about["actions"]["continuous"]["high"])
        return low + (squashed + 1) / 2 * (high - low)

    def clip(self, action):
        low = torch.tensor(self.about["actions"]["continuous"]["low"])
        high = torch.tensor(self.about["actions"]["continuous"]["high"])
        return torch.minimum(torch.maximum(action, low), high)

    @torch.no_grad()
    def act(self, observation, state=None, deterministic=True, generator=None, mask=None):
        """Actions `[batch]` or `[batch, width]` as a numpy array, and the new state. `mask` `[batch, options]` is false where
        an option is forbidden, for policies that were trained with masks."""
        outputs, state = self(observation, state)
        kind = self.head["kind"]
        if mask is not None:
            outputs = outputs.masked_fill(~torch.as_tensor(mask), -torch.inf)
        pick = (lambda logits: logits.argmax(1)) if deterministic else (
            lambda logits: torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0])
        if kind == "categorical":
            action = torch.stack([pick(part) for part in outputs.split(self.head["nvec"], dim=1)], dim=1)
            action = action[:, 0] if len(self.head["nvec"]) == 1 else action
        elif kind == "action_values":
            action = self.action_values(outputs).argmax(1)
        elif kind == "deterministic":
            action = self.scale(torch.tanh(outputs))
        else:
            if self.head["log_std"] is None:
                mean, log_std = outputs.chunk(2, dim=1)
                log_std = log_std.clamp(-20, 2)
            else:
                mean, log_std = outputs, self.tensor(self.head["log_std"])
            noise = 0 if deterministic else torch.randn(mean.shape, generator=generator) * log_std.exp()
            action = mean + noise
            action = self.scale(torch.tanh(action)) if self.head["squash"] else self.clip(action)
        return action.numpy(), state


def check(folder):
    """Plays the example; the largest differences of outputs and of greedy actions."""
    folder = pathlib.Path(folder)
    policy, example = Policy.load(folder), numpy.load(folder / "example.npz")
    names = [key.removeprefix("observation/") for key in example.files if key.startswith("observation/")]
    state, outputs_off, actions_off = None, 0.0, 0.0
    for t in range(len(example["outputs"])):
        observation = {name: example["observation/" + name][t] for name in names}
        if state is not None:
            state = state * torch.tensor(~example["episode_start"][t])[:, None]
        with torch.no_grad():
            outputs, _ = policy(observation, state)
        mask = example["action_mask"][t] if "action_mask" in example.files else None
        action, state = policy.act(observation, state, mask=mask)
        outputs_off = max(outputs_off, float(abs(outputs.numpy() - example["outputs"][t]).max()))
        actions_off = max(actions_off, float(abs(action - example["action"][t]).max()))
    return outputs_off, actions_off


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    outputs_off, actions_off = check(folder)
    print(f"{folder}: outputs differ by at most {outputs_off:.2e}, actions by {actions_off:.2e}")
    sys.exit(outputs_off > 1e-4)
