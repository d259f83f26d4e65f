#!/usr/bin/env python3
"""Records what numpy's random streams do, for `sim/src/random` to match bit for bit.

Writes two files:

* `tests/golden/random/numpy_2_4_6.json`: programs of draws with their results and final generator states, replayed by
  `sim/tests/random_golden.rs`;
* `sim/src/random/ziggurat_tables.rs`: the six 256-entry ziggurat tables (normal and exponential), measured through
  numpy's public interface. The published recurrence does not reproduce numpy's normal table to the last bit, hence the
  measurement. `Philox` lets its four buffered outputs be set, so any sequence of raw draws can be fed to a sampler.

Usage: `python3 scripts/record_random_golden.py [--check]`. Needs Python >= 3.11; makes its own virtual environment with
numpy 2.4.6 under `target/`. `--check` compares with the files in the tree instead of writing them.

The golden file is {"numpy": version, "cases": [case]}. A case has either "entropy" (u32 words) and "spawn_key", or
"spawned" (children of the preceding keys); "ops" is a list of [name, args, result]; "state" is [state, inc] in hex and
the buffered half-word (or null). Floats are the hex of their IEEE bits; "digest" results are FNV-1a 64 over the
little-endian bytes of every draw.
"""

import json
import math
import os
import pathlib
import struct
import subprocess
import sys

NUMPY_VERSION = "2.4.6"
ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden/random/numpy_2_4_6.json"
TABLES = ROOT / "sim/src/random/ziggurat_tables.rs"


def ensure_numpy():
    """Re-runs this script in a virtual environment with the pinned numpy unless it is already there."""
    try:
        import numpy
        if numpy.__version__ == NUMPY_VERSION:
            return
    except ImportError:
        pass
    venv = ROOT / f"target/venv-numpy-{NUMPY_VERSION}"
    python = venv / "bin/python"
    if pathlib.Path(sys.prefix) == venv:
        sys.exit(f"numpy {NUMPY_VERSION} is not usable in {venv}; delete it and run again")
    if not python.exists():
        subprocess.check_call([sys.executable, "-m", "venv", str(venv)])
    subprocess.check_call([python, "-m", "pip", "install", "-q", f"numpy=={NUMPY_VERSION}"])
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


def bits64(x):
    return f"{struct.unpack('<Q', struct.pack('<d', x))[0]:016x}"


def bits32(x):
    return f"{struct.unpack('<I', struct.pack('<f', x))[0]:08x}"


def fnv1a64(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


# ---------------------------------------------------------------- ziggurat tables


class RawFeed:
    """A numpy Generator whose next four raw 64-bit draws are chosen by the caller."""

    def __init__(self):
        import numpy as np
        self.np = np
        self.bits = np.random.Philox(0)
        self.rng = np.random.Generator(self.bits)
        self.state = self.bits.state

    def draw(self, method, raw):
        """Returns the sample and the number of raw draws it consumed (at most 4)."""
        self.state["buffer"] = self.np.array(raw + [0] * (4 - len(raw)), dtype=self.np.uint64)
        self.state["buffer_pos"] = 0
        self.bits.state = self.state
        value = getattr(self.rng, method)()
        return float(value), self.bits.state["buffer_pos"]


class Sampler:
    """How one ziggurat sampler splits a raw draw: [mantissa | padding | 8-bit layer | low bits]."""

    def __init__(self, feed, method, mantissa_bits, density):
        self.feed, self.method, self.mantissa_bits, self.density = feed, method, mantissa_bits, density

    def raw(self, layer, mantissa):
        if self.method == "standard_normal":
            return layer | (mantissa << 9)
        return (layer << 3) | (mantissa << 11)

    def draw(self, layer, mantissa, k=0):
        """Sample with wedge uniform k*2^-53, then a draw that ends a rejected wedge and the normal's tail alike."""
        last = self.raw(255, 1 << 50)
        return self.feed.draw(self.method, [self.raw(layer, mantissa), k << 11, last, last])

    def width(self, layer):
        """Scale of the layer: sample / mantissa, exact because the mantissa is a power of two."""
        half = 1 << (self.mantissa_bits - 1)
        value, _ = self.draw(layer, half)
        return value / half

    def cutoff(self, layer):
        """Smallest mantissa that needs more than one raw draw."""
        low, high = 0, 1 << self.mantissa_bits
        while low < high:
            mid = (low + high) // 2
            if self.draw(layer, mid)[1] == 1:
                low = mid + 1
            else:
                high = mid
        assert low < 1 << self.mantissa_bits, (self.method, layer)
        return low

    def wedge_threshold(self, layer, mantissa):
        """Smallest k for which the wedge of `layer` is rejected at this mantissa."""
        low, high = 0, 1 << 53
        while low < high:
            mid = (low + high) // 2
            if self.draw(layer, mantissa, mid)[1] == 2:
                low = mid + 1
            else:
                high = mid
        return low

    def predicts(self, f_above, f, bound, threshold):
        """Whether density value `f` at this layer explains the measured wedge threshold."""
        def accepted(k):
            return (f_above - f) * (k * 2.0**-53) + f < bound
        below = threshold == 0 or accepted(threshold - 1)
        return below and (threshold == 1 << 53 or not accepted(threshold))

    def height(self, layer, width, cutoff, f_above):
        """Density value stored for the layer: the only double near the density that explains six thresholds."""
        full = 1 << self.mantissa_bits
        guess = self.density(width * full)
        candidates = [guess]
        for toward in (math.inf, -math.inf):
            f = guess
            for _ in range(64):
                f = math.nextafter(f, toward)
                candidates.append(f)
        for step in range(1, 7):
            mantissa = cutoff + (full - cutoff) * step // 7
            bound = self.density(mantissa * width)
            threshold = self.wedge_threshold(layer, mantissa)
            candidates = [f for f in candidates if self.predicts(f_above, f, bound, threshold)]
        assert len(candidates) == 1, (self.method, layer, candidates)
        return candidates[0]

    def tables(self):
        widths = [self.width(layer) for layer in range(256)]
        cutoffs = [self.cutoff(layer) for layer in range(256)]
        heights = [1.0]
        for layer in range(1, 256):
            heights.append(self.height(layer, widths[layer], cutoffs[layer], heights[-1]))
        return cutoffs, widths, heights


def rust_table(name, doc, words):
    rows = [", ".join(f"0x{w:016x}" for w in words[i:i + 4]) for i in range(0, 256, 4)]
    body = "".join(f"    {row},\n" for row in rows)
    return f"/// {doc}\n#[rustfmt::skip]\npub(super) static {name}: [u64; 256] = [\n{body}];\n"


def record_tables():
    feed = RawFeed()
    out = ["//! Ziggurat tables of numpy's samplers, as bit patterns.\n"
           f"//! Measured from numpy {NUMPY_VERSION} by `scripts/record_random_golden.py`; do not edit.\n\n"
           "#![expect(clippy::unreadable_literal, reason = \"measured bit patterns\")]\n"]
    samplers = (
        ("NORMAL", Sampler(feed, "standard_normal", 52, lambda x: math.exp(-0.5 * x * x))),
        ("EXPONENTIAL", Sampler(feed, "standard_exponential", 53, lambda x: math.exp(-x))),
    )
    for name, sampler in samplers:
        cutoffs, widths, heights = sampler.tables()
        kind = name.lower()
        as_bits = [[int(bits64(x), 16) for x in table] for table in (widths, heights)]
        out.append(rust_table(f"{name}_CUTOFF", f"Per layer of the {kind}: mantissas below this are accepted at once.", cutoffs))
        out.append(rust_table(f"{name}_WIDTH", f"Per layer of the {kind}: f64 bits of sample / mantissa.", as_bits[0]))
        out.append(rust_table(f"{name}_HEIGHT", f"Per layer of the {kind}: f64 bits of the density at its outer edge.", as_bits[1]))
    return "\n".join(out)


# ---------------------------------------------------------------- golden programs


def run_op(np, g, op, args):
    """Performs one draw on Generator `g` and returns its JSON result."""
    if op == "u64":
        return [f"{int(x):016x}" for x in np.atleast_1d(g.bit_generator.random_raw(args[0]))]
    if op == "integers":
        low, high, n = args
        return [int(g.integers(low, high)) for _ in range(n)]
    if op == "integers_inclusive":
        low, high, n = args
        return [int(g.integers(low, high, endpoint=True)) for _ in range(n)]
    if op == "integers_array":
        low, high, n = args
        return g.integers(low, high, n).tolist()
    if op == "choice":
        return [int(g.choice(args[0])) for _ in range(args[1])]
    if op == "choice_p":
        return [int(g.choice(len(args[0]), p=args[0])) for _ in range(args[1])]
    if op == "choice_without_replacement":
        return g.choice(args[0], args[1], replace=False).tolist()
    if op == "choice_without_replacement_digest":
        return f"{fnv1a64(g.choice(args[0], args[1], replace=False).astype('<u8').tobytes()):016x}"
    if op == "choice_p_without_replacement":
        return g.choice(len(args[0]), args[1], replace=False, p=args[0]).tolist()
    if op == "shuffle":
        items = list(range(args[0]))
        g.shuffle(items)
        return items
    if op == "shuffle_array":
        items = np.arange(args[0])
        g.shuffle(items)
        return items.tolist()
    if op == "permutation":
        return g.permutation(args[0]).tolist()
    if op == "random":
        return [bits64(g.random()) for _ in range(args[0])]
    if op == "random_array":
        return [bits64(x) for x in g.random(args[0])]
    if op == "random_f32":
        return [bits32(g.random(dtype=np.float32)) for _ in range(args[0])]
    if op == "uniform":
        return [bits64(g.uniform(args[0], args[1])) for _ in range(args[2])]
    if op == "uniform_array":
        return [bits64(x) for x in g.uniform(args[0], args[1], args[2])]
    if op == "standard_normal":
        return [bits64(g.standard_normal()) for _ in range(args[0])]
    if op == "standard_normal_array":
        return [bits64(x) for x in g.standard_normal(args[0])]
    if op == "normal":
        return [bits64(g.normal(args[0], args[1])) for _ in range(args[2])]
    if op == "standard_exponential":
        return [bits64(g.standard_exponential()) for _ in range(args[0])]
    if op == "advance":
        g.bit_generator.advance(int(args[0]))
        return None
    if op.endswith("_digest"):
        draws = getattr(g, op.removesuffix("_digest"))(args[0])
        return f"{fnv1a64(draws.astype('<f8').tobytes()):016x}"
    raise ValueError(op)


def half_word(state):
    return state["uinteger"] if state["has_uint32"] else None


def record_case(np, sequence, source, ops):
    g = np.random.Generator(np.random.PCG64(sequence))
    case = dict(source)
    case["words32"] = sequence.generate_state(7).tolist()
    case["words64"] = [f"{int(w):016x}" for w in sequence.generate_state(5, np.uint64)]
    case["ops"] = [[op, args, run_op(np, g, op, args)] for op, args in ops]
    state = g.bit_generator.state
    case["state"] = [f"{state['state']['state']:032x}", f"{state['state']['inc']:032x}", half_word(state)]
    return case


def words(seed):
    out = [seed & 0xFFFFFFFF]
    while seed := seed >> 32:
        out.append(seed & 0xFFFFFFFF)
    return out


SEEDS = [0, 1, 2, 42, 12345, 2**31 - 1, 2**32 - 1, 2**32, 2**40 + 3, 2**63 + 11, 2**64 - 1, 2**96 + 5, 2**128 - 1]
RANGES = [(0, 1), (5, 6), (0, 2), (0, 6), (-3, 4), (1, 17), (0, 1000), (0, 2**31), (0, 2**31 + 1), (-5, 2**32 - 7),
          (0, 2**32 - 1), (0, 2**32), (0, 2**32 + 1), (-(2**40), 2**41), (0, 2**62 + 1), (-(2**63), 2**63 - 1)]
INCLUSIVE = [(7, 7), (0, 5), (0, 2**32 - 1), (-1, 2**32 - 1), (-(2**63), 2**63 - 1), (2**63 - 3, 2**63 - 1)]
WEIGHTS = [[1.0], [0.5, 0.5], [0.1, 0.2, 0.3, 0.4], [0.0, 0.25, 0.0, 0.75, 0.0], [1 / 7] * 7,
           [i / 210 for i in range(21)], [1e-9, 1 - 1e-9], [0.2500000001, 0.25, 0.25, 0.25]]
# Pairs around the switch between Floyd's set and the tail shuffle (population 10,000, one fiftieth).
POPULATIONS = [(1, 1), (5, 0), (5, 1), (5, 5), (10, 3), (100, 20), (100, 100), (9999, 40), (10000, 150),
               (10001, 150), (10001, 200), (10001, 201), (10001, 300), (50000, 60), (2**33, 10)]
LARGE_POPULATIONS = [(10000, 10000), (10000, 201), (10001, 10001), (10001, 10000), (10050, 5000), (30000, 600), (30000, 601)]


def every_method():
    """One program that visits every method; odd counts leave a half-word buffered between methods."""
    ops = [("u64", [5]), ("random_f32", [3])]
    ops += [("integers", [lo, hi, 11]) for lo, hi in RANGES]
    ops += [("integers_inclusive", [lo, hi, 5]) for lo, hi in INCLUSIVE]
    ops += [("integers_array", [lo, hi, 13]) for lo, hi in RANGES]
    ops += [("choice", [n, 7]) for n in (1, 2, 3, 10, 1000)]
    ops += [("choice_p", [p, 9]) for p in WEIGHTS]
    ops += [("choice_p_without_replacement", [p, k]) for p in WEIGHTS for k in {1, sum(x > 0 for x in p)}]
    ops += [("shuffle", [n]) for n in (0, 1, 2, 3, 17, 64, 65)]
    ops += [("shuffle_array", [n]) for n in (0, 1, 2, 3, 17, 65, 300)]
    ops += [("permutation", [n]) for n in (0, 1, 2, 5, 33)]
    ops += [("random", [9]), ("random_f32", [5]), ("random_array", [9])]
    ops += [("uniform", [-1.5, 2.25, 9]), ("uniform_array", [-0.05, 0.05, 9]), ("uniform", [3.0, 3.0, 2])]
    ops += [("standard_normal", [40]), ("standard_normal_array", [40]), ("normal", [1.5, 0.1, 9]), ("standard_exponential", [20])]
    return ops


def mixed(np, seed, length):
    """A program of randomly ordered small draws, so that 32- and 64-bit draws meet in every order."""
    order = np.random.default_rng(seed + 7_000_000)
    menu = [("integers", [0, 6, 1]), ("integers", [0, 2**40, 1]), ("random", [1]), ("random_f32", [1]), ("shuffle", [4]),
            ("integers_array", [0, 3, 3]), ("choice", [5, 1]), ("standard_normal", [1]), ("uniform", [0.0, 10.0, 1]),
            ("integers", [4, 5, 1]), ("shuffle_array", [5]), ("choice_without_replacement", [9, 4]), ("u64", [1]),
            ("integers", [0, 2**32, 1]), ("advance", ["3"]), ("standard_exponential", [1])]
    return [menu[i] for i in order.integers(0, len(menu), length)]


def record_golden(np):
    cases = []
    for seed in SEEDS:
        source = {"entropy": words(seed), "spawn_key": []}
        cases.append(record_case(np, np.random.SeedSequence(seed), source, mixed(np, seed % 2**32, 150)))
    for seed in (0, 1, 2**40 + 3):
        source = {"entropy": words(seed), "spawn_key": []}
        cases.append(record_case(np, np.random.SeedSequence(seed), source, every_method()))
    populations = [("choice_without_replacement", [n, k]) for n, k in POPULATIONS]
    populations += [("choice_without_replacement_digest", [n, k]) for n, k in LARGE_POPULATIONS]
    cases.append(record_case(np, np.random.SeedSequence(9), {"entropy": [9], "spawn_key": []}, populations))
    digests = [("standard_normal_digest", [200_000]), ("standard_exponential_digest", [200_000]), ("random_digest", [10_000]),
               ("advance", [str(2**100 + 17)]), ("random_f32", [1]), ("advance", ["0"]), ("random_f32", [1])]
    for seed in (3, 2**32):
        cases.append(record_case(np, np.random.SeedSequence(seed), {"entropy": words(seed), "spawn_key": []}, digests))
    for entropy, key in (([5], [0]), ([5], [2**32 - 1, 4]), ([1, 2, 3, 4, 5, 6], [7]), ([0], [1, 2, 3, 4, 5]), ([0, 0, 9], [])):
        sequence = np.random.SeedSequence(entropy, spawn_key=key)
        cases.append(record_case(np, sequence, {"entropy": entropy, "spawn_key": key}, [("u64", [2]), ("integers", [0, 10, 3])]))
    for name in ("", "policy", "dropout/0", "été"):
        h = fnv1a64(name.encode())
        key = [h & 0xFFFFFFFF, h >> 32]
        sequence = np.random.SeedSequence(2**40 + 3, spawn_key=key)
        source = {"entropy": words(2**40 + 3), "spawn_key": key, "name": name}
        cases.append(record_case(np, sequence, source, [("u64", [3])]))
    parent = np.random.SeedSequence(77)
    children = parent.spawn(3) + parent.spawn(2)
    grandchildren = children[4].spawn(2)
    for child in children + grandchildren:
        source = {"entropy": [77], "spawn_key": list(child.spawn_key), "spawned": True}
        cases.append(record_case(np, child, source, [("u64", [2])]))
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases)
    return f'{{"numpy":"{np.__version__}","cases":[\n{lines}\n]}}\n'


def main():
    ensure_numpy()
    import numpy as np
    outputs = {GOLDEN: record_golden(np), TABLES: record_tables()}
    for path, text in outputs.items():
        if "--check" in sys.argv:
            if path.read_text(encoding="utf-8") != text:
                sys.exit(f"{path.relative_to(ROOT)} differs from what numpy {NUMPY_VERSION} does")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)} ({len(text)} characters)")


if __name__ == "__main__":
    main()
