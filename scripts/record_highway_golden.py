#!/usr/bin/env python3
"""Record golden courses of highway-env, for `envs/tests/driving_golden.rs`.

Writes one npz per id (and per variant of a configuration) into `tests/golden/driving/`. The tests play the same actions
from the same seeds, and from the states that `export_highway_state.py` wrote, and compare.

Versions the checked-in data was made with: highway-env 1.12.1, gymnasium 1.4.0, numpy 2.4.6, Python 3.11.

    python -m venv v && v/bin/pip install highway-env==1.12.1 gymnasium==1.4.0 numpy==2.4.6
    v/bin/python scripts/record_highway_golden.py                            # everything: about ten minutes of a core
    v/bin/python scripts/record_highway_golden.py merge-v0 highway-fast-v0+lidar

`highway_shortcuts.py` saves the package some work without changing a bit. Every file is recorded by a process of its own,
because the package keeps some parameters of drivers in classes (`docs/driving.md`, "Where the package cannot be followed").

Of one id per family there are 20 tapes of 100 uniformly random actions and 5 of calm ones (mostly idle or slower, or
steering along the lane), whose episodes last; of the others fewer and shorter ones. After an end the env is reset without a
seed, so that the stream goes on as in `gymnasium.vector`. Tapes with `seeded` 0 begin in a scene arranged by hand and end
with its first episode.

| entry | type | shape | |
|---|---|---|---|
| `env_id`, `config`, `versions` | uint8 | text | `config` is JSON: what differs from the id's configuration |
| `seed` | uint64 | `[tapes]` | of the first reset |
| `seeded` | uint8 | `[tapes]` | 0: only the exported state leads to this course |
| `steps` | int32 | `[tapes]` | S is their sum |
| `action` | uint8 or float32 | `[S, agents, width]` | |
| `reward` | float64 | `[S, agents]` | |
| `flags` | uint8 | `[S, agents]` | 1 terminated, 2 truncated, 4 success |
| `ended` | uint8 | `[S]` | 1: a reset without a seed followed |
| `terms` | float64 | `[S, terms]` | `info["rewards"]`, names in `term_names` (JSON) |
| `ego` | float64 | `[S, agents, 4]` | x, y, heading, speed after the step |
| `row_tape`, `row_step`, `row_reset` | int32, int32, uint8 | `[R]` | rows recorded in full: after so many steps; 1: after the reset that followed |
| `row_first` | int32 | `[R + 1]` | first vehicle of each row |
| `vehicle` | float64 | `[V, 4]` | x, y, heading, speed, in list order |
| `vehicle_lane`, `vehicle_target` | int16 | `[V]` | indices into `lanes` (JSON, `[from, to, id]`); -1 where there is no target |
| `vehicle_crashed` | uint8 | `[V]` | |
| `observation/<name>` | float32 | `[R, agents, ...]` | of the full rows |
| `states` | uint8 | JSON | `[{"tape", "step", "state"}]`: exported after a reset and in the middle of first episodes |
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import warnings

# numpy's own tangents, arcs and powers, and fused products, differ from the C library's in the last bit, and from machine to
# machine. A vehicle that nearly stands magnifies that tenfold per substep, so courses are recorded without them.
PLAIN = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Nehalem"}
if __name__ == "__main__" and any(os.environ.get(key) != value for key, value in PLAIN.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **PLAIN})

import gymnasium as gym
import highway_env
import highway_shortcuts
import numpy as np
from export_highway_state import lane_index, plain, state_of
from highway_env.vehicle.kinematics import Vehicle

warnings.filterwarnings("ignore")
gym.logger.min_level = gym.logger.ERROR

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/driving"
STEPS = 100
BEHAVIOR = "highway_env.vehicle.behavior."
KINEMATICS = ["presence", "x", "y", "vx", "vy", "heading", "cos_h", "sin_h", "cos_d", "sin_d", "long_off", "lat_off", "ang_off"]
# Ids recorded with 20 seeds: one of each family.
FAMILIES = {
    "highway-v0", "highway-fast-v0", "merge-v0", "roundabout-v0", "intersection-v0", "exit-v0", "parking-v0", "racetrack-v0",
    "two-way-v0", "u-turn-v0", "lane-keeping-v0",
}  # fmt: skip
META = {"type": "DiscreteMetaAction"}
VARIANTS = {
    "highway-fast-v0": {
        "linear": {"other_vehicles_type": BEHAVIOR + "LinearVehicle"},
        "aggressive": {"other_vehicles_type": BEHAVIOR + "AggressiveVehicle"},
        "defensive": {"other_vehicles_type": BEHAVIOR + "DefensiveVehicle"},
        "occupancy": {"observation": {"type": "OccupancyGrid"}},
        "ttc": {"observation": {"type": "TimeToCollision", "horizon": 10}},
        "lidar": {"observation": {"type": "LidarObservation"}},
        "features": {"observation": {"type": "Kinematics", "features": KINEMATICS, "vehicles_count": 8, "see_behind": True}},
        "lateral": {"action": META | {"longitudinal": False}},
        "continuous": {"action": {"type": "ContinuousAction"}, "offroad_terminal": True},
        "dynamical": {"action": {"type": "ContinuousAction", "dynamical": True, "acceleration_range": [-4, 3]}},
        "axes": {"action": {"type": "DiscreteAction", "actions_per_axis": 5}},
    },
    "highway-v0": {"dense": {"vehicles_density": 2, "lanes_count": 5, "vehicles_count": 30, "initial_lane_id": 2}},
    "intersection-v0": {"destination": {"destination": None, "normalize_reward": True}},
    "merge-v0": {"lidar": {"observation": {"type": "LidarObservation", "cells": 24, "normalize": False}}},
    "merge-generic-v0": {"lanes": {"lanes_count": 3, "vehicles_count": 8, "parallel_merge_length": 120}},
    "racetrack-oval-v0": {"obstacles": {"block_lane": True, "force_decision": True, "other_vehicles": 5, "no_lanes": 3}},
    "parking-v0": {"agents": {
        "controlled_vehicles": 2,
        "action": {"type": "MultiAgentAction", "action_config": {"type": "ContinuousAction"}},
        "observation": {"type": "MultiAgentObservation", "observation_config": {
            "type": "KinematicsGoal", "features": ["x", "y", "vx", "vy", "cos_h", "sin_h"], "scales": [100, 100, 5, 5, 1, 1],
            "normalize": False,
        }},
    }},
}  # fmt: skip


# ---------------------------------------------------------------- actions


class Random:
    """Uniform actions; continuous ones are held for a while and reach beyond the space."""

    def __init__(self, rng):
        self.rng, self.held, self.left = rng, {}, {}

    def __call__(self, world, agent, space):
        if isinstance(space, gym.spaces.Discrete):
            return int(self.rng.integers(space.n))
        if self.left.get(agent, 0) == 0:
            self.held[agent] = self.rng.uniform(-1.3, 1.3, space.shape).astype(np.float32)
            self.left[agent] = int(self.rng.integers(1, 9))
        self.left[agent] -= 1
        return self.held[agent]


class Calm:
    """Actions whose episodes last: seldom faster, seldom another lane; steering along the lane, a little unsteadily."""

    def __init__(self, rng):
        self.rng = rng

    def __call__(self, world, agent, space):
        kind = world.action_type
        kind = kind.agents_action_types[agent] if hasattr(kind, "agents_action_types") else kind
        if hasattr(kind, "actions"):
            weights = {"SLOWER": 0.45, "IDLE": 0.4, "FASTER": 0.07, "LANE_LEFT": 0.04, "LANE_RIGHT": 0.04}
            chances = np.array([weights[kind.actions[a]] for a in range(space.n)])
            return int(self.rng.choice(space.n, p=chances / chances.sum()))
        vehicle = world.controlled_vehicles[agent]
        along, across = vehicle.lane.local_coordinates(vehicle.position)
        ahead = vehicle.lane.heading_at(along + 0.3 * vehicle.speed)
        turn = (ahead - vehicle.heading + np.pi) % (2 * np.pi) - np.pi
        steer = 1.1 * turn - 0.06 * across + self.rng.normal(0, 0.03)
        gas = 0.15 * (8.0 - vehicle.speed) + self.rng.normal(0, 0.1)
        if isinstance(space, gym.spaces.Discrete):
            axes = np.linspace(-1, 1, kind.actions_per_axis)
            nearest = lambda x: int(np.abs(axes - x).argmin())
            return nearest(gas) * kind.actions_per_axis + nearest(steer)
        both = {(True, True): [gas, steer], (True, False): [gas], (False, True): [steer]}
        return np.array(both[bool(kind.longitudinal), bool(kind.lateral)], dtype=np.float32)


# ---------------------------------------------------------------- scenes arranged by hand


def place(vehicle, lane, along, speed=None, across=0.0):
    """Puts `vehicle` on a lane of its network."""
    geometry = vehicle.road.network.get_lane(lane)
    vehicle.position = np.array(geometry.position(along, across), dtype=np.float64)
    vehicle.heading = float(geometry.heading_at(along))
    vehicle.speed = vehicle.speed if speed is None else speed
    vehicle.lane_index, vehicle.lane = lane, geometry
    if hasattr(vehicle, "target_lane_index"):
        vehicle.target_lane_index = lane


def almost_parked(world):
    """Rolls into the goal from two metres away."""
    ego = world.vehicle
    toward = -np.sign(ego.goal.position[1])
    ego.position = ego.goal.position + np.array([0.05, 2.0 * toward])
    ego.heading, ego.speed = float(ego.goal.heading), 2.0
    ego.on_state_update()


def before_exit(world):
    """On the rightmost lane, shortly before the exit lane begins, the others out of the way."""
    place(world.vehicle, ("0", "1", 5), 360.0)
    for i, other in enumerate(world.road.vehicles[1:]):
        place(other, ("0", "1", i % 4), 20.0 + 12.0 * i)


def before_merge(world):
    """Close to the end of the merge, in the lane of the merging vehicle."""
    place(world.vehicle, ("b", "c", 1), 20.0)


def through_crossing(world):
    """Behind the crossing, about to arrive."""
    ego = world.vehicle
    if hasattr(ego, "route"):
        ego.plan_route_to("o1")
    place(ego, ("il1", "o1", 0), 12.0, 8.0)


def about_to_crash(world):
    """Behind a vehicle that is much slower; another one is crashed already, and a third is not moving."""
    ego, front, crashed, still = world.road.vehicles[:4]
    lane = ego.lane_index
    along = ego.lane.local_coordinates(ego.position)[0]
    place(front, lane, along + 14.0, 5.0)
    place(crashed, lane, along + 60.0, 12.0, 0.7)
    place(still, lane, along + 75.0, 0.0)
    crashed.crashed = True


ARRANGED = {
    "parking-v0": [almost_parked],
    "parking-ActionRepeat-v0": [almost_parked],
    "exit-v0": [before_exit],
    "exit-v1": [before_exit],
    "merge-v0": [before_merge],
    "merge-v1": [before_merge],
    "intersection-v0": [through_crossing],
    "intersection-v1": [through_crossing],
    "intersection-v2": [through_crossing],
    "highway-v0": [about_to_crash],
    "highway-fast-v0": [about_to_crash],
    "two-way-v0": [about_to_crash],
}


# ---------------------------------------------------------------- recording


def per_agent(value, agents):
    return list(value) if isinstance(value, tuple) else [value] * agents


def observations(obs, agents):
    """Components by name, each `[agents, ...]`."""
    rows = list(obs) if isinstance(obs, tuple) else [obs]
    assert len(rows) == agents
    rows = [row if isinstance(row, dict) else {"observation": row} for row in rows]
    return {name: np.array([row[name] for row in rows], dtype=np.float32) for name in rows[0]}


class Recorder:
    """Collects the tapes of one file."""

    def __init__(self, name, config):
        self.name = name
        self.env = gym.make(name, disable_env_checker=True)
        if config:
            self.env.unwrapped.configure(config)
            self.env.reset()
        self.world = self.env.unwrapped
        self.config = config
        self.agents = len(self.world.controlled_vehicles)
        self.data = {
            key: [] for key in (
                "seed", "seeded", "steps", "action", "reward", "flags", "ended", "terms", "ego", "row_tape", "row_step",
                "row_reset", "row_first", "vehicle", "vehicle_lane", "vehicle_target", "vehicle_crashed",
            )
        }  # fmt: skip
        self.data["row_first"].append(0)
        self.observed, self.states, self.term_names = [], [], None
        lanes = self.world.road.network.lanes_dict()
        self.lanes = {tuple(lane_index(where)): i for i, where in enumerate(lanes)}

    def row(self, tape, step, reset, obs):
        """Keeps all vehicles and what is observed."""
        data = self.data
        for key, value in (("row_tape", tape), ("row_step", step), ("row_reset", int(reset))):
            data[key].append(value)
        number = lambda where: -1 if where is None else self.lanes[tuple(lane_index(where))]
        for v in self.world.road.vehicles:
            data["vehicle"].append([*v.position, v.heading, v.speed])
            data["vehicle_lane"].append(number(v.lane_index))
            data["vehicle_target"].append(number(getattr(v, "target_lane_index", None)))
            data["vehicle_crashed"].append(int(v.crashed))
        data["row_first"].append(len(data["vehicle"]))
        self.observed.append(observations(obs, self.agents))

    def export(self, tape, step):
        state = state_of(self.env)
        state["config"] |= plain(self.config)
        self.states.append({"tape": tape, "step": step, "state": state})

    def step(self, action, data):
        """One step; whether it ended the episode, and the next observation."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        reward, terminated = per_agent(reward, self.agents), per_agent(terminated, self.agents)
        success = per_agent(info.get("is_success", False), self.agents)
        data["reward"].append([float(r) for r in reward])
        flags = [int(bool(t)) | int(bool(truncated)) << 1 | int(bool(s)) << 2 for t, s in zip(terminated, success)]
        data["flags"].append(flags)
        terms = info.get("rewards", {})
        self.term_names = list(terms)
        data["terms"].append([float(value) for value in terms.values()])
        data["ego"].append([[*v.position, v.heading, v.speed] for v in self.world.controlled_vehicles])
        return obs, all(terminated) or truncated

    def tape(self, seed, policy, steps=STEPS, arrange=None, stride=5):
        """One tape of actions."""
        env, data, tape = self.env, self.data, len(self.data["seed"])
        obs, _ = env.reset(seed=seed)
        if arrange:
            arrange(self.world)
        self.export(tape, 0)
        if not arrange:
            self.row(tape, 0, True, obs)
        middle, first = 3 + 7 * (tape % 4), True
        spaces = getattr(env.action_space, "spaces", None)
        for step in range(1, steps + 1):
            chosen = [policy(self.world, i, spaces[i] if spaces else env.action_space) for i in range(self.agents)]
            obs, ended = self.step(tuple(chosen) if spaces else chosen[0], data)
            data["action"].append([np.ravel(action) for action in chosen])
            stop = step == steps or (ended and arrange)
            if step % stride == 0 or ended or stop:
                self.row(tape, step, False, obs)
            data["ended"].append(int(ended and not stop))
            if stop:
                break
            if first and not ended and step == middle:
                self.export(tape, step)
            if ended:
                first = False
                obs, _ = env.reset()
                self.row(tape, step, True, obs)
        for key, value in (("seed", seed), ("seeded", int(arrange is None)), ("steps", step)):
            data[key].append(value)

    def arrays(self):
        data = self.data
        versions = f"highway-env {highway_env.__version__}, gymnasium {gym.__version__}, numpy {np.__version__}"
        text = lambda value: np.frombuffer(value.encode(), dtype=np.uint8)
        discrete = data["action"][0][0].dtype.kind == "i"
        types = {
            "seed": np.uint64, "seeded": np.uint8, "steps": np.int32, "action": np.uint8 if discrete else np.float32,
            "flags": np.uint8, "ended": np.uint8, "row_tape": np.int32, "row_step": np.int32, "row_reset": np.uint8,
            "row_first": np.int32, "vehicle_lane": np.int16, "vehicle_target": np.int16, "vehicle_crashed": np.uint8,
        }  # fmt: skip
        arrays = {key: np.array(values, dtype=types.get(key, np.float64)) for key, values in data.items()}
        for name in self.observed[0]:
            arrays[f"observation/{name}"] = np.array([obs[name] for obs in self.observed])
        return arrays | {
            "env_id": text(self.name),
            "config": text(json.dumps(plain(self.config))),
            "versions": text(versions),
            "term_names": text(json.dumps(self.term_names)),
            "lanes": text(json.dumps(list(self.lanes))),
            "states": text(json.dumps(self.states, allow_nan=False, separators=(",", ":"))),
        }


def record(name):
    """All tapes of one file."""
    highway_shortcuts.install()
    env_id, _, variant = name.partition("+")
    config = VARIANTS[env_id][variant] if variant else {}
    recorder = Recorder(env_id, config)
    stride = 10 if env_id == "highway-v0" else 5
    random_tapes, calm_tapes, steps = (20, 5, STEPS) if name in FAMILIES else (2, 1, 40) if variant else (4, 1, 40)
    for seed in range(random_tapes):
        recorder.tape(seed, Random(np.random.default_rng(9_000 + seed)), steps, stride=stride)
    for seed in range(100, 100 + calm_tapes):
        recorder.tape(seed, Calm(np.random.default_rng(9_000 + seed)), steps, stride=stride)
    for arrange in ARRANGED.get(name, []):
        for seed in (200, 201):
            recorder.tape(seed, Calm(np.random.default_rng(9_000 + seed)), STEPS, arrange, stride=2)
    OUT.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(OUT / f"{name}.npz", **recorder.arrays())
    flags, size = np.concatenate([np.ravel(f) for f in recorder.data["flags"]]), (OUT / f"{name}.npz").stat().st_size
    print(f"{name}: {len(recorder.data['seed'])} tapes, {len(recorder.data['ego'])} steps, {(flags & 1).sum()} terminations, "
          f"{(flags >> 1 & 1).sum()} truncations, {(flags >> 2).sum()} successes, {size >> 10} kB", flush=True)


def names():
    """All files: the ids of the package and the variants."""
    ids = sorted(i for i, spec in gym.registry.items() if str(spec.entry_point).startswith("highway_env."))
    return ids + [f"{env_id}+{variant}" for env_id, variants in VARIANTS.items() for variant in variants]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="ids or id+variant; all of them if none is given")
    parser.add_argument("--here", action="store_true", help="record in this process")
    args = parser.parse_args()
    for name in args.names or names():
        if args.here:
            record(name)
        else:
            subprocess.run([sys.executable, __file__, name, "--here"], check=True)


if __name__ == "__main__":
    main()
