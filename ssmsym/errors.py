"""Every exception and warning of ssmsym.

A message is one sentence or two: what was asked, what was found, where, and what to do. The numbers that
it quotes are attributes too, so that a program can act on them.
"""


class SsmsymError(Exception):
    """Base of all errors that ssmsym raises on purpose."""


class InputError(SsmsymError, ValueError):
    """An argument, array or name is wrong: missing, misshapen, not finite, unknown."""


class FileFormatError(SsmsymError, ValueError):
    """A file cannot be read as what it was given for."""


class OutputError(SsmsymError, OSError):
    """A result cannot be written; nothing was left half written."""


class MissingExtraError(SsmsymError, ImportError):
    """An optional dependency is needed and not installed."""


class NotConvergedError(SsmsymError, ArithmeticError):
    """An iteration ended without reaching its tolerance."""


class SmoothnessError(SsmsymError, ArithmeticError):
    """A Taylor expansion was asked for where a function has no derivatives."""


class SubspaceError(SsmsymError, ValueError):
    """The requested modes do not span a real invariant subspace that can be separated from the rest.

    Attributes
    ----------
    modes : tuple[int, ...]
        Positions, in the ordered spectrum, of the modes that are at fault.
    """

    def __init__(self, message: str, *, modes: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.modes = modes


class ResonanceError(SsmsymError, ArithmeticError):
    """An outer resonance obstructs the cohomological equation.

    Attributes
    ----------
    degree : int
        Degree at which the obstruction appears; lower orders can be computed.
    mode : int
        Position in the ordered spectrum of the outer mode to add to the master subspace.
    combination : tuple[int, ...]
        Multiples of the master eigenvalues that meet the outer eigenvalue.
    distance : float
        Distance between the combination and the outer eigenvalue, in 1/time.
    """

    def __init__(
        self, message: str, *, degree: int, mode: int, combination: tuple[int, ...], distance: float
    ) -> None:
        super().__init__(message)
        self.degree = degree
        self.mode = mode
        self.combination = combination
        self.distance = distance


class SsmsymWarning(UserWarning):
    """A result is valid but needs a second look; the message says why."""
