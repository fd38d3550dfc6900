"""Rendered functions evaluated by GNU Octave, as a separate program."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmsym.exporters.process import call

Array = NDArray[np.float64]

_TIMEOUT = 300.0
_SCRIPT = """
function main()
points = load('-ascii', 'points.txt');
sizes = load('-ascii', 'sizes.txt');
result = [];
for k = 1:size(points, 1)
  x = points(k, 1:sizes(1))';
  p = points(k, sizes(1)+1:sizes(1)+sizes(2))';
  P = num2cell(p);
  value = {expression};
  if k == 1
    result = zeros(numel(value), size(points, 1));
  end
  result(:, k) = value(:);
end
file = fopen('result.txt', 'w');
fprintf(file, '%.17g\\n', result);
fclose(file);
end
main()
"""


def at_points(
    files: Mapping[str, str], expression: str, states: Array, parameters: Array
) -> NDArray[np.float64] | None:
    """An expression of the rendered functions at m points.

    Parameters
    ----------
    files : mapping
    expression : str
        In which ``x`` is the state and ``p`` the parameters, both columns; ``P{:}`` lists the parameters.
    states : (m, n) array
    parameters : (m, q) array

    Returns
    -------
    (m, r) array or None
        The r entries of each value, first index fastest; None without Octave.
    """
    octave = shutil.which("octave-cli")
    if octave is None:
        return None
    m = len(states)
    with tempfile.TemporaryDirectory(prefix="ssmsym-") as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="ascii")
        numbers = np.column_stack([np.reshape(states, (m, -1)), np.reshape(parameters, (m, -1))])
        np.savetxt(folder / "points.txt", numbers, fmt="%.17g")
        np.savetxt(folder / "sizes.txt", [np.shape(states)[1], np.size(parameters) // m], fmt="%d")
        script = _SCRIPT.replace("{expression}", expression)
        (folder / "ssmsym_points.m").write_text("1;\n" + script, encoding="ascii")
        run(folder, "ssmsym_points.m", octave=octave)
        return np.loadtxt(folder / "result.txt", ndmin=1).reshape(m, -1)


def run(folder: Path, script: str, *, octave: str = "octave-cli") -> str:
    """Run a script in a folder to its end; what it printed.

    Raises
    ------
    ExporterError
        If Octave is missing or the script fails.
    """
    command = [octave, "--quiet", "--no-history", "--no-init-file", "--no-window-system", script]
    return call(command, folder, timeout=_TIMEOUT).stdout
