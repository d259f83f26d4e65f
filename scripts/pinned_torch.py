"""The torch that golden data is recorded from, for the recorders beside this file."""

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


def write_or_check(golden, text):
    """Writes the file `golden`; with `--check` compares with what is there instead."""
    if "--check" in sys.argv:
        sys.exit(0 if golden.read_text() == text else f"{golden} differs from what torch does here")
    golden.parent.mkdir(parents=True, exist_ok=True)
    golden.write_text(text)
    print(f"wrote {golden} ({len(text)} bytes)")
