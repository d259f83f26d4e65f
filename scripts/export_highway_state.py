#!/usr/bin/env python3
"""Exports the present state of a highway-env environment as JSON, from which `prospect rollout --reset-state` goes on.

The format is described in `docs/driving-state.md` (schema: `docs/driving-state.schema.json`). As a module:

    from export_highway_state import state_of
    state = state_of(env)                  # any gym.make(...) of highway-env, wrapped or not, at any time
    json.dump(state, file, allow_nan=False)

As a command it writes the state after a reset and, if they are given, some actions:

    python scripts/export_highway_state.py --env merge-v0 --seed 3 --out state.json
    python scripts/export_highway_state.py --env merge-v0 --seed 3 --actions 1,1,3 --network --out state.json

Made for highway-env 1.12.1.
"""

import argparse
import json
import pathlib

import gymnasium as gym
import highway_env  # noqa: F401 (registers the ids)
import numpy as np
from highway_env.envs.common.observation import KinematicObservation
from highway_env.road.lane import CircularLane, PolyLane, PolyLaneFixedWidth, SineLane, StraightLane
from highway_env.road.regulation import RegulatedRoad
from highway_env.vehicle.behavior import AggressiveVehicle, DefensiveVehicle, IDMVehicle, LinearVehicle
from highway_env.vehicle.controller import ControlledVehicle, MDPVehicle
from highway_env.vehicle.dynamics import BicycleVehicle
from highway_env.vehicle.kinematics import Vehicle
from highway_env.vehicle.objects import Landmark, Obstacle

VERSION = 1
# Exact classes: a subclass of somebody else's could do anything.
KINDS = {
    AggressiveVehicle: "aggressive",
    DefensiveVehicle: "defensive",
    LinearVehicle: "linear",
    IDMVehicle: "idm",
    MDPVehicle: "controlled",
    ControlledVehicle: "controlled",
    Vehicle: "vehicle",
    BicycleVehicle: "vehicle",
}
OBJECTS = {Obstacle: "obstacle", Landmark: "landmark"}
IDM = ("ACC_MAX", "COMFORT_ACC_MAX", "COMFORT_ACC_MIN", "DISTANCE_WANTED", "TIME_WANTED")
MOBIL = ("POLITENESS", "LANE_CHANGE_MIN_ACC_GAIN", "LANE_CHANGE_MAX_BRAKING_IMPOSED", "LANE_CHANGE_DELAY")
LINEAR = ("ACCELERATION_PARAMETERS", "STEERING_PARAMETERS")
# What only concerns the window.
WINDOW = {
    "screen_width", "screen_height", "centering_position", "scaling", "show_trajectories", "render_agent",
    "offscreen_rendering", "manual_control", "real_time_rendering",
}  # fmt: skip


def plain(value):
    """`value` in the types of JSON."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    return value


def reals(values):
    return [float(value) for value in np.ravel(values)]


def lane_index(index):
    """`[from, to, id]`; the id of a leg of a route may be open."""
    start, end, number = index
    return [str(start), str(end), None if number is None else int(number)]


def parameters(vehicle, names):
    number = lambda value: reals(value) if np.ndim(value) else float(value)
    return {name.lower(): number(getattr(vehicle, name)) for name in names}


def vehicle_state(vehicle, controlled, landmarks):
    """Everything that a vehicle's course depends on."""
    kind = KINDS.get(type(vehicle))
    if kind is None:
        raise TypeError(f"vehicles of {type(vehicle)} cannot be exported; known: {', '.join(c.__name__ for c in KINDS)}")
    state = {
        "kind": "ego" if controlled else kind,
        "position": reals(vehicle.position),
        "heading": float(vehicle.heading),
        "speed": float(vehicle.speed),
        "lane": lane_index(vehicle.lane_index),
        "action": {name: float(vehicle.action[name]) for name in ("steering", "acceleration")},
        "crashed": bool(vehicle.crashed),
        "impact": None if vehicle.impact is None else reals(vehicle.impact),
        "length": float(vehicle.LENGTH),
        "width": float(vehicle.WIDTH),
        "min_speed": float(vehicle.MIN_SPEED),
        "max_speed": float(vehicle.MAX_SPEED),
        "check_collisions": bool(vehicle.check_collisions),
        "collidable": bool(vehicle.collidable),
    }
    if isinstance(vehicle, BicycleVehicle):
        state |= {
            "dynamical": True,
            "lateral_speed": float(vehicle.lateral_speed),
            "yaw_rate": float(vehicle.yaw_rate),
        }
    if isinstance(vehicle, ControlledVehicle):
        route = vehicle.route
        state |= {
            "target_lane": lane_index(vehicle.target_lane_index),
            "target_speed": float(vehicle.target_speed),
            "route": None if route is None else [lane_index(leg) for leg in route],
            "is_yielding": bool(getattr(vehicle, "is_yielding", False)),
            "yield_timer": int(getattr(vehicle, "yield_timer", 0)),
        }
    if isinstance(vehicle, MDPVehicle):
        state |= {"speed_index": int(vehicle.speed_index), "target_speeds": reals(vehicle.target_speeds)}
    if isinstance(vehicle, IDMVehicle):
        state |= {
            "timer": float(vehicle.timer),
            "delta": float(vehicle.DELTA),
            "enable_lane_change": bool(vehicle.enable_lane_change),
            "idm": parameters(vehicle, IDM),
            "mobil": parameters(vehicle, MOBIL),
        }
    if isinstance(vehicle, LinearVehicle):
        state["linear"] = parameters(vehicle, LINEAR)
    if getattr(vehicle, "goal", None) is not None:
        state["goal"] = landmarks.index(id(vehicle.goal))
    return state


def object_state(thing):
    kind = OBJECTS.get(type(thing))
    if kind is None:
        raise TypeError(f"objects of {type(thing)} cannot be exported; known: {', '.join(c.__name__ for c in OBJECTS)}")
    return {
        "kind": kind,
        "position": reals(thing.position),
        "heading": float(thing.heading),
        "speed": float(thing.speed),
        "length": float(thing.LENGTH),
        "width": float(thing.WIDTH),
        "crashed": bool(thing.crashed),
        "hit": bool(thing.hit),
        "check_collisions": bool(thing.check_collisions),
        "collidable": bool(thing.collidable),
    }


def lane_geometry(lane):
    """Shape and rules of a lane."""
    rules = {
        "line_types": plain(lane.line_types),
        "forbidden": bool(lane.forbidden),
        "speed_limit": None if lane.speed_limit is None else float(lane.speed_limit),
        "priority": int(lane.priority),
    }
    if isinstance(lane, (StraightLane, SineLane)):
        shape = {"type": "straight", "start": reals(lane.start), "end": reals(lane.end), "width": float(lane.width)}
        if isinstance(lane, SineLane):
            wave = {name: float(getattr(lane, name)) for name in ("amplitude", "pulsation", "phase")}
            shape |= {"type": "sine", **wave}
    elif isinstance(lane, CircularLane):
        numbers = {name: float(getattr(lane, name)) for name in ("radius", "start_phase", "end_phase", "width")}
        shape = {"type": "circular", "center": reals(lane.center), "clockwise": bool(lane.clockwise), **numbers}
    elif isinstance(lane, PolyLaneFixedWidth):
        points = lambda curve: [reals(pose.position) for pose in curve.poses]
        shape = {"type": "poly_fixed_width", "lane_points": points(lane.curve), "width": float(lane.width)}
        if isinstance(lane, PolyLane):
            shape["type"] = "poly"
            shape["left_boundary_points"] = points(lane.left_boundary)
            shape["right_boundary_points"] = points(lane.right_boundary)
    else:
        raise TypeError(f"lanes of {type(lane)} cannot be exported")
    return shape | rules


def network_state(network):
    """All lanes, in the order in which the package walks through them."""
    return [
        {"from": str(index[0]), "to": str(index[1]), **lane_geometry(lane)}
        for index, lane in network.lanes_dict().items()
    ]


def random_state(generator):
    """The stream, with its 128-bit numbers as decimal strings."""
    state = generator.bit_generator.state
    if state["bit_generator"] != "PCG64":
        raise TypeError(f"streams of {state['bit_generator']} cannot be exported, only numpy's PCG64")
    return {
        "bit_generator": "PCG64",
        "state": str(state["state"]["state"]),
        "inc": str(state["state"]["inc"]),
        "has_uint32": int(state["has_uint32"]),
        "uinteger": int(state["uinteger"]),
    }


def elapsed_steps(env):
    """Steps counted by the wrapper that ends episodes of some ids; none if there is no such wrapper."""
    while env is not env.unwrapped:
        if isinstance(env, gym.wrappers.TimeLimit):
            return int(env._elapsed_steps or 0)
        env = env.env
    return None


def features_ranges(observation):
    """The ranges that observations of the kind Kinematics scale by, of every observer, once they are fixed.

    Without ranges in the configuration they follow from the road on which the first observation of an episode is made.
    """
    observers = getattr(observation, "agents_observation_types", [observation])
    if not all(isinstance(observer, KinematicObservation) for observer in observers):
        return None
    ranges = [observer.features_range for observer in observers]
    return None if None in ranges else plain(ranges)


def state_of(env, network=False):
    """The state of `env` as it is now; with `network`, the road network too."""
    world = env.unwrapped
    road = world.road
    controlled = [next(i for i, v in enumerate(road.vehicles) if v is ego) for ego in world.controlled_vehicles]
    landmarks = [id(thing) for thing in road.objects]
    defaults = type(world).default_config()
    config = {key: plain(v) for key, v in world.config.items() if key not in WINDOW and defaults.get(key) != v}
    state = {
        "version": VERSION,
        "env_id": env.spec.id if env.spec else None,
        "config": config,
        "time": float(world.time),
        "steps": int(world.steps),
        "elapsed_steps": elapsed_steps(env),
        "vehicles": [vehicle_state(v, i in controlled, landmarks) for i, v in enumerate(road.vehicles)],
        "controlled": controlled,
        "objects": [object_state(thing) for thing in road.objects],
        "features_range": features_ranges(world.observation_type),
        "random": random_state(world.np_random),
    }
    if isinstance(road, RegulatedRoad):
        state["road_steps"] = int(road.steps)
    if isinstance(getattr(world, "lanes", None), list):  # lane-keeping: the lane to be kept, and those that come next
        index = {id(lane): lane_index(where) for where, lane in road.network.lanes_dict().items()}
        state["reference_lanes"] = [index[id(lane)] for lane in (world.lane, *world.lanes)]
    if network or 0 in (world.config.get("length"), world.config.get("no_lanes")):  # racetrack-oval drew its own
        state["network"] = network_state(road.network)
    return {key: value for key, value in state.items() if value is not None}


def parse_actions(text, space):
    """`1,0,3` for discrete actions; `0.5:-1,0:0` for continuous ones."""
    if not text:
        return []
    if isinstance(space, gym.spaces.Discrete):
        return [int(word) for word in text.split(",")]
    if isinstance(space, gym.spaces.Tuple):
        return [tuple(int(word) for word in step.split(":")) for step in text.split(",")]
    return [np.array([float(word) for word in step.split(":")], dtype=np.float32) for step in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", required=True, help="id, such as highway-v0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--config", type=json.loads, default={}, help="configuration, as JSON")
    parser.add_argument("--actions", default="", help="actions after the reset: 1,0,3 or 0.5:-1,0:0")
    parser.add_argument("--network", action="store_true", help="write the road network too")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    env = gym.make(args.env, disable_env_checker=True)
    env.unwrapped.configure(args.config)
    env.reset(seed=args.seed)
    for action in parse_actions(args.actions, env.action_space):
        env.step(action)
    args.out.write_text(json.dumps(state_of(env, args.network), allow_nan=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
