"""Record golden data from the Python package MiniGrid.

Writes one JSON file per task id (and `render.json`) into `tests/golden/minigrid/`. The Rust tests of
`prospect-envs` replay the same seeds and actions and compare hashes, so that the tree stays small.

Versions the checked-in data was made with: minigrid 3.2.0, gymnasium 1.4.0, numpy 2.4.6, Python 3.11.

    python -m venv v && v/bin/pip install minigrid==3.2.0 gymnasium==1.4.0 numpy==2.4.6
    v/bin/python scripts/record_minigrid_golden.py random          # random tapes and levels of every id
    v/bin/python scripts/record_minigrid_golden.py render          # frames
    v/bin/python scripts/record_minigrid_golden.py views           # tapes and frames of smaller views
    cargo run -p prospect-envs --example plan_tapes > tapes.json   # success tapes of the Rust planner
    v/bin/python scripts/record_minigrid_golden.py plans --tapes tapes.json

A hash is a CRC-32 (the one of zlib) that runs on from the first observation of a tape to its last. One step
feeds, in this order:

    image (view*view*3 bytes, [x][y][channel]), direction (1 byte), mission (UTF-8), reward (f64, little
    endian), flags (1 byte: 1 terminated, 2 truncated); where the episode ended, the observation fed is the
    final one, and image, direction and mission of the observation after the reset follow the flags.

The first observation (after `reset(seed)`) is fed before the first step. Per step the low byte of the running
CRC is kept (two hex digits), so that a difference is found where it happens; at the end of the tape the whole
32 bits. Episodes go on over resets without a seed, as `gymnasium.vector` does with SAME_STEP autoreset.
"""

import argparse
import json
import pathlib
import struct
import warnings
import zlib

import gymnasium as gym
import minigrid
import numpy as np
from minigrid.envs import MultiRoomEnv

warnings.filterwarnings("ignore")

FAMILIES = (
    "Empty", "DoorKey", "FourRooms", "MultiRoom", "KeyCorridor", "Unlock", "BlockedUnlockPickup",
    "LavaGap", "LavaCrossing", "SimpleCrossing", "Memory",
)
# Ids of Prospect over MultiRoomEnv's parameters: (rooms, largest side).
EXTRA_MULTIROOM = {f"MiniGrid-MultiRoom-N{n}-S{s}-v0": (n, s) for n, s in [(7, 4), (7, 8), (10, 4), (10, 10), (12, 10)]}
SEEDS = [*range(20), 1_234_567, 2**40 + 7]
LEVEL_SEEDS = range(100, 160)
# Tapes of tasks with longer episodes reach the time limit on the first seeds only.
FULL_LENGTH_MAX = 600
LONG_SEEDS = 4
SHORT_TAPE = 400
ACTION_SEED = 9_000


def ids():
    """The ids of this set: MiniGrid's own, from its registry, and ours."""
    names = [i for i in gym.registry if any(i.startswith(f"MiniGrid-{f}") for f in FAMILIES)]
    return sorted(names) + list(EXTRA_MULTIROOM)


def make(name, **kwargs):
    """The environment of an id, without wrappers."""
    if name in EXTRA_MULTIROOM:
        n, s = EXTRA_MULTIROOM[name]
        return MultiRoomEnv(minNumRooms=n, maxNumRooms=n, maxRoomSize=s, **kwargs)
    return gym.make(name, disable_env_checker=True, **kwargs).unwrapped


def feed_observation(crc, obs):
    """Adds an observation to a running hash."""
    crc = zlib.crc32(np.ascontiguousarray(obs["image"]).tobytes(), crc)
    crc = zlib.crc32(bytes([int(obs["direction"])]), crc)
    return zlib.crc32(obs["mission"].encode(), crc)


def play(env, seed, actions):
    """Plays a tape: (low bytes per step, final hash, number of successes, of truncations)."""
    obs, _ = env.reset(seed=seed)
    crc = feed_observation(0, obs)
    low, successes, truncations = bytearray(), 0, 0
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(int(action))
        crc = feed_observation(crc, obs)
        crc = zlib.crc32(struct.pack("<dB", float(reward), bool(terminated) | bool(truncated) << 1), crc)
        successes += reward > 0
        truncations += bool(truncated)
        if terminated or truncated:
            obs, _ = env.reset()
            crc = feed_observation(crc, obs)
        low.append(crc & 0xFF)
    return bytes(low), crc, int(successes), truncations


def feed_level(crc, env, obs):
    """Adds what a fresh level is: full grid, pose, first observation, step limit."""
    crc = zlib.crc32(np.ascontiguousarray(env.grid.encode()).tobytes(), crc)
    crc = zlib.crc32(bytes([int(env.agent_pos[0]), int(env.agent_pos[1]), int(env.agent_dir)]), crc)
    return feed_observation(crc, obs)


def record_tape(env, seed, action_seed, n_actions, steps):
    """One random tape over the first `n_actions` actions."""
    actions = np.random.default_rng(action_seed).integers(0, n_actions, size=steps)
    low, crc, successes, truncations = play(env, seed, actions)
    return {
        "seed": seed, "action_seed": action_seed, "n_actions": n_actions, "steps": steps, "successes": successes,
        "truncations": truncations, "crc": crc, "low": low.hex(),
    }


def record_random(name, out):
    """Random tapes and levels of one id."""
    env = make(name)
    tapes = []
    for k, seed in enumerate(SEEDS):
        full = env.max_steps <= FULL_LENGTH_MAX or k < LONG_SEEDS
        length = env.max_steps + 60 if full else SHORT_TAPE
        action_seed = ACTION_SEED + k
        tapes.append(record_tape(env, seed, action_seed, 7, length))
    if not any(t["truncations"] for t in tapes):
        # Lava ends random episodes early: turns alone reach the limit, followed by the next level.
        for k, seed in enumerate(SEEDS[:LONG_SEEDS]):
            tapes.append(record_tape(env, seed, ACTION_SEED + 100 + k, 2, env.max_steps + 60))
    assert any(t["truncations"] for t in tapes), f"{name}: no tape passes a truncation"
    levels = []
    for seed in LEVEL_SEEDS:
        crc = 0
        for episode in range(3):
            obs, _ = env.reset(seed=seed) if episode == 0 else env.reset()
            crc = feed_level(crc, env, obs)
        levels.append({"seed": seed, "episodes": 3, "crc": crc})
    path = out / f"{name}.json"
    record = json.loads(path.read_text()) if path.exists() else {}
    record.update({
        "id": name, "minigrid": minigrid.__version__, "numpy": np.__version__,
        "width": env.width, "height": env.height, "max_steps": env.max_steps,
        "see_through_walls": env.see_through_walls, "random": tapes, "levels": levels,
    })
    path.write_text(json.dumps(record, indent=0) + "\n")


def record_plans(tapes, out):
    """Success tapes: {id: [{"seed", "actions" (digits), optional "max_steps"}]} replayed in Python."""
    for name, plans in tapes.items():
        path = out / f"{name}.json"
        record = json.loads(path.read_text())
        record["plans"] = []
        for plan in plans:
            kwargs = {"max_steps": plan["max_steps"]} if plan.get("max_steps") else {}
            env = make(name, **kwargs)
            low, crc, successes, truncations = play(env, plan["seed"], [int(a) for a in plan["actions"]])
            assert successes >= 1, f"{name} seed {plan['seed']}: the plan does not succeed in Python"
            record["plans"].append({
                "seed": plan["seed"], "actions": plan["actions"], "max_steps": plan.get("max_steps"),
                "successes": successes, "truncations": truncations, "crc": crc, "low": low.hex(),
            })
        path.write_text(json.dumps(record, indent=0) + "\n")


RENDER_IDS = [
    "MiniGrid-Empty-5x5-v0", "MiniGrid-DoorKey-6x6-v0", "MiniGrid-BlockedUnlockPickup-v0",
    "MiniGrid-KeyCorridorS3R3-v0", "MiniGrid-LavaCrossingS9N2-v0", "MiniGrid-MemoryS7-v0",
    "MiniGrid-MultiRoom-N4-S5-v0", "MiniGrid-FourRooms-v0",
]


def frames_of(name, tile_size, view_size):
    """Frames of one id: seed 3, after 0, 7 and 40 random actions, whole with and without highlight, and what the agent sees."""
    env = make(name, agent_view_size=view_size)
    env.reset(seed=3)
    actions = np.random.default_rng(77).integers(0, 7, size=40)
    frames = []
    for step in range(41):
        for highlight, agent_pov in [(True, False), (False, False), (True, True)] if step in (0, 7, 40) else []:
            frame = env.get_frame(highlight=highlight, tile_size=tile_size, agent_pov=agent_pov)
            frames.append({
                "id": name, "view_size": view_size, "seed": 3, "action_seed": 77, "steps": step, "tile_size": tile_size,
                "highlight": highlight, "agent_pov": agent_pov, "height": frame.shape[0], "width": frame.shape[1],
                "crc": zlib.crc32(np.ascontiguousarray(frame).tobytes()),
            })
        if step < 40:
            _, _, terminated, truncated, _ = env.step(int(actions[step]))
            if terminated or truncated:
                env.reset()
    return frames


def record_render(out):
    """Frames in tiles of 8 and 32 pixels, and tiles."""
    frames = [frame for name in RENDER_IDS for tile_size in (8, 32) for frame in frames_of(name, tile_size, 7)]
    record = {"minigrid": minigrid.__version__, "frames": frames, "tiles": record_tiles()}
    (out / "render.json").write_text(json.dumps(record, indent=0) + "\n")


def record_views(out):
    """Tapes and frames with the smaller views, `agent_view_size` 3 and 5."""
    tapes, frames = [], []
    for name in [*RENDER_IDS, "MiniGrid-MemoryS9-v0", "MiniGrid-MemoryS13Random-v0"]:
        for view_size in (3, 5):
            env = make(name, agent_view_size=view_size)
            random = [record_tape(env, seed, ACTION_SEED + seed, 7, SHORT_TAPE) for seed in SEEDS[:LONG_SEEDS]]
            tapes.append({"id": name, "view_size": view_size, "random": random})
            frames += frames_of(name, 8, view_size)
    record = {"minigrid": minigrid.__version__, "numpy": np.__version__, "tapes": tapes, "frames": frames}
    (out / "views.json").write_text(json.dumps(record, indent=0) + "\n")


def record_tiles():
    """Every object, colour and state as one tile, plain and highlighted; and the agent in its four headings."""
    from minigrid.core.grid import Grid
    from minigrid.core.world_object import WorldObj

    cells = [(2, 5, 0), (8, 1, 0), (9, 0, 0)]
    cells += [(kind, colour, 0) for kind in (3, 5, 6, 7) for colour in range(6)]
    cells += [(4, colour, state) for colour in range(6) for state in range(3)]
    tiles = []
    for tile_size in (8, 20, 32):
        for highlight in (False, True):
            for cell in [None, *cells]:
                for agent_dir in [None, 0, 1, 2, 3] if cell in (None, (8, 1, 0)) else [None]:
                    obj = WorldObj.decode(*cell) if cell else None
                    tile = Grid.render_tile(obj, agent_dir=agent_dir, highlight=highlight, tile_size=tile_size)
                    tiles.append({
                        "cell": cell or (1, 0, 0), "agent_dir": agent_dir, "highlight": highlight,
                        "tile_size": tile_size, "crc": zlib.crc32(np.ascontiguousarray(tile.astype(np.uint8)).tobytes()),
                    })
    return tiles


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["random", "plans", "render", "views", "list"])
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent / "tests/golden/minigrid")
    parser.add_argument("--tapes", type=pathlib.Path, help="JSON of tapes for `plans`")
    parser.add_argument("--only", help="only ids that contain this text")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.what == "list":
        print("\n".join(ids()))
    elif args.what == "plans":
        record_plans(json.loads(args.tapes.read_text()), args.out)
    elif args.what == "render":
        record_render(args.out)
    elif args.what == "views":
        record_views(args.out)
    else:
        for name in ids():
            if not args.only or args.only in name:
                record_random(name, args.out)
                print(name, flush=True)


if __name__ == "__main__":
    main()
