"""Record the lanes of the example map as another OpenDRIVE reader sees them.

Writes `tests/golden/driving/town_lanes.json`; the tests of `prospect-envs` compare their own lanes with it.

Versions the checked-in data was made with: pyxodr 0.1.3, shapely 2.2.0, numpy 2.4.6, scipy 1.17.1, lxml 6.1.3, Python 3.11.

    python -m venv v && v/bin/pip install pyxodr==0.1.3 shapely==2.2.0
    v/bin/python scripts/record_opendrive_golden.py

The file holds `{"spacing_m": s, "lanes": [...]}` with, per driving lane, `road`, `section` and `id` as the map names them;
`points`, `[n, 2]`: 25 points of its centre line in the direction of travel, ends included; and `successors`: where traffic
may go on, as triples (road, section, id). pyxodr samples reference lines every `spacing_m` and shifts the samples along the
normals of the polygon between them, so that its points are exact across the lane to about a tenth of a millimetre here, but
along it only to a millimetre or two where roads bend.
"""

import json
import pathlib

import numpy as np
from pyxodr.road_objects.network import RoadNetwork

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPACING_M = 0.01
POINTS = 25


def main():
    network = RoadNetwork(str(ROOT / "assets/maps/town.xodr"), SPACING_M, ignored_lane_types={"none", "shoulder"})
    lanes = []
    for road in network.get_roads():
        for section in road.lane_sections:
            for lane in section.lanes:
                line = np.asarray(lane.traffic_flow_line)[:, :2]
                rows = np.linspace(0, len(line) - 1, POINTS).round().astype(int)
                successors = sorted([int(n.road_id), n.lane_section_id, n.id] for n in lane.traffic_flow_successors)
                lanes.append({
                    "road": int(road.id),
                    "section": section.lane_section_ordinal,
                    "id": lane.id,
                    "points": line[rows].round(6).tolist(),
                    "successors": successors,
                })
    path = ROOT / "tests/golden/driving/town_lanes.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(lane, separators=(",", ":")) for lane in lanes)
    path.write_text(f'{{"spacing_m":{SPACING_M},"lanes":[\n{rows}\n]}}\n')
    print(f"{len(lanes)} lanes, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
