"""The torch that golden data is recorded from, for the recorders beside this file."""

import json
import pathlib
import subprocess
import sys

VERSION = "2.11.0"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def ensure_torch(script):
    """Re-runs `script`, the caller's file, in a virtual environment with the pinned torch unless it is already there."""
    try:
        import torch

        if torch.__version__.split("+")[0] == VERSION:
            return
    except ImportError:
        pass
    venv = ROOT / "target" / f"torch-{VERSION}"
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", f"torch=={VERSION}", "numpy"], check=True)
    sys.exit(subprocess.run([str(python), script, *sys.argv[1:]]).returncode)


def differ(ours, theirs):
    """Whether two values of JSON differ by more than what kernels of other processors round otherwise."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() != theirs.keys() or any(differ(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) != len(theirs) or any(map(differ, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) > 1e-5 * max(1.0, abs(theirs))
    return ours != theirs


def write_or_check(golden, text):
    """Writes the file `golden`; with `--check` compares with what is there instead."""
    if "--check" in sys.argv:
        if differ(json.loads(text), json.loads(golden.read_text())):
            sys.exit(f"{golden} differs from what torch does here")
        print(f"{golden}: the same")
        return
    golden.parent.mkdir(parents=True, exist_ok=True)
    golden.write_text(text)
    print(f"wrote {golden} ({len(text)} bytes)")
