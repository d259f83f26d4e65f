#!/usr/bin/env python3
"""Provide libtorch for this checkout: fetch once into the user's cache, link it, tell cargo where it is.

    python3 scripts/libtorch.py            # what the CPU build needs (about 545 MB of download)
    python3 scripts/libtorch.py --cuda     # and the CUDA libraries, which `prospect` opens at start if they are there

Needs Python 3.8 or later and pip, nothing else. What it does, in order:

1. Looks at what is there: `LIBTORCH` in the environment (used as it is, never changed), then the cache
   (`${XDG_CACHE_HOME:-~/.cache}/prospect/libtorch-VERSION`). If that is whole, only the last step is left to do.
2. Downloads the wheels with `pip download` (which checks the index's hashes). A wheel that has arrived is kept, so a
   second try after a broken connection goes on with the next one.
3. Unpacks what is needed into a temporary folder, checking each file against the sha256 in its wheel's RECORD, and
   renames the folder into place: an interrupted run leaves nothing half done.
4. Links the result as `.libtorch` and writes `.cargo/libtorch.toml` (both git-ignored), which `.cargo/config.toml`
   includes: `LIBTORCH` for torch-sys and the run path for everything that cargo links here.

Any Python's wheel serves, because only the C++ libraries and headers in it are used.
"""

import argparse
import base64
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

VERSION = "2.11.0"
TORCH = f"torch=={VERSION}"
# libtorch_cpu.so of this wheel names these two among its needed libraries, though a CPU run never calls them.
RUNTIME = ["nvidia-cuda-runtime==13.0.*", "nvidia-cuda-cupti==13.0.*"]
RUNTIME_LIBRARIES = re.compile(r"nvidia/.*/lib(cudart|cupti)\.so[.0-9]*$")
CPU_LIBRARIES = {"libtorch_cpu.so", "libtorch.so", "libc10.so", "libgomp.so.1", "libtorch_global_deps.so"}
# Of no use outside Python.
PYTHON_LIBRARIES = {"libtorch_python.so", "libshm.so"}
FALLBACK_PYTHON = "3.12"
CHECKOUT = Path(__file__).resolve().parent.parent


class Failure(Exception):
    """What went wrong and what to do about it, for the user."""


def say(text):
    print(f"libtorch: {text}", flush=True)


def megabytes(size):
    return f"{size / 1e6:,.0f} MB"


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "prospect"


# ---------------------------------------------------------------- what is there


def version_of(torch):
    """The version of a libtorch folder (the one that holds lib/ and include/), or None if it is not one."""
    if not any((torch / "lib" / name).exists() for name in ("libtorch_cpu.so", "libtorch_cpu.dylib")):
        return None
    marker = torch / "build-version"
    if marker.exists():
        return marker.read_text().strip()
    for header in ("include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"):
        path = torch / header
        found = path.exists() and re.search(r'#define TORCH_VERSION "([^"]+)"', path.read_text())
        if found:
            return found.group(1)
    return "unknown"


def whole(root, cuda):
    """Whether `root` holds everything that its manifest lists, and the CUDA libraries if they are asked for."""
    manifest = root / "manifest.json"
    if not manifest.exists():
        return False
    listed = json.loads(manifest.read_text())
    if cuda and not listed["cuda"]:
        return False
    for name, size in listed["libraries"].items():
        path = root / name
        if not path.exists() or path.stat().st_size != size:
            say(f"{path} is missing or has the wrong size: unpacking again")
            return False
    return True


@contextlib.contextmanager
def locked(cache):
    """Only one run at a time fills the cache: another checkout's waits, then finds the work done."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "libtorch.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is filling the cache: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ---------------------------------------------------------------- download


def pip_command(cache):
    """A command that runs pip: this Python's, or one of a small virtual environment made for the purpose."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return [sys.executable, "-m", "pip"]
    venv = cache / "pip"
    python = venv / "bin" / "python"
    if not python.exists():
        say(f"{sys.executable} has no pip: making a virtual environment in {venv}")
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True)
        if made.returncode != 0:
            shutil.rmtree(venv, ignore_errors=True)
            raise Failure(
                f"{sys.executable} has neither pip nor venv; install one of them (Debian, Ubuntu: "
                "`apt install python3-pip` or `python3-venv`) and run this again"
            )
    return [str(python), "-m", "pip"]


def download(pip, requirements, folder, wheels, with_dependencies=False):
    """Fetch each requirement's wheel into `folder`, from the package index or from a folder of wheels."""
    command = [*pip, "download", "--disable-pip-version-check", "--only-binary=:all:", "--dest", str(folder)]
    if wheels:
        command += ["--no-index", "--find-links", str(wheels)]
    if not with_dependencies:
        command.append("--no-deps")
    for attempt in range(3):
        done = subprocess.run([*command, *requirements], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            return
        if "No matching distribution" in done.stderr and "--python-version" not in command and not with_dependencies:
            say(f"no wheel for this Python: taking the one for {FALLBACK_PYTHON}")
            command += ["--python-version", FALLBACK_PYTHON]
            continue
        say(f"pip failed (attempt {attempt + 1} of 3):\n{done.stderr.strip()}")
        if wheels or "No matching distribution" in done.stderr:
            break
        time.sleep(2)
    raise Failure(f"could not download {' '.join(requirements)}; run this again to go on from here")


def cuda_requirements(torch_wheel):
    """The CUDA packages that the torch wheel's own metadata asks for, less what only Python uses."""
    with zipfile.ZipFile(torch_wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    lines = re.findall(r"^Requires-Dist: ([^;\n]+)", metadata, re.M)
    return [line.strip() for line in lines if line.startswith(("nvidia-", "cuda-toolkit"))]


def fetch(cache, wheels, cuda):
    """Download what is missing and return the wheels, torch's first."""
    folder = cache / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    pip = pip_command(cache)
    began = time.monotonic()
    for requirement in [TORCH, *RUNTIME]:
        say(f"downloading {requirement} (kept in {folder} until all is unpacked)")
        download(pip, [requirement], folder, wheels)
    torch = sorted(folder.glob(f"torch-{VERSION}-*.whl"))
    if not torch:
        raise Failure(f"pip downloaded no torch {VERSION} wheel into {folder}")
    if cuda:
        needed = cuda_requirements(torch[0])
        say(f"downloading the CUDA libraries (about 2 GB): {', '.join(needed)}")
        download(pip, needed, folder, wheels, with_dependencies=True)
    found = [torch[0], *sorted(folder.glob("nvidia_*.whl"))]
    total = sum(wheel.stat().st_size for wheel in found)
    say(f"{len(found)} wheels, {megabytes(total)}, in {time.monotonic() - began:.0f} s")
    return found


# ---------------------------------------------------------------- unpack


def destination(name, cuda):
    """Where a wheel's file goes below the libtorch folder, or None if it is not needed.

    The libraries that need CUDA lie in `torch/cuda`, apart from `torch/lib`: torch-sys links whatever CUDA library it
    sees in `lib`, and then the binary would not start without one. Their run path (`$ORIGIN/../../nvidia/...`) holds
    from both places.
    """
    if name.startswith("torch/include/"):
        return name
    if name.startswith("torch/lib/"):
        library = name.rsplit("/", 1)[1]
        if name.count("/") == 2 and library in CPU_LIBRARIES:
            return name
        if cuda and name.count("/") == 2 and ".so" in library and library not in PYTHON_LIBRARIES:
            return f"torch/cuda/{library}"
        return None
    if RUNTIME_LIBRARIES.match(name) or (cuda and name.startswith("nvidia/") and ".so" in name):
        return name
    return None


def unpack(wheel, root, cuda, libraries):
    """Unpack the needed files of `wheel` below `root`; each must have the sha256 that the wheel's RECORD states."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith(".dist-info/RECORD"))
        stated = {}
        for line in archive.read(record).decode().splitlines():
            path, digest, _ = line.rsplit(",", 2)
            stated[path.strip('"')] = digest
        for name in names:
            target = None if name.endswith("/") else destination(name, cuda)
            if target is None:
                continue
            path = root / target
            path.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with archive.open(name) as source, open(path, "wb") as out:
                while block := source.read(1 << 20):
                    digest.update(block)
                    out.write(block)
            found = "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
            if stated.get(name) != found:
                raise Failure(f"{name} in {wheel} does not match its RECORD: delete the wheel and run this again")
            if ".so" in path.name:
                path.chmod(0o755)
                libraries[target] = path.stat().st_size


def install(root, wheels, cuda):
    """Unpack the wheels beside `root`, then put the result in its place."""
    began = time.monotonic()
    say(f"unpacking into {root}")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{root.name}.", dir=root.parent) as scratch:
        new = Path(scratch) / "new"
        libraries = {}
        for wheel in wheels:
            try:
                unpack(wheel, new, cuda, libraries)
            except zipfile.BadZipFile as error:
                raise Failure(f"{wheel} is damaged ({error}): delete it and run this again") from error
        missing = [name for name in ("libtorch_cpu.so", "libc10.so") if f"torch/lib/{name}" not in libraries]
        if missing:
            raise Failure(f"the wheels {[w.name for w in wheels]} hold no {', '.join(missing)}")
        (new / "torch" / "build-version").write_text(f"{VERSION}\n")
        manifest = {"cuda": cuda, "wheels": [wheel.name for wheel in wheels], "libraries": libraries}
        (new / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        if root.exists():
            root.rename(Path(scratch) / "old")
        new.rename(root)
    size = sum(libraries.values())
    say(f"unpacked {len(libraries)} libraries ({megabytes(size)}) and the headers in {time.monotonic() - began:.0f} s")


# ---------------------------------------------------------------- tell cargo


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        scratch.write_text(text)
        scratch.replace(path)


def link(torch):
    """Link `torch` as `.libtorch` and write the part of cargo's configuration that names it."""
    place = CHECKOUT / ".libtorch"
    if place.is_symlink() or not place.exists():
        if not place.is_symlink() or os.readlink(place) != str(torch):
            scratch = CHECKOUT / f".libtorch.{os.getpid()}"
            scratch.symlink_to(torch)
            scratch.replace(place)
    else:
        raise Failure(f"{place} is there and is no link; move it away or set LIBTORCH to it, and run this again")
    flags = ["-Clink-arg=-Wl,--allow-shlib-undefined", f"-Clink-arg=-Wl,-rpath,{torch}/lib"]
    if re.search(r"[\s,]", str(torch)):
        raise Failure(f"the path {torch} has a space or a comma, which linkers refuse; set XDG_CACHE_HOME to another")
    # Absolute paths into the cache: a built target folder then serves any checkout, and a binary may be moved.
    text = (
        "# Written by scripts/libtorch.py; included by config.toml.\n"
        f"[env]\nLIBTORCH = {json.dumps(str(torch))}\n\n"
        f"[target.'cfg(unix)']\nrustflags = {json.dumps(flags)}\n\n"
        f"[build]\nrustdocflags = {json.dumps(flags)}\n"
    )
    write_if_changed(CHECKOUT / ".cargo" / "libtorch.toml", text)


def provide(arguments):
    given = os.environ.get("LIBTORCH")
    if given:
        torch = Path(given).absolute()
        version = version_of(torch)
        if version is None:
            raise Failure(f"LIBTORCH={given} holds no lib/libtorch_cpu.so; unset it or correct it")
        if version.split("+")[0] != VERSION:
            raise Failure(f"LIBTORCH={given} is version {version}, but {VERSION} is needed; unset it to have one fetched")
        link(torch)
        say(f"{version} in {torch} (from LIBTORCH)")
        return
    cache = cache_folder()
    root = cache / f"libtorch-{VERSION}"
    with locked(cache):
        if not whole(root, arguments.cuda):
            say(f"{VERSION} is not in {root}: fetching it (about 545 MB, a few minutes)")
            wheels = fetch(cache, arguments.wheels, arguments.cuda)
            install(root, wheels, arguments.cuda)
            if not arguments.keep_wheels:
                shutil.rmtree(cache / "wheels")
    link(root / "torch")
    cuda = json.loads((root / "manifest.json").read_text())["cuda"]
    say(f"{VERSION} ({'with' if cuda else 'without'} CUDA) in {root}, linked as .libtorch")


def main():
    parser = argparse.ArgumentParser(description="Provide libtorch for this checkout.")
    parser.add_argument("--cuda", action="store_true", help="fetch the CUDA libraries too (about 2 GB more)")
    parser.add_argument("--wheels", type=Path, help="take the wheels from this folder, not from the package index")
    parser.add_argument("--keep-wheels", action="store_true", help="leave the wheels in the cache after unpacking")
    try:
        provide(parser.parse_args())
    except Failure as failure:
        sys.exit(f"libtorch: {failure}")
    except OSError as error:
        sys.exit(f"libtorch: {error}; free space or mend permissions there, then run this again to go on")
    except KeyboardInterrupt:
        sys.exit("libtorch: interrupted; run this again to go on")


if __name__ == "__main__":
    main()
