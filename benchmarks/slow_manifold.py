"""Whole slow manifolds: one chain, 60 parameter values with all folds, and growth with the number of units.

python benchmarks/slow_manifold.py [--repetitions 3] [--copies 1 2 5 10]

The network is the shipped working memory of 100 units; a larger one repeats each unit and adds a random coupling of
gain 0.2 among the differences of equal units, so that its curve is the small one's, repeated. One BLAS thread; CPU
seconds, and for the interval, whose values are worked on side by side, elapsed ones too.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import itertools
import statistics
import time
import tracemalloc

import numpy as np

import ssmsym

GAIN = 0.2  # of the random coupling
FOLDS = (-0.017303, -0.009903, -0.003525, 0.003762, 0.010052, 0.016915)


def enlarged(field, copies, seed=0):
    """Each unit `copies` times, with random coupling that leaves states with equal copies alone."""
    n = copies * field.n_states
    rng = np.random.default_rng(seed)
    J = np.kron(field.arrays["J"], np.full((copies, copies), 1.0 / copies))
    if copies > 1:
        R = GAIN * rng.standard_normal((n, n)) / np.sqrt(n)
        R = R - np.repeat(R.reshape(-1, copies, n).mean(axis=1), copies, axis=0)
        R = R - np.repeat(R.reshape(n, -1, copies).mean(axis=2), copies, axis=1)
        J = J + R
    B, b = (np.repeat(field.arrays[name], copies, axis=0) for name in ("B", "b"))
    return ssmsym.rate_network(J, B=B, b=b.reshape(-1), tau=float(field.metadata["tau"]))


def timed(action):
    cpu, elapsed = time.process_time(), time.perf_counter()
    result = action()
    return result, time.process_time() - cpu, time.perf_counter() - elapsed


def one_value(field, points, copies, repetitions):
    larger = enlarged(field, copies)
    states = np.repeat([p.state for p in points], copies, axis=1)
    curve, times = None, []
    for _ in range(repetitions):
        curve, cpu, _ = timed(lambda: ssmsym.slow_manifold(larger, states))
        times.append(cpu)
    tracemalloc.start()
    ssmsym.slow_manifold(larger, states)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert len(curve.points) == len(points)
    errors = [piece.errors[0] for piece in curve.pieces]
    elements = sum(len(piece.elements) for piece in curve.pieces)
    print(
        f"N = {larger.n_states:5d}: {statistics.median(times):7.2f} s ({min(times):.2f}-{max(times):.2f}), "
        f"{len(curve.points)} fixed points, {elements} elements, error at most {max(errors):.1e}, peak {peak:.0f} MB",
        flush=True,
    )
    return statistics.median(times), larger.n_states


def interval(field, points, values):
    family, cpu, elapsed = timed(
        lambda: ssmsym.slow_manifold(field, points, parameter="u[0]", interval=(-0.03, 0.03), values=values)
    )
    folds, cpu_folds, _ = timed(lambda: family.folds)
    model, cpu_model, _ = timed(lambda: ssmsym.reduce(family))
    worst = max(abs(fold.predicted - fold.parameter) for fold in folds)
    assert np.allclose([fold.parameter for fold in folds], FOLDS, atol=6e-7)
    print(
        f"{values} values: {cpu:.1f} s ({elapsed:.1f} s elapsed), folds {cpu_folds:.1f} s, reduced model "
        f"{cpu_model:.1f} s; {len(folds)} folds, predicted to {worst:.1e}; {model!r}",
        flush=True,
    )


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--repetitions", type=int, default=3)
    options.add_argument("--copies", type=int, nargs="+", default=[1, 2, 5, 10])
    options.add_argument("--values", type=int, default=60)
    chosen = options.parse_args()
    field = ssmsym.load(ssmsym.network_path("delay_n100_a"))
    points = ssmsym.find_fixed_points(field)
    ssmsym.slow_manifold(field, points)
    found = [one_value(field, points, c, 1 if c > 2 else chosen.repetitions) for c in sorted(chosen.copies)]
    for (before, smaller), (after, larger) in itertools.pairwise(found):
        power = np.log(after / before) / np.log(larger / smaller)
        print(f"from N = {smaller} to {larger}: time grows as N^{power:.1f}")
    interval(field, points, chosen.values)


if __name__ == "__main__":
    main()
