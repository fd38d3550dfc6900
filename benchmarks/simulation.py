"""Ensemble of 1000 trajectories, N = 100, against the matrix products and tanh that it cannot do without.

python benchmarks/simulation.py [--repetitions 5] [--threads 1]
"""

import argparse
import os
import sys

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--repetitions", type=int, default=5)
options.add_argument("--threads", default="1", help="BLAS threads that the environment allows")
chosen = options.parse_args()
os.environ["OPENBLAS_NUM_THREADS"] = chosen.threads

import statistics
import time

import numpy as np
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_limits

import ssmsym
from ssmsym.dynamics import simulation

N, MEMBERS, DURATION = 100, 1000, 100.0


def oscillating_network(seed=0):
    """A network with a stable limit cycle, so that errors stay bounded."""
    rng = np.random.default_rng(seed)
    J = 0.6 * rng.standard_normal((N, N)) / np.sqrt(N)
    q = np.linalg.qr(rng.standard_normal((N, 2)))[0]
    J = J - J @ q @ q.T + q @ np.array([[1.5, 0.8], [-0.8, 1.5]]) @ q.T
    return J, ssmsym.rate_network(J, b=0.1 * rng.standard_normal(N)), rng.standard_normal((MEMBERS, N))


def main():
    J, field, starts = oscillating_network()
    times = np.array([0.0, DURATION])
    tolerances = {"rtol": 1e-6, "atol": 1e-8}
    calls = []
    original = simulation.integrate_ensemble

    def counted(right_side, states, *args, **kwargs):
        def f(t, x):
            calls.append(len(x))
            return right_side(t, x)

        return original(f, states, *args, **kwargs)

    simulation.integrate_ensemble = counted
    simulation.simulate(field, starts, times, **tolerances)
    simulation.integrate_ensemble = original
    sizes = {size: calls.count(size) for size in set(calls)}
    ratios, walls = [], []
    for _ in range(chosen.repetitions):
        limit = 0.0
        with threadpool_limits(1):
            for size, count in sizes.items():
                block = starts[:size].copy()
                start = time.perf_counter()
                for _ in range(count):
                    np.tanh(block) @ J.T
                limit += time.perf_counter() - start
        start = time.perf_counter()
        run = simulation.simulate(field, starts, times, **tolerances)
        walls.append(time.perf_counter() - start)
        ratios.append(walls[-1] / limit)
    truth = solve_ivp(lambda _, x: field(x), times, starts[0], method="DOP853", rtol=1e-11, atol=1e-13).y[
        :, -1
    ]
    print(
        f"{MEMBERS} trajectories, N = {N}, {chosen.threads} BLAS thread(s) allowed: {statistics.median(walls):.2f} s"
    )
    print(
        f"over matrix products and tanh alone: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    )
    print(f"deviation of the first from DOP853 at 1e-11: {np.abs(run.states[0, -1] - truth).max():.1e}")


if __name__ == "__main__":
    sys.exit(main())
