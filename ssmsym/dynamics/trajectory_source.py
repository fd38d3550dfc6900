"""Source text of a compiled integrator for one trajectory, appended to a field's generated module."""

from __future__ import annotations

from ssmsym.fields.source import FieldSource

_TEMPLATE = """

@njit(cache=True, error_model="numpy")
def integrate(x0, times, rtol, atol, step, longest, max_steps, A, B, E, P, {arguments}):
    n = x0.size
    out = np.empty((times.size, n))
    out[0] = x0
    k = np.empty((7, n))
    x = x0.copy()
    y = np.empty(n)
    t = times[0]
    h = min(min(step, longest), times[times.size - 1] - t)
    right_side(x, k[0], {arguments})
    reached = 0
    for attempt in range(max_steps):
        for s in range(6):
            for i in range(n):
                y[i] = x[i]
            for q in range(s + 1):
                c = h * (A[s + 1, q] if s < 5 else B[q])
                if c != 0.0:
                    for i in range(n):
                        y[i] += c * k[q, i]
            right_side(y, k[s + 1], {arguments})
        total = 0.0
        for i in range(n):
            error = 0.0
            for q in range(7):
                error += E[q] * k[q, i]
            value = h * error / (atol + rtol * max(abs(x[i]), abs(y[i])))
            total += value * value
        norm = math.sqrt(total / n)
        if norm < 1.0:
            margin = 1e-12 * (times[times.size - 1] - times[0])
            while reached < times.size - 1 and times[reached + 1] <= t + h + margin:
                theta = min((times[reached + 1] - t) / h, 1.0)
                for i in range(n):
                    value = 0.0
                    for q in range(7):
                        value += (((P[q, 3] * theta + P[q, 2]) * theta + P[q, 1]) * theta + P[q, 0]) * theta * k[q, i]
                    out[reached + 1, i] = x[i] + h * value
                reached += 1
            if reached == times.size - 1:
                return out, reached, t + h
            t += h
            for i in range(n):
                x[i] = y[i]
                k[0, i] = k[6, i]
        if norm > 0.0 and math.isfinite(norm):
            h *= min(5.0, max(0.2, 0.9 * norm ** -0.2))
        elif norm == 0.0:
            h *= 5.0
        else:
            h *= 0.2
        h = min(min(h, longest), times[times.size - 1] - t)
        if not h > 1e-14 * abs(times[times.size - 1]):
            break
    return out, reached, t
"""


def integrator_source(source: FieldSource) -> str:
    """Text of ``integrate(x0, times, rtol, atol, step, longest, max_steps, A, B, E, P, *arguments)``.

    The Dormand-Prince pair with its interpolant, calling the module's own ``right_side``; returns states at
    the times, the last output reached and the time there.
    """
    names = ", ".join(f"a{i}" for i in range(len(source.arguments)))
    return _TEMPLATE.format(arguments=names)
