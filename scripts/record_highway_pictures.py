"""Records grayscale observations of highway-env, for envs/tests/driving_pictures.rs.

    python scripts/record_highway_pictures.py tests/golden/driving/pictures

Needs highway-env 1.12.1 and pygame. Writes one npz per id: `observations` [steps + 1, stack, width, height] of one episode from
`reset(seed=SEED)` under the recorded actions.
"""

import pathlib
import sys

import gymnasium
import highway_env  # noqa: F401
import numpy as np

SEED = 3
STEPS = 12
# Width, height and scaling of the package's own example, and a square picture.
SHAPES = {
    "highway-v0": ((128, 64), 1.75),
    "highway-fast-v0": ((84, 84), 2.0),
    "roundabout-v0": ((84, 84), 1.5),
    "merge-v0": ((128, 64), 1.75),
    "u-turn-v0": ((84, 84), 1.5),
}
# Actions that change lanes and speed: idle, faster, left, right, slower.
ACTIONS = [1, 3, 0, 2, 4, 1]


def record(env_id, folder):
    shape, scaling = SHAPES[env_id]
    observation = {
        "type": "GrayscaleObservation",
        "observation_shape": shape,
        "stack_size": 4,
        "weights": [0.2989, 0.5870, 0.1140],
        "scaling": scaling,
        "centering_position": [0.3, 0.5],
    }
    env = gymnasium.make(env_id, config={"observation": observation}).unwrapped
    seen, _ = env.reset(seed=SEED)
    observations, actions = [seen.copy()], []
    for step in range(STEPS):
        action = ACTIONS[step % len(ACTIONS)]
        seen, _, terminated, truncated, _ = env.step(action)
        observations.append(seen.copy())
        actions.append(action)
        if terminated or truncated:
            break
    np.savez_compressed(
        folder / f"{env_id}.npz",
        observations=np.stack(observations),
        actions=np.array(actions, dtype=np.int32),
    )
    print(env_id, observations[0].shape, len(actions), "steps")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or SHAPES:
        record(name, target)
