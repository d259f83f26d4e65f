"""Record golden trajectories of Gymnasium's classic control tasks.

Writes one npz per task id into `tests/golden/classic/`; the tests of `prospect-envs` play the same actions from the same
seeds and compare.

Versions the checked-in data was made with: gymnasium 1.4.0, numpy 2.4.6, Python 3.11.

    python -m venv v && v/bin/pip install gymnasium==1.4.0 numpy==2.4.6
    v/bin/python scripts/record_gymnasium_golden.py

Per task 24 tapes of 1,000 steps: 20 of random actions (continuous ones reach beyond the limits of the space), 4 of a
simple controller that reaches what random actions do not (the flag, the time limit of CartPole). After an end the env is
reset without a seed, so that the stream goes on as in `gymnasium.vector`.

| entry | type | shape | |
|---|---|---|---|
| `seed` | uint64 | `[tapes]` | of the first reset |
| `actions` | uint8 or float32 | `[tapes, 1000]` | |
| `flags` | uint8 | `[tapes, 1000]` | 1 terminated, 2 truncated |
| `reward` | float32 | `[tapes, 125]` | of steps 7, 15, 23, ... |
| `observation` | float32 | `[tapes, 126, width]` | before steps 0, 8, 16, ..., 1000; after a reset, if there was one |
| `final` | float32 | `[ends, width]` | what the ending step returned, tape by tape |
| `versions` | uint8 | text | gymnasium and numpy |
"""

import math
import pathlib

import gymnasium as gym
import numpy as np

STEPS = 1_000
STRIDE = 8
SEEDS = [*range(20), 1_000, 1_001, 1_234_567, 2**40 + 7]
RANDOM_TAPES = 20


def balance(obs, _):
    """Pushes the cart to where the pole falls; holds it for 500 steps."""
    x, x_dot, theta, theta_dot = obs
    return int(theta + 0.5 * theta_dot + 0.02 * x + 0.05 * x_dot > 0)


def pump_links(obs, _):
    """Torque along the second link's motion: the free end reaches the line."""
    return 2 if obs[5] > 0 else 0


def pump_car(obs, _):
    """Pushes where the car rolls: it reaches the flag."""
    return 2 if obs[1] >= 0 else 0


def pump_motor(obs, rng):
    """The same with a noisy motor."""
    return np.float32((1.0 if obs[1] >= 0 else -1.0) + rng.uniform(-0.3, 0.3))


def swing_up(obs, rng):
    """Adds energy until the pendulum is up, then holds it."""
    cos, sin, speed = obs
    angle = math.atan2(sin, cos)
    if abs(angle) < 0.5:
        return np.float32(-12.0 * angle - 3.0 * speed)
    return np.float32(math.copysign(2.0, speed) + rng.uniform(-0.1, 0.1))


TASKS = {
    "CartPole-v1": balance,
    "Acrobot-v1": pump_links,
    "MountainCar-v0": pump_car,
    "MountainCarContinuous-v0": pump_motor,
    "Pendulum-v1": swing_up,
}


def record(name, control):
    """All tapes of one task."""
    env = gym.make(name)
    discrete = isinstance(env.action_space, gym.spaces.Discrete)
    data = {key: [] for key in ("seed", "actions", "flags", "reward", "observation", "final")}
    for tape, seed in enumerate(SEEDS):
        rng = np.random.default_rng(9_000 + tape)
        obs, _ = env.reset(seed=seed)
        actions, flags, rewards, observations = [], [], [], [obs]
        for step in range(STEPS):
            if tape >= RANDOM_TAPES:
                action = control(obs, rng)
            elif discrete:
                action = int(rng.integers(env.action_space.n))
            else:
                action = np.float32(rng.uniform(1.4 * env.action_space.low[0], 1.4 * env.action_space.high[0]))
            obs, reward, terminated, truncated, _ = env.step(
                action if discrete else np.array([action], dtype=np.float32))
            actions.append(action)
            flags.append(int(terminated) | int(truncated) << 1)
            if terminated or truncated:
                data["final"].append(obs)
                obs, _ = env.reset()
            if step % STRIDE == STRIDE - 1:
                rewards.append(reward)
                observations.append(obs)
        for key, values in (("seed", seed), ("actions", actions), ("flags", flags), ("reward", rewards),
                            ("observation", observations)):
            data[key].append(values)
    ends = np.array(data["flags"])
    print(f"{name}: {(ends & 1).sum()} terminations, {(ends >> 1 & 1).sum()} truncations")
    versions = f"gymnasium {gym.__version__}, numpy {np.__version__}"
    return {
        "seed": np.array(data["seed"], dtype=np.uint64),
        "actions": np.array(data["actions"], dtype=np.uint8 if discrete else np.float32),
        "flags": np.array(data["flags"], dtype=np.uint8),
        "reward": np.array(data["reward"], dtype=np.float32),
        "observation": np.array(data["observation"], dtype=np.float32),
        "final": np.array(data["final"], dtype=np.float32),
        "versions": np.frombuffer(versions.encode(), dtype=np.uint8),
    }


def main():
    """Records every task."""
    out = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/classic"
    out.mkdir(parents=True, exist_ok=True)
    for name, control in TASKS.items():
        np.savez_compressed(out / f"{name}.npz", **record(name, control))


if __name__ == "__main__":
    main()
