"""1000 Newton starts on a network of 100 units: factorisations per converged start, and time against theirs.

python benchmarks/fixed_points.py [--repetitions 5]
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import statistics
import time

import numpy as np
from networks import multistable_network

import ssmsym


def seconds(action, count=1):
    start = time.process_time()
    for _ in range(count):
        result = action()
    return (time.process_time() - start) / count, result


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repetitions", type=int, default=5)
    repetitions = options.parse_args().repetitions
    field = multistable_network(100)
    starts = 1.5 * np.random.default_rng(1).standard_normal((1000, 100))
    jacobian, right = field.jacobian(starts[0]), np.ones(100)
    ssmsym.find_fixed_points(field, starts=starts[:50])
    ratios, searches = [], []
    for _ in range(repetitions):
        one, _ = seconds(lambda: np.linalg.solve(jacobian, right), 300)
        total, points = seconds(lambda: ssmsym.find_fixed_points(field, starts=starts))
        ratios.append(total / (one * points.factorizations))
        searches.append(total)
    print(f"{len(points)} fixed points, {points.converged} of {points.starts} starts converged")
    print(f"LU factorisations per converged start: {points.factorizations / points.converged:.2f}")
    print(
        f"time over that of the factorisations alone: {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f}-{max(ratios):.2f}); {statistics.median(searches):.2f} s in all"
    )


if __name__ == "__main__":
    main()
