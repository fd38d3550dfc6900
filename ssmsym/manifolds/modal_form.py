"""The linear part of the reduced dynamics in modal coordinates, where it is triangular."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]


def modal_form(linear: Array, structure: str) -> tuple[Array, Array, Array, Array]:
    """Clean the block structure of the linear part and triangularise it block by block.

    Parameters
    ----------
    linear : (d, d)
    structure : str
        Kinds of the coordinates, as in :class:`~ssmsym.manifolds.subspace.MasterSubspace`.

    Returns
    -------
    linear, to_modal, from_modal, triangular : (d, d)
    """
    if set(structure) == {"r"}:
        diagonal, identity = np.diag(np.diag(linear)), np.eye(len(linear))
        return diagonal, identity, identity, diagonal
    forms = []
    position = 0
    for match in re.finditer("r|c|x+", structure):
        kind = match[0][0]
        size = 2 if kind == "c" else len(match[0])
        here = slice(position, position + size)
        forms.append(_modal_block(kind, linear[here, here]))
        position += size
    blocks, into, back, triangular = (_block_diagonal(parts) for parts in zip(*forms, strict=True))
    return blocks, into, back, triangular


def _block_diagonal(blocks: Sequence[Array]) -> Array:
    n = sum(len(block) for block in blocks)
    out = np.zeros((n, n), dtype=np.result_type(*blocks))
    position = 0
    for block in blocks:
        here = slice(position, position + len(block))
        out[here, here] = block
        position += len(block)
    return out


def _modal_block(kind: str, block: Array) -> tuple[Array, Array, Array, Array]:
    if kind == "r":
        return block, np.eye(1), np.eye(1), block
    if kind == "c":
        real = 0.5 * (block[0, 0] + block[1, 1])
        imaginary = 0.5 * (block[0, 1] - block[1, 0])
        clean = np.array([[real, imaginary], [-imaginary, real]])
        into = np.array([[1, -1j], [1, 1j]]) / np.sqrt(2.0)
        upper = np.diag([real + 1j * imaginary, real - 1j * imaginary])
        return clean, into, into.conj().T, upper
    complex_form = bool(np.abs(np.linalg.eigvals(block).imag).max() > 0)
    upper, vectors = scipy.linalg.schur(block, output="complex" if complex_form else "real")
    return block, vectors.conj().T, vectors, upper
