"""Time of one SSM against one real Schur form of the same Jacobian, and against simple ways; one BLAS thread.

python benchmarks/ssm.py [--sizes 100 500 1000 2000] [--repetitions 5] [--networks tanh gru] [--simple]
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import statistics
import time
import tracemalloc

import numpy as np
import scipy.linalg
import sympy
from networks import dense_network, gru_network
from simple_methods import by_sympy, per_monomial

import ssmsym

CASES = ((1, 15, 0), (2, 9, 0), (2, 15, 0), (3, 7, 0), (4, 5, 0), (2, 7, 2))
NETWORKS = {"tanh": dense_network, "gru": gru_network}
PARAMETERS = ("u[0]", "u[1]")


def seconds(action):
    start = time.process_time()
    action()
    return time.process_time() - start


def reductions(field, state, d, order, q):
    """Actions that compute the SSM with and without the spectrum, run once, so that they are warm."""

    def reduce(spectrum):
        return ssmsym.compute_ssm(
            field, state, modes=d, order=order, parameters=PARAMETERS[:q], spectrum=spectrum
        )

    assert reduce(True).has_spectrum
    assert not reduce(False).has_spectrum
    return lambda: reduce(True), lambda: reduce(False)


def paired_ratios(kind, n, d, order, q, repetitions):
    """Times over that of the Schur form, with and without the spectrum, and the Schur form's times; in turns."""
    field, state = NETWORKS[kind](n, d)
    jacobian = field.jacobian(state)
    full, partial = reductions(field, state, d, order, q)
    schur, with_spectrum, without = [], [], []
    for _ in range(repetitions):
        schur.append(seconds(lambda: scipy.linalg.schur(jacobian, check_finite=False)))
        with_spectrum.append(seconds(full) / schur[-1])
        without.append(seconds(partial) / schur[-1])
    return with_spectrum, without, schur


def spread(values):
    return f"{statistics.median(values):5.2f} {min(values):5.2f}-{max(values):<5.2f}"


def peak_memory(n, d, order, spectrum):
    """Peak of all arrays, J included, in units of N^2 doubles."""
    field, state = dense_network(n, d)
    tracemalloc.start()
    ssmsym.compute_ssm(field, state, modes=d, order=order, spectrum=spectrum)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak + field.arrays["J"].nbytes) / (8 * n * n)


def against_schur(sizes, kinds, repetitions):
    print(f"{'network':8} {'N':>5} {'(d, K, q)':>10} {'schur s':>8}  {'with spectrum':18} {'without':18}")
    for kind in kinds:
        for n in sizes:
            for d, order, q in CASES:
                full, partial, schur = paired_ratios(kind, n, d, order, q, repetitions)
                print(
                    f"{kind:8} {n:5d} {f'({d}, {order}, {q})':>10} {statistics.median(schur):8.4f}  "
                    f"{spread(full)}  {spread(partial)}",
                    flush=True,
                )
    for n in (size for size in sizes if size >= 500):
        peaks = [peak_memory(n, 2, 9, spectrum) for spectrum in (True, False)]
        print(f"N = {n}: peak memory with / without spectrum {peaks[0]:.1f} / {peaks[1]:.1f} N^2 doubles")


def against_simple(method, d, order, n, repetitions):
    """Time of a simple method, which is given the eigenvectors, over ours with and without the spectrum."""
    field, state = dense_network(n, d)
    full, partial = reductions(field, state, d, order, 0)
    ssm = full()
    J, rates = field.arrays["J"], ssm.eigenvalues.real
    found, times, with_spectrum, without = None, [], [], []
    for _ in range(repetitions):
        sympy.core.cache.clear_cache()  # a network is expanded once only
        start = time.process_time()
        found = method(J, state, ssm.right, ssm.left, rates, order)[0]
        times.append(time.process_time() - start)
        with_spectrum.append(times[-1] / seconds(full))
        without.append(times[-1] / seconds(partial))
    for m, c in zip(ssm.parametrization.exponents[1:], ssm.parametrization.coefficients[1:], strict=True):
        assert np.linalg.norm(found[tuple(map(int, m))] - c) <= 1e-6 * np.linalg.norm(c)
    return times, with_spectrum, without


def simple_table(repetitions):
    print(
        f"{'method':12} {'(d, K)':>8} {'N':>4} {'its s':>8}  {'over ours, spectrum':20} {'over ours, without':20}"
    )
    rows = [(per_monomial, 2, 3, n) for n in (10, 20, 50, 100)]
    rows += [(per_monomial, 2, order, n) for order in (9, 15) for n in (100, 200, 400, 800)]
    rows += [(by_sympy, 2, 3, 10), (by_sympy, 2, 3, 20), (by_sympy, 2, 5, 10)]
    for method, d, order, n in rows:
        slow = method is by_sympy and order > 3
        times, full, partial = against_simple(method, d, order, n, 1 if slow else repetitions)
        print(
            f"{method.__name__:12} {f'({d}, {order})':>8} {n:4d} {statistics.median(times):8.4f}  {spread(full)}  "
            f"{spread(partial)}",
            flush=True,
        )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 1000, 2000])
    options.add_argument("--repetitions", type=int, default=5)
    options.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    options.add_argument("--simple", action="store_true", help="compare with simple methods instead")
    chosen = options.parse_args()
    if chosen.simple:
        simple_table(chosen.repetitions)
    else:
        against_schur(chosen.sizes, chosen.networks, chosen.repetitions)


if __name__ == "__main__":
    main()
