"""What an exporter is, and what one that can also run its tool is."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import SsmsymError
from ssmsym.exporters.model import ExportModel

Array = NDArray[np.float64]


class ExporterError(SsmsymError):
    """An exporter is missing, broken, wrongly used, or its tool failed."""


@dataclass(frozen=True)
class Installation:
    """A tool found on this machine.

    Attributes
    ----------
    path : Path
        Its program or folder.
    version : str
        Empty if it does not say.
    """

    path: Path
    version: str = ""


class Exporter(ABC):
    """Texts from which another program can work with a model.

    A subclass sets the class attributes and defines ``render``. It makes no use of the disk, the clock, the
    network, the environment or the current folder in ``render``: the same model and options give the same
    bytes. States and parameters keep declared order; they are never sorted.

    Attributes
    ----------
    name : str
        The name of its entry point.
    description : str
        One line.
    url : str
        Where the tool is at home.
    verified : str
        What the tests of this exporter do with the tool: run it on which problems, or check syntax only.
    install_hint : str
        How to install the tool, a command where there is one; empty if there is nothing to install.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    url: ClassVar[str]
    verified: ClassVar[str] = "nothing"
    install_hint: ClassVar[str] = ""

    def find(self) -> Installation | None:
        """The tool on this machine; None if it is not there or is not looked for."""
        return None

    @abstractmethod
    def render(self, model: ExportModel) -> Mapping[str, str]:
        """The files: relative name, with ``/`` between folders, to text.

        A subclass adds its options as keyword-only arguments with defaults and type hints (str, int, float,
        bool, a literal, or a tuple of two floats, each optionally None); ``*args`` and ``**kwargs`` are
        refused. An exporter for continuation programs has options `parameter` and `interval`.

        Raises
        ------
        ExporterError
            If an option does not fit or the target cannot express the model.
        """


@dataclass(frozen=True, eq=False)
class Start:
    """A fixed point from which branches are traced.

    Attributes
    ----------
    parameter : float
        Absolute value of the branch parameter.
    state : (n,) array
    """

    parameter: float
    state: Array


@dataclass(frozen=True, eq=False)
class Job:
    """One request to trace branches.

    Attributes
    ----------
    model : ExportModel
    parameter : str
    interval : tuple of float
    starts : tuple of Start
    options : mapping
        The options of ``render`` as they were given.
    folder : Path
        An empty temporary folder, now with the rendered files.
    installation : Installation
    timeout : float
        Seconds that each process may take.
    """

    model: ExportModel
    parameter: str
    interval: tuple[float, float]
    starts: tuple[Start, ...]
    options: Mapping[str, Any]
    folder: Path
    installation: Installation
    timeout: float


@dataclass(frozen=True, eq=False)
class TracedEvent:
    """A point that the tool labelled.

    Attributes
    ----------
    kind : str
        ``"fold"``, ``"hopf"`` or ``"branch_point"``; of periodic orbits ``"cycle_fold"``, ``"period_doubling"``,
        ``"torus"`` or ``"cycle_branch_point"``; on curves in two parameters ``"cusp"``, ``"bogdanov_takens"``,
        ``"generalized_hopf"`` or ``"fold_hopf"``.
    position : int
        Its position in the trace.
    eigenvalues : (k,) complex array
        As the tool gives them, leading first; empty if it gives none. Of periodic orbits the Floquet
        multipliers, the trivial one among them.
    """

    kind: str
    position: int
    eigenvalues: NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Orbits:
    """What is known of M periodic orbits.

    Attributes
    ----------
    periods : (M,) array
    minima : (M, n) array
        Smallest value of each coordinate.
    points : (M, n) array
        A state on each orbit.
    reach : (M,) array
        Largest norm of the state along each orbit.
    """

    periods: Array
    minima: Array
    points: Array
    reach: Array

    def first(self, count: int) -> Orbits:
        """The first so many."""
        return Orbits(self.periods[:count], self.minima[:count], self.points[:count], self.reach[:count])


@dataclass(frozen=True, eq=False)
class Trace:
    """What a tool traced from one start in one direction.

    Attributes
    ----------
    start : int
        Position of its start in the job.
    direction : {1, -1}
    parameter : (M,) array
    states : (M, n) array
    stable : (M,) bool array
    unstable : (M,) int array
        Number of unstable directions, -1 where the tool does not say.
    events : tuple of TracedEvent
    end : str
        Why it stopped.
    kind : {"equilibrium", "periodic", "fold_curve", "hopf_curve"}
        Other kinds than the first begin at a special point; then `start` counts those points, each kind by
        itself.
    second : (M,) array or None
        Values of the second parameter of a curve in two.
    orbits : Orbits or None
        Of periodic orbits, whose `states` are the largest values of each coordinate.
    """

    start: int
    direction: int
    parameter: Array
    states: Array
    stable: NDArray[np.bool_]
    unstable: NDArray[np.int64]
    events: tuple[TracedEvent, ...] = ()
    end: str = ""
    kind: str = "equilibrium"
    second: Array | None = None
    orbits: Orbits | None = None


class Runner(Exporter):
    """An exporter whose tool can be run on the rendered files and traces branches of fixed points.

    Its ``render`` has the options `parameter` and `interval`. One that can do more has the option `scenario`
    (``"equilibria"``, ``"cycles"``, ``"fold_curve"``, ``"hopf_curve"``), whose runs first trace the fixed
    points and then go on from every Hopf point or fold on them, and for curves in two parameters
    `second_parameter` and `second_interval`. It has an `install_hint`.
    """

    @abstractmethod
    def find(self) -> Installation | None:
        """The tool on this machine, or None."""

    @abstractmethod
    def run(self, job: Job) -> None:
        """Run the tool in ``job.folder`` from every start in both directions; its output stays there.

        Processes are started with :func:`ssmsym.exporters.process.call`.

        Raises
        ------
        ExporterError
            If the tool fails, with the end of its output.
        """

    @abstractmethod
    def read(self, job: Job) -> list[Trace]:
        """The traces that the tool left in ``job.folder``, without the help of the tool."""


class RightSideReader(ABC):
    """For exporters that can evaluate what they rendered, by their tool or by a reader of their own."""

    @abstractmethod
    def evaluate(
        self, files: Mapping[str, str], model: ExportModel, states: Array, parameters: Array
    ) -> Array | None:
        """The rendered right-hand side at m points.

        Parameters
        ----------
        files : mapping
            What ``render`` returned with its default options.
        states : (m, n) array
        parameters : (m, q) array

        Returns
        -------
        (m, n) array or None
            None if what it takes is not installed.
        """


def render_options(exporter: Exporter) -> dict[str, inspect.Parameter]:
    """The options of an exporter's ``render``, in declared order.

    Raises
    ------
    ExporterError
        If one is not an explicit keyword-only argument with a default.
    """
    parameters = list(inspect.signature(exporter.render).parameters.values())
    label = getattr(exporter, "name", type(exporter).__name__)
    if not parameters or parameters[0].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise ExporterError(f"'render' of the exporter '{label}' must take the model as its first argument.")
    for option in parameters[1:]:
        if option.kind is not inspect.Parameter.KEYWORD_ONLY or option.default is option.empty:
            raise ExporterError(
                f"'render' of the exporter '{label}' takes '{option}'; its options must be explicit "
                "keyword-only arguments with defaults."
            )
    return {option.name: option for option in parameters[1:]}
