"""What the benches against Python packages share: options, a virtual environment for the packages, children that answer in JSON."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent


def python_with(given, name, packages):
    """An interpreter that can import `packages`: the given one, or one of the user's cache, made when first asked for."""
    if given:
        return given
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    folder = cache / "prospect" / name
    python = folder / "bin" / "python"
    ready, wanted = folder / "ready", " ".join(packages)
    if not ready.exists() or ready.read_text() != wanted:
        print(f"installing {wanted} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.write_text(wanted)
    return python


def child(command):
    """What a child prints last, from its first brace on, as JSON. One thread each: the machine may be shared."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout[done.stdout.index("{"):])


def built_prospect():
    """Where `make build` leaves the binary."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/prospect"


def options(doc, seconds, needs):
    """The options that every bench has; `needs` names what an interpreter given by hand must have."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--prospect", type=pathlib.Path, default=built_prospect())
    parser.add_argument("--python", help=f"an interpreter that has {needs}")
    parser.add_argument("--out", type=pathlib.Path)
    return parser


def check_built(path):
    """Ends with a remedy if there is no binary."""
    if not path.exists():
        sys.exit(f"{path} does not exist: run `make build` first, or name the binary with --prospect")
