"""A trained GRU, from its PyTorch file to its attractors and the manifold that joins two of them.

The network keeps three bits: each input channel sets one with a pulse of +1 or -1. The file is a state dict as
``torch.save`` wrote it; PyTorch itself is not needed to read it.
"""

import numpy as np

import ssmsym as ss

field = ss.load(ss.network_path("gru_n64_a.pt"))
print(field)
print(field.metadata["understood"])  # nn.GRU from 'rnn.weight_ih_l0, ...', readout from 'readout.weight'

points = ss.find_fixed_points(field, seed=0)
print(len(points), points.index_sum == points.expected_index_sum)  # 27 True

for point in points:
    if point.stable:
        bits = np.sign(field.readout(point.state)).astype(int)
        print(f"attractor {bits}, slowest multiplier {abs(point.eigenvalues[0]):.3f}")

# A saddle with one unstable direction lies between two attractors that differ in one bit.
saddle = points[8]
print(f"{saddle.index} {saddle.eigenvalues[0].real:.4f}")  # 1 1.3875
ssm = ss.compute_ssm(field, saddle, modes=1, order=7)
model = ss.reduce(ssm)
print(model.text(digits=4, order=3))
print(f"{ssm.evidence.slope:.1f}")  # 8.0

# The reduced map steps with the network as long as it stays within the trust radius.
radius = ssm.evidence.trust_radius(1e-2)
start = np.array([0.01 * radius])
steps = range(12)
reduced = model.lift(ss.simulate(model.field, start, steps).states)
full = ss.simulate(field, model.lift(start), steps).states
inside = np.linalg.norm(ssm.project(full), axis=-1) < radius
error = np.abs(reduced - full).max(axis=-1)[inside].max() / np.abs(full - full[0]).max()
print(f"{error < 0.01}")  # True
