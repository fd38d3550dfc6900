"""Time and memory of one SSM against one real Schur form of the same Jacobian, one BLAS thread, paired runs.

python benchmarks/ssm.py [--sizes 100 500 1000] [--repetitions 7]
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import statistics
import time
import tracemalloc

import scipy.linalg
from networks import dense_network

import ssmsym

CASES = ((2, 9), (1, 15), (2, 15), (3, 7), (4, 5))


def seconds(action):
    start = time.process_time()
    action()
    return time.process_time() - start


def paired_ratio(n, d, order, repetitions):
    """Median, smallest and largest ratio, and the Schur form's own time; the two alternate."""
    field, state = dense_network(n, d)
    jacobian = field.jacobian(state)

    def reduce():
        return ssmsym.compute_ssm(field, state, modes=d, order=order)

    assert len(reduce().spectrum) == n  # warm, and the full spectrum is there
    schur, ratios = [], []
    for _ in range(repetitions):
        schur.append(seconds(lambda: scipy.linalg.schur(jacobian, check_finite=False)))
        ratios.append(seconds(reduce) / schur[-1])
    return statistics.median(ratios), min(ratios), max(ratios), statistics.median(schur)


def peak_memory(n, d, order):
    """Peak of all arrays, J included, in units of N^2 doubles."""
    field, state = dense_network(n, d)
    ssmsym.compute_ssm(field, state, modes=d, order=order)
    field, state = dense_network(n, d)
    tracemalloc.start()
    ssmsym.compute_ssm(field, state, modes=d, order=order)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak + field.arrays["J"].nbytes) / (8 * n * n)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 1000])
    options.add_argument("--repetitions", type=int, default=7)
    chosen = options.parse_args()
    print(
        f"{'N':>5} {'(d, order)':>10} {'schur s':>8} {'ratio':>6} {'range':>12} {'memory / N^2 doubles':>21}"
    )
    for n in chosen.sizes:
        for d, order in CASES:
            ratio, low, high, schur = paired_ratio(n, d, order, chosen.repetitions)
            memory = f"{peak_memory(n, d, order):21.1f}" if n >= 500 else ""
            print(
                f"{n:5d} {f'({d}, {order})':>10} {schur:8.4f} {ratio:6.2f} {low:5.2f}-{high:<6.2f} {memory}"
            )


if __name__ == "__main__":
    main()
