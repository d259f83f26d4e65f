#!/usr/bin/env python3
"""Record golden statistics from the real `rliable` package.

Writes `tests/golden/rliable/rliable.json`, read by `report/tests/rliable_golden.rs`. Point statistics are
deterministic. rliable's bootstrap draws from numpy's global generator (it ignores `random_state`), so that
generator is seeded here before every interval.

    python3 scripts/record_rliable_golden.py        # five to ten minutes: the bootstraps run in Python

Where rliable cannot be imported (it also breaks beside pandas 3), the script makes a throw-away virtual environment and runs itself inside it.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

PINS = ["rliable==1.2.0", "numpy==2.4.6", "scipy==1.17.1", "arch==7.2.0", "pandas<3"]
ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "golden" / "rliable" / "rliable.json"
REPS = 20_000
TAUS = [-0.25, 0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.25]


def reexec_in_venv():
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = os.path.join(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], check=True)
        env = dict(os.environ, PROSPECT_GOLDEN_VENV="1")
        sys.exit(subprocess.run([python, __file__], env=env).returncode)


try:
    import numpy as np
    import scipy
    from rliable import library, metrics
except (ImportError, TypeError):  # arch 7.2 fails on import with a TypeError where pandas is 3 or newer
    if os.environ.get("PROSPECT_GOLDEN_VENV"):
        raise
    reexec_in_venv()


def aggregates(scores):
    return np.array(
        [
            metrics.aggregate_mean(scores),
            metrics.aggregate_median(scores),
            metrics.aggregate_iqm(scores),
            metrics.aggregate_optimality_gap(scores),
        ]
    )


def case(name, x, y):
    np.random.seed(7)
    _, cis = library.get_interval_estimates({"x": x}, aggregates, reps=REPS)
    np.random.seed(8)
    _, poi_ci = library.get_interval_estimates(
        {"xy": (x, y)}, lambda a, b: np.array([metrics.probability_of_improvement(a, b)]), reps=REPS
    )
    np.random.seed(9)
    _, task_cis = library.get_interval_estimates({"x": x}, aggregates, reps=REPS, task_bootstrap=True)
    taus = np.array(TAUS)
    return {
        "name": name,
        "x": x.tolist(),
        "y": y.tolist(),
        "aggregates": aggregates(x).tolist(),
        "aggregate_cis": cis["x"].tolist(),
        "task_bootstrap_cis": task_cis["x"].tolist(),
        "probability_of_improvement": float(metrics.probability_of_improvement(x, y)),
        "probability_of_improvement_ci": poi_ci["xy"][:, 0].tolist(),
        "profile_runs": library.score_distributions(x, taus).tolist(),
        "profile_tasks": library.average_score_distributions(x, taus).tolist(),
    }


def main():
    rng = np.random.default_rng(20_251_123)
    x = np.array([[.10, .92, .50], [.25, .95, .40], [.00, .97, .75], [.60, .91, .55], [.35, 1.10, .45]])
    y = np.array([[.05, .90, .50], [.20, .93, .65], [.30, .96, .35], [.15, .91, .30]])
    cases = [case("hand", x, y), case("identical", x, x.copy())]
    cases.append(case("uniform_10x7", rng.uniform(0, 1, (10, 7)), rng.uniform(0.1, 1.1, (8, 7))))
    cases.append(case("normal_3x1", rng.normal(0.5, 0.3, (3, 1)), rng.normal(0.4, 0.3, (3, 1))))
    cases.append(case("beta_5x26", rng.beta(0.6, 0.4, (5, 26)), rng.beta(0.5, 0.5, (5, 26))))
    # Sparse reward: mostly zeros and ones, so that ties abound.
    cases.append(
        case(
            "sparse_6x4",
            rng.integers(0, 2, (6, 4)).astype(float),
            np.round(rng.uniform(0, 1, (9, 4)), 1),
        )
    )
    cases.append(case("negative_4x2", rng.normal(-0.2, 1.0, (4, 2)), rng.normal(0.0, 1.0, (4, 2))))
    golden = {
        "versions": {"rliable": "1.2.0", "numpy": np.__version__, "scipy": scipy.__version__},
        "reps": REPS,
        "taus": TAUS,
        "aggregate_names": ["mean", "median", "iqm", "optimality_gap"],
        "cases": cases,
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"wrote {OUT.relative_to(ROOT)}: {len(cases)} cases")


if __name__ == "__main__":
    main()
