"""Fields as compiled functions, kept in a cache folder between processes.

Generated source is written to a module named by its hash and imported from there, because numba keeps
compiled code on disk only for functions that come from a file.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.source import FieldSource, field_source

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CompiledField:
    """The right-hand side of a field, at its parameter values, as compiled code.

    Calling it at a state ``(N,)`` gives f there, in 1/time (for a map: the next state).

    Attributes
    ----------
    n_states : int
    source : str
        Text of the module that holds the function; equal for all fields of equal structure.
    function : numba function
        ``function(x, out, *arguments)`` fills out (N,) with f(x). It is called from other compiled code as
        it is; x and out are float64, contiguous, and share no memory. Sizes are not checked.
    arguments : tuple of arrays
        Constants of the equations: weights, biases, scalars under the parameter values.
    """

    n_states: int
    source: str = field(repr=False)
    function: Callable[..., None] = field(repr=False)
    arguments: tuple[NDArray[Any], ...] = field(repr=False)

    def __call__(self, x: ArrayLike) -> Array:
        """f at one state ``(N,)``, as a new array.

        Raises
        ------
        InputError
            If the shape does not fit.
        """
        out = np.empty(self.n_states)
        self.fill(np.ascontiguousarray(x, dtype=np.float64), out)
        return out

    def fill(self, x: Array, out: Array) -> None:
        """Fill `out` (N,) with f at `x` (N,); both contiguous float64 arrays that share no memory.

        Raises
        ------
        InputError
            If a shape, a type or the order in memory does not fit.
        """
        if x.shape != (self.n_states,) or out.shape != (self.n_states,):
            raise InputError(
                f"A state of this field has shape ({self.n_states},); found {x.shape} for 'x' and {out.shape} "
                "for 'out'."
            )
        try:
            self.function(x, out, *self.arguments)
        except TypeError:
            raise InputError(
                f"'x' and 'out' must be contiguous float64 arrays, 'out' writable; found {x.dtype} and "
                f"{out.dtype} with strides {x.strides} and {out.strides}."
            ) from None


def compile_field(field: VectorField) -> CompiledField:
    """The right-hand side of a field as compiled code.

    Compilation takes about a second for the first field of its structure and is kept in the folder
    ``SSMSYM_CACHE`` (default: ``ssmsym`` in the user's cache folder; a temporary folder if that cannot be
    written). Other weights, numbers of units or parameter values need no new compilation.

    Parameters
    ----------
    field : VectorField
        Every parameter must have a value; it is fixed in the result.

    Returns
    -------
    CompiledField

    Raises
    ------
    InputError
        If a parameter has no value, or the equations hold a function that has no compiled form.

    Examples
    --------
    >>> import sympy
    >>> from ssmsym.fields.symbolic import from_sympy
    >>> x, y = sympy.symbols("x y")
    >>> compiled = compile_field(from_sympy({x: -x, y: -3 * y + x**2}))
    >>> compiled([2.0, 1.0])
    array([-2.,  1.])
    """
    module, made = compiled_module(field)
    return CompiledField(field.n_states, made.text, module.right_side, made.arguments)


def compiled_module(
    field: VectorField, extend: Callable[[FieldSource], str] | None = None
) -> tuple[ModuleType, FieldSource]:
    """The generated module that holds ``right_side``, with further compiled functions if wanted.

    Parameters
    ----------
    extend : callable, optional
        Gives text to append; like the field's own, it must depend on structure alone.
    """
    missing = [name for name, value in field.parameters.items() if np.isnan(value)]
    if missing:
        raise InputError(
            f"The parameter(s) {', '.join(missing)} have no value; give them with 'field.at(...)' before the "
            "field is compiled."
        )
    made = field_source(field.bind())
    text = made.text if extend is None else made.text + extend(made)
    return _module(text), made


@functools.cache
def _module(text: str) -> ModuleType:
    """The module of a generated text, imported from the cache folder."""
    name = f"ssmsym_generated_{_digest(text)}"
    try:
        path = _written(_cache_folder(), name, text)
    except OSError:
        path = _written(_temporary_folder(), name, text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # While the module is executed, numba looks it up by name to restore compiled code from disk.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _digest(text: str) -> str:
    import numba

    from ssmsym import __version__

    return hashlib.sha256("\n".join([text, __version__, numba.__version__]).encode()).hexdigest()


def _written(folder: Path, name: str, text: str) -> Path:
    """The path of the module, written unless it is there already with this very text."""
    path = folder / f"{name}.py"
    if path.is_file() and path.read_bytes() == text.encode():
        return path
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f"{name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return path


def _cache_folder() -> Path:
    """The user's cache folder, or a temporary one if that cannot be written."""
    given = os.environ.get("SSMSYM_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(given) if given else (Path(base) if base else Path.home() / ".cache") / "ssmsym"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # numba, too, writes there
            return folder
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return _temporary_folder()


@functools.cache
def _temporary_folder() -> Path:
    """A folder that only this user can write, removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="ssmsym-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
