"""Compares our power-law fits with those of the Python package `powerlaw`, on the data sets it ships.

    python3 -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    venv/bin/python benches/peers/powerlaw.py [--replicates 1000] [--data words,terrorism]

The data sets are those of Clauset, Shalizi and Newman (SIAM Rev. 51(4), 2009, table 6.1); they stay in the package, and
a copy for our program is in a temporary file. For each, with `xmin` as the package finds it:

- `exact`: the maximum of the likelihood, where its slope is zero, and its distance D, from zeta functions of
  scipy in 50 lines here; ours must agree to 1e-6.
- `powerlaw`: what the package finds. It minimises with a tolerance of 1e-4, so its alpha is off by about 1e-5.
- the comparison with a lognormal: where the package warns that no lognormal fits, its mu runs away to minus infinity and
  the lognormal turns into the power law itself; we call that degenerate, and a ratio then says nothing.

Exits with 1 if ours is not the exact one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import warnings

import numpy
import powerlaw
from scipy.optimize import brentq
from scipy.special import zeta

DISCRETE = "words,terrorism"
TOLERANCE = 1e-6


def exact(values, xmin):
    """Returns alpha and D of the discrete power law from xmin on, by the slope of the likelihood."""
    tail = numpy.sort(values[values >= xmin])
    mean_log = numpy.log(tail / xmin).mean()
    step = 1e-5

    def slope(alpha):
        ln_zeta = lambda a: numpy.log(zeta(a, xmin)) + a * numpy.log(xmin)
        # Five points, so that the error of the difference is far below the tolerance.
        points = [ln_zeta(alpha + k * step) for k in (-2, -1, 1, 2)]
        return (points[0] - 8 * points[1] + 8 * points[2] - points[3]) / (12 * step) + mean_log

    alpha = brentq(slope, 1.05, 10, xtol=1e-13)
    grid = numpy.arange(xmin, tail[-1] + 1)
    model = 1 - zeta(alpha, grid + 1) / zeta(alpha, xmin)
    data = numpy.searchsorted(tail, grid, side="right") / len(tail)
    return alpha, abs(model - data).max(), len(tail)


def ours(values, replicates):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{int(value)}\n" for value in values)
        file.flush()
        command = ["cargo", "bench", "--quiet", "--bench", "power_law", "--", file.name, str(replicates)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=DISCRETE, help="names of data sets of whole numbers")
    parser.add_argument("--replicates", type=int, default=1000, help="synthetic data sets")
    arguments = parser.parse_args()
    folder = os.path.join(os.path.dirname(powerlaw.__file__), "reference_data")
    differs = False
    for name in arguments.data.split(","):
        values = numpy.loadtxt(os.path.join(folder, f"{name}.txt"))
        found = ours(values, arguments.replicates)
        xmin = int(found["xmin"])
        alpha, distance, n_tail = exact(values, xmin)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            theirs = powerlaw.Fit(values, discrete=True, xmin=xmin, verbose=False)
            ratio, p = theirs.distribution_compare("power_law", "lognormal", normalized_ratio=True)
        no_fit = any("No valid fits" in str(warning.message) for warning in warned)
        print(f"{name}: {len(values)} counts, {n_tail} from {xmin} on")
        print(f"  alpha      ours {found['alpha']}  exact {alpha:.9f}  powerlaw {theirs.power_law.alpha:.9f}")
        print(f"  distance   ours {found['distance']}  exact {distance:.9f}  powerlaw {theirs.power_law.D:.9f}")
        print(
            f"  lognormal  ours R {found['lognormal_ratio']} p {found['lognormal_p']} degenerate {found['lognormal_degenerate']}"
            f"  powerlaw R {ratio:.6f} p {p:.6f}{', no valid fit' if no_fit else ''} mu {theirs.lognormal.mu:.1f}"
        )
        if "verdict" in found:
            print(f"  verdict    {found['verdict']} (p = {found['p']})")
        differs |= abs(float(found["alpha"]) - alpha) > TOLERANCE or abs(float(found["distance"]) - distance) > TOLERANCE
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
