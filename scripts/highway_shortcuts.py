"""The same courses of highway-env in a fraction of the time, for recording.

Nothing here changes a number: results that the package computes again and again from the same position are kept for as long
as no vehicle moves, and pairs that are clearly out of reach are not looked at in detail. Run as a command it plays some steps
of several ids with and without the shortcuts, in processes of their own, and compares every bit.
"""

import json
import subprocess
import sys

import gymnasium as gym
import highway_env  # noqa: F401 (registers the ids)
import numpy as np
from highway_env.road.lane import CircularLane, StraightLane
from highway_env.road.regulation import RegulatedRoad
from highway_env.road.road import Road
from highway_env.vehicle.controller import ControlledVehicle
from highway_env.vehicle.kinematics import Vehicle
from highway_env.vehicle.objects import Landmark

# Far beyond any rounding of a distance, in metres.
SLACK = 1e-6


def remember_coordinates(lane_class):
    """Lane coordinates are a function of the position."""
    compute = lane_class.__dict__["local_coordinates"]

    def local_coordinates(self, position):
        if not isinstance(position, np.ndarray):
            return compute(self, position)
        known = self.__dict__.setdefault(lane_class.__name__ + "_known", {})
        key = position.tobytes()
        found = known.get(key)
        if found is None:
            if len(known) > 2_000:
                known.clear()
            found = known[key] = compute(self, position)
        return found

    lane_class.local_coordinates = local_coordinates


def remember_neighbours():
    """While vehicles decide, none of them moves: who is on a lane is found out once."""
    search, act = Road.neighbour_vehicles, Road.act

    def members(road, index):
        on_lanes = road.__dict__.setdefault("_members", {})
        if index not in on_lanes:
            lane, found = road.network.get_lane(index), []
            for thing in road.vehicles + road.objects:
                if not isinstance(thing, Landmark):
                    along, across = lane.local_coordinates(thing.position)
                    if lane.on_lane(thing.position, along, across, margin=1):
                        found.append((thing, along))
            on_lanes[index] = found
        return on_lanes[index]

    def neighbour_vehicles(self, vehicle, lane_index=None):
        lane_index = lane_index or vehicle.lane_index
        if not lane_index or self.neighbour_vehicles_connected_lanes or not self.__dict__.get("_acting"):
            return search(self, vehicle, lane_index)
        own = self.network.get_lane(lane_index).local_coordinates(vehicle.position)[0]
        front = rear = front_at = rear_at = None
        for thing, along in members(self, lane_index):
            if thing is vehicle:
                continue
            if own <= along and (front_at is None or along <= front_at):
                front, front_at = thing, along
            if along < own and (rear_at is None or along > rear_at):
                rear, rear_at = thing, along
        return front, rear

    def quick_act(self):
        self._members, self._acting = {}, True
        act(self)
        self._acting = False

    def quick_step(self, dt):
        for vehicle in self.vehicles:
            vehicle.step(dt)
        meet_nearby(self, dt)

    Road.neighbour_vehicles, Road.act, Road.step = neighbour_vehicles, quick_act, quick_step



def meet_nearby(road, dt):
    """Collisions of the pairs that are within reach, in the package's order."""
    vehicles, things = road.vehicles, road.vehicles + road.objects
    if not vehicles:
        return
    places = np.array([thing.position for thing in things])
    diagonals = np.array([thing.diagonal for thing in things])
    speeds = np.array([vehicle.speed for vehicle in vehicles])
    apart = np.hypot(*(places[: len(vehicles), None] - places[None]).transpose(2, 0, 1))
    reach = (diagonals[: len(vehicles), None] + diagonals[None]) / 2 + speeds[:, None] * dt
    near = ~(apart > reach + SLACK)
    for i, vehicle in enumerate(vehicles):
        for j in np.nonzero(near[i, i + 1 :])[0]:
            vehicle.handle_collisions(things[i + 1 + j], dt)


def remember_predictions():
    """While right of way is decided, none moves: where each would go is predicted once."""
    enforce = RegulatedRoad.enforce_road_rules

    def predicting(compute):
        def predict(self, times):
            known = self.road.__dict__.get("_predicted")
            if known is None:
                return compute(self, times)
            if id(self) not in known:
                known[id(self)] = compute(self, times)
            return known[id(self)]

        return predict

    def enforce_road_rules(self):
        self._predicted = {}
        enforce(self)
        self._predicted = None

    RegulatedRoad.enforce_road_rules = enforce_road_rules
    for vehicle_class in (Vehicle, ControlledVehicle):
        name = "predict_trajectory_constant_speed"
        setattr(vehicle_class, name, predicting(vehicle_class.__dict__[name]))


def install():
    """Takes the shortcuts in this process."""
    remember_coordinates(StraightLane)
    remember_coordinates(CircularLane)
    remember_neighbours()
    remember_predictions()


# ---------------------------------------------------------------- check


def bits(env_id, steps):
    """Every number of a course, exactly."""
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    course = []
    for _ in range(steps):
        spaces = getattr(env.action_space, "spaces", [env.action_space])
        action = [int(rng.integers(s.n)) if hasattr(s, "n") else rng.uniform(-1, 1, s.shape).astype(np.float32) for s in spaces]
        _, reward, terminated, truncated, _ = env.step(tuple(action) if len(action) > 1 else action[0])
        course.append(np.ravel(reward).astype(float).tobytes().hex())
        for v in env.unwrapped.road.vehicles:
            numbers = np.array([*v.position, v.heading, v.speed, v.crashed], dtype=np.float64)
            course.append([numbers.tobytes().hex(), [str(part) for part in v.lane_index]])
        if np.all(terminated) or truncated:
            env.reset()
    return course


CHECKED = {
    "highway-v0": 3, "highway-fast-v0": 40, "merge-v1": 40, "roundabout-v0": 30, "intersection-v0": 30, "intersection-v1": 15,
    "exit-v0": 30, "parking-parked-v0": 60, "racetrack-v0": 60, "u-turn-v1": 20, "two-way-v0": 40,
}  # fmt: skip


def main():
    if len(sys.argv) > 1:
        if sys.argv[3] == "quick":
            install()
        print(json.dumps(bits(sys.argv[1], int(sys.argv[2]))))
        return
    for env_id, steps in CHECKED.items():
        runs = [
            subprocess.run([sys.executable, __file__, env_id, str(steps), mode], check=True, capture_output=True).stdout
            for mode in ("plain", "quick")
        ]
        assert runs[0] == runs[1], f"{env_id} differs"
        print(f"{env_id}: {len(json.loads(runs[0]))} records are the same, bit by bit", flush=True)


if __name__ == "__main__":
    main()
