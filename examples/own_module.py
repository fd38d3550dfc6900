"""A rate network written as a PyTorch module with names of its own, from module or file to its fixed points."""

import tempfile
from pathlib import Path

import numpy as np
import torch

import ssmsym as ss


class Network(torch.nn.Module):
    """x <- x + alpha (-x + J tanh(x) + B u + b) with excitatory and inhibitory units (Dale's law)."""

    def __init__(self, units: int = 60, alpha: float = 0.1) -> None:
        super().__init__()
        self.alpha = alpha
        self.w_in = torch.nn.Linear(2, units)
        self.w_rec = torch.nn.Parameter(2.5 * torch.rand(units, units) / units**0.5)
        self.out = torch.nn.Linear(units, 1)
        self.register_buffer("signs", torch.where(torch.arange(units) < units // 2, 1.0, -1.0))

    def step(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        weights = self.w_rec.abs() * self.signs
        return x + self.alpha * (-x + torch.tanh(x) @ weights.T + self.w_in(u))


torch.manual_seed(0)
module = Network().double()

# What ssmsym makes of the names and shapes; it is a proposal, to be read before it is used.
proposal = ss.propose_mapping({name: value.numpy() for name, value in module.state_dict().items()})
print(proposal.mapping["J"])  # abs(w_rec)*signs
print(proposal.option())


def step(states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """One step of the module in NumPy arrays, for the check of the import."""
    with torch.no_grad():
        return module.step(torch.from_numpy(states), torch.from_numpy(inputs)).numpy()


field = ss.from_torch(module, mapping=proposal.mapping, tau=1.0, dt=0.1, step=step)
print(field.metadata["import_check"].split(":")[0])  # holds

# The same from a file; without the module there is nothing to step, so that the mapping must be right.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "network.pt"
    torch.save(module.state_dict(), path)
    again = ss.load(path, mapping=proposal.mapping, tau=1.0, dt=0.1)
state = np.linspace(-1, 1, field.n_states)
print(np.array_equal(again(state), field(state)))  # True

points = ss.find_fixed_points(field)
print(len(points) >= 1, max(point.residual for point in points) < 1e-12)  # True True
