"""Record golden trajectories of Gymnasium-Robotics' point mazes.

Writes `tests/golden/classic/<id>.npz`; the tests of `prospect-envs` play the same actions from the same seeds and compare.

Versions the checked-in data was made with: gymnasium-robotics 1.4.2, mujoco 4.0.0, gymnasium 1.4.0, numpy 2.4.6, Python 3.11.

    python -m venv v && v/bin/pip install gymnasium-robotics==1.4.2 mujoco==4.0.0 gymnasium==1.4.0 numpy==2.4.6
    v/bin/python scripts/record_pointmaze_golden.py

Actions are held for 1 to 24 steps and reach beyond the limits, so that the ball runs into walls and corners. After an end
the env is reset without a seed. Entries are those of `record_gymnasium_golden.py`, with these differences: `actions` is
`[tapes, 1000, 2]`, `observation` has 6 columns (observation, desired goal), there is no `final`, and `success` (uint8,
`[tapes, 1000]`) is that of `info`.
"""

import pathlib

import gymnasium as gym
import gymnasium_robotics
import mujoco
import numpy as np

gym.register_envs(gymnasium_robotics)

STEPS = 1_000
STRIDE = 8
SEEDS = range(20)
# Id, arguments beside the defaults, seeds.
TASKS = [
    ("PointMaze_UMaze-v3", {}, 20),
    ("PointMaze_Open-v3", {"continuing_task": False}, 20),
    ("PointMaze_OpenDense-v3", {"reset_target": True}, 4),
    ("PointMaze_Medium-v3", {"reset_target": True}, 20),
    ("PointMaze_Large-v3", {}, 20),
    *((f"PointMaze_{name}_Diverse_{kind}-v3", {"max_episode_steps": 40}, 3)
      for name in ("Open", "Medium", "Large") for kind in ("G", "GR")),
]


def held_actions(rng):
    """`[STEPS, 2]` actions, each held for a while."""
    actions = []
    while len(actions) < STEPS:
        action = rng.uniform(-1.3, 1.3, 2).astype(np.float32)
        actions += [action] * int(rng.integers(1, 25))
    return np.array(actions[:STEPS])


def record(name, kwargs, tapes):
    """All tapes of one task."""
    env = gym.make(name, **kwargs)
    data = {key: [] for key in ("seed", "actions", "flags", "success", "reward", "observation")}
    for seed in range(tapes):
        actions = held_actions(np.random.default_rng(7_000 + seed))
        obs, _ = env.reset(seed=seed)
        row = lambda obs: np.concatenate([obs["observation"], obs["desired_goal"]])
        flags, successes, rewards, observations = [], [], [], [row(obs)]
        for step, action in enumerate(actions):
            obs, reward, terminated, truncated, info = env.step(action)
            flags.append(int(terminated) | int(truncated) << 1)
            successes.append(info["success"])
            if terminated or truncated:
                obs, _ = env.reset()
            if step % STRIDE == STRIDE - 1:
                rewards.append(reward)
                observations.append(row(obs))
        for key, values in (("seed", seed), ("actions", actions), ("flags", flags), ("success", successes),
                            ("reward", rewards), ("observation", observations)):
            data[key].append(values)
    flags = np.array(data["flags"])
    print(f"{name}: {(flags & 1).sum()} terminations, {(flags >> 1).sum()} truncations, {np.sum(data['success'])} at goals")
    versions = (f"gymnasium-robotics {gymnasium_robotics.__version__}, mujoco {mujoco.__version__}, "
                f"gymnasium {gym.__version__}, numpy {np.__version__}")
    return {
        "seed": np.array(data["seed"], dtype=np.uint64),
        "actions": np.array(data["actions"], dtype=np.float32),
        "flags": flags.astype(np.uint8),
        "success": np.array(data["success"], dtype=np.uint8),
        "reward": np.array(data["reward"], dtype=np.float32),
        "observation": np.array(data["observation"], dtype=np.float32),
        "versions": np.frombuffer(versions.encode(), dtype=np.uint8),
    }


def main():
    """Records every task."""
    out = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/classic"
    out.mkdir(parents=True, exist_ok=True)
    for name, kwargs, tapes in TASKS:
        np.savez_compressed(out / f"{name}.npz", **record(name, kwargs, tapes))


if __name__ == "__main__":
    main()
