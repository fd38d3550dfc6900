"""Legal, unique names for a target program, made from declared names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def identifiers(
    names: Sequence[str],
    *,
    reserved: Iterable[str] = (),
    length: int = 31,
    case_sensitive: bool = True,
) -> tuple[str, ...]:
    """One identifier a name, in the same order.

    A name that is legal already is kept, unless an earlier one has it. Other characters become ``_``; a
    number is added where two names would be the same.

    Parameters
    ----------
    names : sequence of str
    reserved : iterable of str
        Words of the target, in any case.
    length : int
        Largest number of characters.
    case_sensitive : bool
        Whether the target tells ``a`` from ``A``.

    Examples
    --------
    >>> identifiers(["u[0]", "u_0", "If", "lambda", "Lambda"], reserved=["if"], case_sensitive=False)
    ('u_0_2', 'u_0', 'If_2', 'lambda', 'Lambda_2')
    """
    forbidden = {word.lower() for word in reserved}

    def key(name: str) -> str:
        return name if case_sensitive else name.lower()

    def free(name: str, taken: set[str]) -> bool:
        return name.lower() not in forbidden and key(name) not in taken

    out: list[str] = [""] * len(names)
    taken: set[str] = set()
    for i, name in enumerate(names):
        if _LEGAL.match(name) and len(name) <= length and free(name, taken):
            out[i] = name
            taken.add(key(name))
    for i, name in enumerate(names):
        if not out[i]:
            stem = _stem(name)
            candidate, number = stem[:length], 2
            while not free(candidate, taken):
                ending = f"_{number}"
                candidate, number = stem[: length - len(ending)] + ending, number + 1
            out[i] = candidate
            taken.add(key(candidate))
    return tuple(out)


def _stem(name: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return stem if stem[:1].isalpha() else f"x{stem}"


def quoted(name: str) -> str:
    """A declared name, quoted, as one line of ASCII that is safe in any comment."""
    return ascii(name).replace("*/", "* /")
