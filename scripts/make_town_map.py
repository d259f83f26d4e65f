#!/usr/bin/env python3
"""Writes assets/maps/town.xodr: a small town with a crossing, a roundabout and a beltway with ramps.

    python scripts/make_town_map.py assets/maps/town.xodr

The plan, north up, driven on the right:

                    ==================== beltway, two lanes, clockwise ====================
                       \\ exit      entry /
                        \\______NJ_______/
                               |
        loop  +--------+       |        +---------+  loop
              |       WJ ----- C ------ R         |          C crossing, R roundabout, WJ, NJ, SJ T-junctions
              +--------+       |        +---------+
                          _____SJ______
                   entry /             \\ exit
                    =======================================================================

Only the standard library is needed. Every way through a junction is a road of its own whose reference line is the left border
of its lane, from the left border of the lane it leaves to that of the lane it enters.
"""

import math
import sys
from dataclasses import dataclass, field

STREET_M = 3.5
BELT_M = 3.75
SHOULDER_M = 2.0
POCKET_M = 3.0
RING_RADIUS_M = 20.0
RING_M = 4.5
ARM_M = 15.0
HALF_PI = math.pi / 2


@dataclass
class Pose:
    """A point in m and a direction in rad."""

    x: float
    y: float
    heading: float

    def moved(self, ahead, aside):
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        return Pose(self.x + ahead * cos - aside * sin, self.y + ahead * sin + aside * cos, self.heading)

    def turned(self, angle):
        return Pose(self.x, self.y, self.heading + angle)

    def rotated(self, angle):
        """Around the origin."""
        cos, sin = math.cos(angle), math.sin(angle)
        return Pose(self.x * cos - self.y * sin, self.x * sin + self.y * cos, self.heading + angle)


def integrate(function, end, panels=400):
    """Composite Gauss-Legendre quadrature with three points."""
    nodes = [(-math.sqrt(0.6), 5 / 9), (0.0, 8 / 9), (math.sqrt(0.6), 5 / 9)]
    half = end / panels / 2
    return sum(w * half * function((2 * i + 1) * half + half * x) for i in range(panels) for x, w in nodes)


class ReferenceLine:
    """Pieces of a reference line, each as (pose, length, XML of the shape)."""

    def __init__(self, start):
        self.end = start
        self.length = 0.0
        self.pieces = []

    def _add(self, length, shape, ahead, aside, turn):
        self.pieces.append((self.length, self.end, length, shape))
        self.length += length
        self.end = self.end.moved(ahead, aside).turned(turn)
        return self

    def line(self, length):
        return self._add(length, "<line/>", length, 0.0, 0.0)

    def arc(self, curvature, length):
        turn = curvature * length
        ahead, aside = math.sin(turn) / curvature, (1 - math.cos(turn)) / curvature
        return self._add(length, f'<arc curvature="{curvature!r}"/>', ahead, aside, turn)

    def spiral(self, start, end, length):
        def angle(s):
            return s * (start + (end - start) * s / length / 2)

        ahead = integrate(lambda s: math.cos(angle(s)), length)
        aside = integrate(lambda s: math.sin(angle(s)), length)
        shape = f'<spiral curvStart="{start!r}" curvEnd="{end!r}"/>'
        return self._add(length, shape, ahead, aside, angle(length))

    def bend(self, angle, radius, spiral):
        """Spiral, arc and spiral that turn by `angle`, to the left if it is positive."""
        curvature = math.copysign(1 / radius, angle)
        arc = abs(angle) * radius - spiral
        return self.spiral(0.0, curvature, spiral).arc(curvature, arc).spiral(curvature, 0.0, spiral)

    def shift(self, aside, ahead):
        """The graph of a cubic that ends `aside` to the left and `ahead` further on, in the same direction."""
        c, d = 3 * aside / ahead**2, -2 * aside / ahead**3
        length = integrate(lambda u: math.hypot(1.0, u * (2 * c + 3 * d * u)), ahead)
        return self._add(length, f'<poly3 a="0" b="0" c="{c!r}" d="{d!r}"/>', ahead, aside, 0.0)

    def curve_to(self, end):
        """A cubic curve to a pose, its ends weighted by the distance."""
        start = self.end
        cos, sin = math.cos(start.heading), math.sin(start.heading)
        dx, dy = end.x - start.x, end.y - start.y
        u, v = dx * cos + dy * sin, dy * cos - dx * sin
        turn = math.remainder(end.heading - start.heading, 2 * math.pi)
        # For a circle of this turn the cubic is then close to the circle.
        weight = math.hypot(u, v) * (1.0 + turn * turn / 24)
        eu, ev = weight * math.cos(turn), weight * math.sin(turn)
        cu, du = 3 * u - 2 * weight - eu, weight + eu - 2 * u
        cv, dv = 3 * v - ev, ev - 2 * v
        length = integrate(
            lambda p: math.hypot(weight + p * (2 * cu + 3 * du * p), p * (2 * cv + 3 * dv * p)), 1.0
        )
        shape = (
            f'<paramPoly3 aU="0" bU="{weight!r}" cU="{cu!r}" dU="{du!r}" '
            f'aV="0" bV="0" cV="{cv!r}" dV="{dv!r}" pRange="normalized"/>'
        )
        self._add(length, shape, u, v, turn)
        self.end = end
        return self

    def xml(self):
        rows = [
            f'      <geometry s="{s!r}" x="{pose.x!r}" y="{pose.y!r}" hdg="{pose.heading!r}" length="{length!r}">{shape}</geometry>'
            for s, pose, length, shape in self.pieces
        ]
        return "    <planView>\n" + "\n".join(rows) + "\n    </planView>\n"


def ease(start, end, length):
    """Coefficients of the cubic that goes from one value to another with level ends."""
    change = end - start
    return (start, 0.0, 3 * change / length**2, -2 * change / length**3)


@dataclass
class Lane:
    id: int
    width: tuple  # coefficients of the only cubic, or
    kind: str = "driving"
    predecessor: int | None = None
    successor: int | None = None
    mark: str = "solid"
    speed: str = ""

    def xml(self):
        a, b, c, d = self.width
        links = "".join(
            f'<{name} id="{value}"/>'
            for name, value in (("predecessor", self.predecessor), ("successor", self.successor))
            if value is not None
        )
        return (
            f'          <lane id="{self.id}" type="{self.kind}" level="false">'
            f"<link>{links}</link>"
            f'<width sOffset="0" a="{a!r}" b="{b!r}" c="{c!r}" d="{d!r}"/>'
            f'<roadMark sOffset="0" type="{self.mark}"/>{self.speed}</lane>'
        )


def flat(width):
    return (width, 0.0, 0.0, 0.0)


@dataclass
class Road:
    id: int
    line: ReferenceLine
    sections: list  # (s, [Lane], mark of the centre lane)
    kind: str
    limit_kmh: int
    junction: int = -1
    predecessor: str = ""
    successor: str = ""
    offsets: list = field(default_factory=list)  # (s, coefficients)

    def xml(self):
        links = "".join(
            f"<{name} {value}/>"
            for name, value in (("predecessor", self.predecessor), ("successor", self.successor))
            if value
        )
        text = (
            f'  <road id="{self.id}" name="{self.kind} {self.id}" length="{self.line.length!r}" junction="{self.junction}" rule="RHT">\n'
            f"    <link>{links}</link>\n"
            f'    <type s="0" type="{self.kind}"><speed max="{self.limit_kmh}" unit="km/h"/></type>\n'
        )
        text += self.line.xml() + "    <lanes>\n"
        for s, (a, b, c, d) in self.offsets:
            text += f'      <laneOffset s="{s!r}" a="{a!r}" b="{b!r}" c="{c!r}" d="{d!r}"/>\n'
        for s, lanes, mark in self.sections:
            text += f'      <laneSection s="{s!r}">\n'
            for side, sign in (("left", 1), ("center", 0), ("right", -1)):
                rows = [lane.xml() for lane in sorted(lanes, key=lambda lane: -lane.id) if lane.id * sign > 0]
                if sign == 0:
                    rows = [
                        '          <lane id="0" type="none" level="false"><link/>'
                        f'<roadMark sOffset="0" type="{mark}"/></lane>'
                    ]
                if rows:
                    text += f"        <{side}>\n" + "\n".join(rows) + f"\n        </{side}>\n"
            text += "      </laneSection>\n"
        return text + "    </lanes>\n  </road>\n"


@dataclass
class Port:
    """A lane at the end of a road, as seen by who drives on it: the pose of its left border and its width."""

    road: int
    contact: str
    lane: int
    pose: Pose
    width: float


def to_road(road, contact):
    return f'elementType="road" elementId="{road}" contactPoint="{contact}"'


def to_junction(junction):
    return f'elementType="junction" elementId="{junction}"'


class Map:
    def __init__(self):
        self.roads = []
        self.junctions = []

    def street(self, id, line, links, kind="town", limit_kmh=50, predecessor_lanes=True):
        """A road with one lane each way; `links` are what its two ends connect to."""
        lanes = [Lane(1, flat(STREET_M)), Lane(-1, flat(STREET_M))]
        self.roads.append(
            Road(id, line, [(0.0, lanes, "broken")], kind, limit_kmh, predecessor=links[0], successor=links[1])
        )
        start, end = line.pieces[0][1], line.end
        return {
            "start in": Port(id, "start", 1, start.turned(math.pi), STREET_M),
            "start out": Port(id, "start", -1, start, STREET_M),
            "end in": Port(id, "end", -1, end, STREET_M),
            "end out": Port(id, "end", 1, end.turned(math.pi), STREET_M),
        }

    def junction(self, id, first_road, ways, limit_kmh=50):
        """Roads that lead from each first port to each second one, by the shape that is named."""
        connections = []
        for index, (source, target, shape) in enumerate(ways):
            road = first_road + index
            line = ReferenceLine(source.pose)
            goal = target.pose
            if shape == "line":
                line.line(math.hypot(goal.x - source.pose.x, goal.y - source.pose.y))
            elif shape == "arc":
                turn = math.remainder(goal.heading - source.pose.heading, 2 * math.pi)
                radius = math.hypot(goal.x - source.pose.x, goal.y - source.pose.y) / 2 / math.sin(abs(turn) / 2)
                line.arc(math.copysign(1 / radius, turn), abs(turn) * radius)
            else:
                line.curve_to(goal)
            gap = math.hypot(line.end.x - goal.x, line.end.y - goal.y)
            assert gap < 1e-9 and abs(math.remainder(line.end.heading - goal.heading, 2 * math.pi)) < 1e-9, (id, index, gap)
            width = ease(source.width, target.width, line.length)
            lane = Lane(-1, width, predecessor=source.lane, successor=target.lane, mark="none")
            self.roads.append(
                Road(
                    road,
                    line,
                    [(0.0, [lane], "none")],
                    "town",
                    limit_kmh,
                    id,
                    to_road(source.road, source.contact),
                    to_road(target.road, target.contact),
                )
            )
            connections.append((source.road, road, [(source.lane, -1)]))
        self.add_junction(id, connections)

    def add_junction(self, id, connections, direct=False):
        kind, attribute = ("direct", "linkedRoad") if direct else ("default", "connectingRoad")
        text = f'  <junction id="{id}" name="junction {id}" type="{kind}">\n'
        for index, (incoming, connecting, lanes) in enumerate(connections):
            links = "".join(f'<laneLink from="{a}" to="{b}"/>' for a, b in lanes)
            contact = "start"
            text += (
                f'    <connection id="{index}" incomingRoad="{incoming}" {attribute}="{connecting}" '
                f'contactPoint="{contact}">{links}</connection>\n'
            )
        self.junctions.append(text + "  </junction>\n")

    def xml(self):
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<OpenDRIVE>\n'
            '  <header revMajor="1" revMinor="7" name="town" version="1.00" '
            'north="230" south="-230" east="560" west="-560" vendor="Prospect"/>\n'
            + "".join(road.xml() for road in sorted(self.roads, key=lambda road: road.id))
            + "".join(self.junctions)
            + "</OpenDRIVE>\n"
        )


C, R_WEST, R_SOUTH, R_NORTH, WJ = 900, 901, 902, 903, 904
INTERCHANGES = ((0.0, 0, 910), (math.pi, 100, 920))
BELT_Y_M = 220.0
BELT_X_M = 320.0
RAMP_Y_M = 120.0


def build_streets(town):
    """The crossing and its four arms, the T-junction and the loop in the west."""
    # North and south arms, from the crossing outwards.
    arms = {}
    for name, angle, road, far in (("N", HALF_PI, 1, 911), ("S", -HALF_PI, 2, 921)):
        line = ReferenceLine(Pose(0, 0, angle).moved(ARM_M, 0)).line(RAMP_Y_M - 2 * ARM_M)
        arms[name] = town.street(road, line, (to_junction(C), to_junction(far)))
    # The west arm swerves by 6 m on its way to the T-junction.
    line = ReferenceLine(Pose(-ARM_M, 0, math.pi)).line(40).shift(6, 60).shift(-6, 50)
    line.line(200 - ARM_M - 165)
    arms["W"] = town.street(3, line, (to_junction(C), to_junction(WJ)))
    arms["E"] = build_east_arm(town)

    ways = []
    order = "ENWS"
    for index, name in enumerate(order):
        arm = arms[name]
        right, ahead, left = (arms[order[(index + turn) % 4]]["start out"] for turn in (1, 2, 3))
        ways.append((arm["start in"], right, "arc" if name != "E" and right is not arms["E"]["start out"] else "curve"))
        straight = "line" if name in "NS" else "curve"
        ways.append((arm["start in"], ahead, straight))
        ways.append((arm.get("pocket", arm["start in"]), left, "curve"))
    town.junction(C, 200, ways)

    # The loop in the west: square, with cubic corners.
    corner = Pose(-200, ARM_M, HALF_PI)
    line = ReferenceLine(corner).line(45)
    for angle in (HALF_PI,) * 4:
        at = line.end
        line.curve_to(at.moved(25, 25).turned(angle))
        line.line(50 if abs(math.sin(line.end.heading)) < 0.5 else (120 if len(line.pieces) < 6 else 45))
    town_loop = town.street(4, line, (to_junction(WJ), to_junction(WJ)), "lowSpeed", 30)
    east, north, south = arms["W"], town_loop, town_loop
    ways = [
        (east["end in"], north["start out"], "arc"),
        (east["end in"], south["end out"], "curve"),
        (north["start in"], east["end out"], "curve"),
        (north["start in"], south["end out"], "line"),
        (south["end in"], east["end out"], "arc"),
        (south["end in"], north["start out"], "line"),
    ]
    town.junction(WJ, 220, ways, 30)
    return arms


def build_east_arm(town):
    """From the crossing to the roundabout, with a pocket for left turns before the crossing."""
    start = Pose(ARM_M, 0, 0.0)
    line = ReferenceLine(start).line(200 - 34 - ARM_M)
    half = POCKET_M / 2
    sections = [
        (
            0.0,
            [
                Lane(2, flat(STREET_M), successor=2),
                Lane(1, flat(POCKET_M), successor=1, mark="solid"),
                Lane(-1, flat(STREET_M), successor=-1),
            ],
            "solid",
        ),
        (
            30.0,
            [
                Lane(2, flat(STREET_M), predecessor=2, successor=1),
                Lane(1, ease(POCKET_M, 0.0, 25.0), predecessor=1, mark="broken"),
                Lane(-1, flat(STREET_M), predecessor=-1, successor=-1),
            ],
            "solid",
        ),
        (55.0, [Lane(1, flat(STREET_M), predecessor=2), Lane(-1, flat(STREET_M), predecessor=-1)], "broken"),
    ]
    offsets = [(0.0, flat(-half)), (30.0, ease(-half, 0.0, 25.0)), (55.0, flat(0.0))]
    town.roads.append(
        Road(5, line, sections, "town", 50, predecessor=to_junction(C), successor=to_junction(R_WEST), offsets=offsets)
    )
    return {
        "start in": Port(5, "start", 2, start.moved(0, half).turned(math.pi), STREET_M),
        "pocket": Port(5, "start", 1, start.moved(0, -half).turned(math.pi), POCKET_M),
        "start out": Port(5, "start", -1, start.moved(0, -half), STREET_M),
        "end in": Port(5, "end", -1, line.end, STREET_M),
        "end out": Port(5, "end", 1, line.end.turned(math.pi), STREET_M),
    }


def build_roundabout(town, west):
    """A ring with three arms, of which north and south are the ends of the loop in the east."""
    centre = Pose(200, 0, 0.0)

    def corner_reach(radius, spiral):
        line = ReferenceLine(Pose(0, 0, 0)).bend(-HALF_PI, radius, spiral)
        return line.end.x

    reach = corner_reach(25.0, 15.0)
    line = ReferenceLine(Pose(200, 34, HALF_PI))
    for side in (100 - 34, 120, 200, 120, 100 - 34):
        corners = 1 if side == 100 - 34 else 2
        line.line(side - corners * reach)
        if len(line.pieces) < 17:
            line.bend(-HALF_PI, 25.0, 15.0)
    loop = town.street(6, line, (to_junction(R_NORTH), to_junction(R_SOUTH)))

    spread = math.radians(30)

    def ring(angle):
        return Pose(centre.x, centre.y, angle).moved(RING_RADIUS_M, 0).turned(HALF_PI)

    arms = (
        (R_WEST, math.pi, 230, west["end in"], west["end out"]),
        (R_SOUTH, 1.5 * math.pi, 240, loop["end in"], loop["end out"]),
        (R_NORTH, 2.5 * math.pi, 250, loop["start in"], loop["start out"]),
    )
    ports = {}
    for index, (junction, angle, _, _, _) in enumerate(arms):
        following = arms[(index + 1) % 3]
        begin, end = angle + spread, following[1] - spread + (2 * math.pi if index == 2 else 0.0)
        road = 10 + index
        line = ReferenceLine(ring(begin)).arc(1 / RING_RADIUS_M, (end - begin) * RING_RADIUS_M)
        lane = Lane(-1, flat(RING_M))
        town.roads.append(
            Road(road, line, [(0.0, [lane], "solid")], "lowSpeed", 30, predecessor=to_junction(junction), successor=to_junction(following[0]))
        )
        ports[junction, "out"] = Port(road, "start", -1, ring(begin), RING_M)
        ports[following[0], "in"] = Port(road, "end", -1, ring(end), RING_M)
    for junction, _, roads, arriving, leaving in arms:
        into, out = ports[junction, "in"], ports[junction, "out"]
        ways = [(into, out, "arc"), (into, leaving, "curve"), (arriving, out, "curve")]
        town.junction(junction, roads, ways, 30)


def ramp_line(start):
    """To the right, straight on, and back to the left, so far that it ends 92.5 m to the right."""
    angle, radius, spiral = math.radians(50), 60.0, 30.0
    curves = ReferenceLine(Pose(0, 0, 0)).bend(-angle, radius, spiral).bend(angle, radius, spiral)
    straight = (BELT_Y_M - 2 * BELT_M - RAMP_Y_M + curves.end.y) / math.sin(angle)
    return ReferenceLine(start).bend(-angle, radius, spiral).line(straight).bend(angle, radius, spiral)


def belt_lanes(*extra, **links):
    lanes = [Lane(-1, flat(BELT_M), mark="broken", **links), Lane(-2, flat(BELT_M), mark="solid")]
    lanes[1].predecessor = -2 if lanes[0].predecessor is not None else None
    lanes[1].successor = -2 if lanes[0].successor is not None else None
    if extra:
        lanes[1].mark = "broken"
    return lanes + list(extra)


def shoulder(**links):
    return Lane(-3, flat(SHOULDER_M), "shoulder", **links)


def build_interchange(town, street, rotation, base, junction):
    """Half of the beltway and its two ramps; the second half is the first one turned by half a circle.

    In the north roads cross the junctions where ramps leave and join; in the south the junctions are direct.
    """
    direct = base > 0
    leave, meet, join = junction, junction + 1, junction + 2
    ids = {name: base + 20 + index for index, name in enumerate(("before", "between", "after", "bend", "exit", "entry"))}
    gap = 0.0 if direct else 10.0

    def pose(x, y, heading=0.0):
        return Pose(x, y, heading).rotated(rotation)

    ramp_length_x = ramp_line(Pose(0, 0, 0)).end.x
    x_exit = -ARM_M - ramp_length_x
    lane3_y = BELT_Y_M - 2 * BELT_M
    exit_line = ramp_line(pose(x_exit, lane3_y))
    # The entry is the exit, driven from its mirror image: left up, straight, right.
    angle, radius, spiral = math.radians(50), 60.0, 30.0
    straight = exit_line.pieces[3][2]
    entry_line = ReferenceLine(pose(ARM_M, RAMP_Y_M)).bend(angle, radius, spiral).line(straight).bend(-angle, radius, spiral)
    one_lane = [(0.0, [Lane(-1, flat(STREET_M))], "solid")]

    split_x = x_exit - gap
    before = ReferenceLine(pose(-BELT_X_M, BELT_Y_M)).line(split_x + BELT_X_M)
    sections = [
        (0.0, belt_lanes(shoulder(), predecessor=-1, successor=-1), "solid"),
        (
            20.0,
            belt_lanes(Lane(-3, ease(0.0, STREET_M, 60.0), "exit", successor=-3), predecessor=-1, successor=-1),
            "solid",
        ),
        (
            80.0,
            belt_lanes(
                Lane(-3, flat(STREET_M), "exit", predecessor=-3, speed='<speed sOffset="0" max="80" unit="km/h"/>'),
                predecessor=-1,
            ),
            "solid",
        ),
    ]
    sections[0][1][2].successor = None
    other = (base + 100) % 200
    town.roads.append(
        Road(ids["before"], before, sections, "motorway", 100, predecessor=to_road(other + 23, "end"), successor=to_junction(leave))
    )
    town.roads.append(
        Road(ids["exit"], exit_line, one_lane, "motorway", 50, predecessor=to_junction(leave), successor=to_junction(meet))
    )
    between = ReferenceLine(pose(x_exit, BELT_Y_M)).line(-2 * x_exit)
    town.roads.append(
        Road(ids["between"], between, [(0.0, belt_lanes(), "solid")], "motorway", 100, predecessor=to_junction(leave), successor=to_junction(join))
    )
    town.roads.append(
        Road(ids["entry"], entry_line, one_lane, "motorway", 50, predecessor=to_junction(meet), successor=to_junction(join))
    )
    after = ReferenceLine(pose(-x_exit + gap, BELT_Y_M)).line(BELT_X_M + x_exit - gap)
    sections = [
        (0.0, belt_lanes(Lane(-3, flat(STREET_M), "entry", successor=-3), successor=-1), "solid"),
        (
            60.0,
            belt_lanes(Lane(-3, ease(STREET_M, 0.0, 60.0), "entry", predecessor=-3), predecessor=-1, successor=-1),
            "solid",
        ),
        (120.0, belt_lanes(shoulder(), predecessor=-1, successor=-1), "solid"),
    ]
    town.roads.append(
        Road(ids["after"], after, sections, "motorway", 100, predecessor=to_junction(join), successor=to_road(ids["bend"], "start"))
    )
    # A half circle with spirals whose ends lie 440 m apart.
    low, high = 100.0, 300.0
    for _ in range(80):
        middle = (low + high) / 2
        wide = ReferenceLine(Pose(0, 0, 0)).bend(-math.pi, middle, 60.0).end.y
        low, high = (middle, high) if -wide < 2 * BELT_Y_M else (low, middle)
    bend = ReferenceLine(pose(BELT_X_M, BELT_Y_M)).bend(-math.pi, middle, 60.0)
    town.roads.append(
        Road(
            ids["bend"],
            bend,
            [(0.0, belt_lanes(shoulder(predecessor=-3, successor=-3), predecessor=-1, successor=-1), "solid")],
            "motorway",
            80,
            predecessor=to_road(ids["after"], "end"),
            successor=to_road(other + 20, "start"),
        )
    )

    def belt_port(road, contact, lane, x):
        return Port(ids[road], contact, lane, pose(x, BELT_Y_M - (-lane - 1) * BELT_M), STREET_M if lane == -3 else BELT_M)

    exit_start = Port(ids["exit"], "start", -1, exit_line.pieces[0][1], STREET_M)
    exit_end = Port(ids["exit"], "end", -1, exit_line.end, STREET_M)
    entry_start = Port(ids["entry"], "start", -1, entry_line.pieces[0][1], STREET_M)
    entry_end = Port(ids["entry"], "end", -1, entry_line.end, STREET_M)
    if direct:
        both = [(-1, -1), (-2, -2)]
        town.add_junction(leave, [(ids["before"], ids["between"], both), (ids["before"], ids["exit"], [(-3, -1)])], True)
        town.add_junction(join, [(ids["between"], ids["after"], both), (ids["entry"], ids["after"], [(-1, -3)])], True)
    else:
        belt_junction(town, leave, 260, "before", "between", ids, split_x, pose, (belt_port("before", "end", -3, split_x), exit_start))
        belt_junction(town, join, 270, "between", "after", ids, -x_exit, pose, (entry_end, belt_port("after", "start", -3, -x_exit + gap)))
    ways = [
        (exit_end, street["end out"], "arc"),
        (exit_end, entry_start, "line"),
        (street["end in"], entry_start, "arc"),
    ]
    town.junction(meet, 280 + base // 10, ways)


def belt_junction(town, id, first_road, source, target, ids, x, pose, ramp):
    """Both belt lanes straight on in one road, and the ramp in another."""
    line = ReferenceLine(pose(x, BELT_Y_M)).line(10.0)
    lanes = belt_lanes(predecessor=-1, successor=-1)
    town.roads.append(
        Road(first_road, line, [(0.0, lanes, "solid")], "motorway", 100, id, to_road(ids[source], "end"), to_road(ids[target], "start"))
    )
    source_port, target_port = ramp
    line = ReferenceLine(source_port.pose).line(10.0)
    lane = Lane(-1, flat(STREET_M), predecessor=source_port.lane, successor=target_port.lane)
    town.roads.append(
        Road(first_road + 1, line, [(0.0, [lane], "solid")], "motorway", 80, id,
             to_road(source_port.road, "end"), to_road(target_port.road, "start"))
    )
    town.add_junction(
        id,
        [(ids[source], first_road, [(-1, -1), (-2, -2)]), (source_port.road, first_road + 1, [(source_port.lane, -1)])],
    )


def main():
    town = Map()
    arms = build_streets(town)
    build_roundabout(town, arms["E"])
    for (rotation, base, junction), name in zip(INTERCHANGES, "NS"):
        build_interchange(town, arms[name], rotation, base, junction)
    with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as file:
        file.write(town.xml())


if __name__ == "__main__":
    main()
