"""A trained line attractor as a whole: the curve through its seven fixed points, and how an input takes it apart.

A Taylor series around one fixed point ends half way to the next but one. The slow manifold is found as a curve instead,
and with an input as parameter the zeros of the rate along it are the bifurcation diagram.
"""

import numpy as np

import ssmsym as ss

field = ss.load(ss.network_path("delay_n100_a"))
points = ss.find_fixed_points(field, seed=0)
curve = ss.slow_manifold(field, points)
print(curve.report())

kinds = ["source" if p.source else "sink" for p in curve.points]
print(kinds.count("sink"), kinds.count("source"))  # 4 3
print(max(piece.errors[0] for piece in curve.pieces) < 1e-6)  # True
print(curve.is_normally_attracting)  # True

# The one-dimensional motion along the curve is that of the network.
times = np.linspace(0.0, 5.0, 51)
s, reduced = curve.follow(1.0, times)
full = ss.simulate(field, reduced[0], times).states
print(np.abs(full - reduced).max() < 1e-5)  # True

# Where each saddle's two branches lead, by the numbers of the fixed points.
for number, point in enumerate(points):
    if point.index == 1:
        print(number, [branch.index for branch in ss.unstable_manifold(field, point, points=points)])

# Over an interval of the stimulus input: every fold on the curve, found at once and polished on the full network.
family = ss.slow_manifold(field, points, parameter="u[0]", interval=(-0.006, 0.006), values=9)
print([f"{fold.parameter:.6f}" for fold in family.folds])  # ['-0.003525', '0.003762']
print(len(family.fixed_points(0.0)), len(family.fixed_points(0.005)))  # 7 5

# The family as a reduced model over the whole line: one equation with the input as its parameter, traced as any other.
model = ss.reduce(family)
print(model.text(digits=3))
folds = ss.branches(model, "u[0]", (-0.006, 0.006)).of_kind("fold")
print([f"{fold.parameter:.6f}" for fold in folds])  # ['-0.003525', '0.003762']
print([fold.confirmed for fold in folds])  # [True, True]
states = model.lift([[1.0], [-4.0]], {"u[0]": 0.002})  # back to the network: (2, 100)
print(np.abs(model.project(states) - [[1.0], [-4.0]]).max() < 1e-6)  # True
