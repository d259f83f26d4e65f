#!/usr/bin/env python3
"""Reads event files written by Prospect with the `tensorboard` package, and records the golden bytes of its writer.

Usage:
    python3 scripts/check_tensorboard.py RUN_FOLDER    every scalar of metrics.csv must be in the event file, to f32
    python3 scripts/check_tensorboard.py --golden      prints the bytes that `agents/src/recorder/tensorboard.rs` expects

Makes its own virtual environment with tensorboard 2.20.0 under `target/` unless it runs where that package is installed.
"""

import csv
import io
import pathlib
import struct
import subprocess
import sys

VERSION = "2.20.0"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def ensure_tensorboard():
    """Re-runs this script in a virtual environment with the pinned package unless it is already there."""
    try:
        import tensorboard  # noqa: F401

        return
    except ImportError:
        pass
    venv = ROOT / "target" / f"tensorboard-{VERSION}"
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", f"tensorboard=={VERSION}", "setuptools<81"], check=True)
    sys.exit(subprocess.run([str(python), __file__, *sys.argv[1:]]).returncode)


ensure_tensorboard()

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from tensorboard.compat.proto.event_pb2 import Event  # noqa: E402
from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: E402
from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: E402


def golden():
    """The version event and one with two scalars, as the package writes them."""
    out = io.BytesIO()
    writer = RecordWriter(out)
    writer.write(Event(wall_time=12.5, file_version="brain.Event:2").SerializeToString())
    scalars = [Summary.Value(tag="charts/SPS", simple_value=1.5), Summary.Value(tag="x", simple_value=-2.0)]
    writer.write(Event(wall_time=12.5, step=300, summary=Summary(value=scalars)).SerializeToString())
    return out.getvalue().hex()


def f32(text):
    return struct.unpack("f", struct.pack("f", float(text)))[0]


def check(folder):
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    with open(folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    compared = 0
    for tag in rows[0].keys() - {"step"}:
        want = {int(row["step"]): f32(row[tag]) for row in rows if row[tag]}
        have = {event.step: event.value for event in events.Scalars(tag)} if want else {}
        assert have == want, f"{tag}: {have} in the event file, {want} in metrics.csv"
        compared += len(want)
    print(f"{compared} scalars of {len(rows)} rows agree")


if __name__ == "__main__":
    if sys.argv[1:] == ["--golden"]:
        print(golden())
    elif len(sys.argv) == 2:
        check(pathlib.Path(sys.argv[1]))
    else:
        sys.exit(__doc__)
