"""The objects that a pickle describes, without unpickling: nothing named in it is imported or called.

The opcodes are those of Python's ``pickletools``; a stack machine of our own follows the few that plain data needs.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ssmsym.errors import FileFormatError

_MOST_OPCODES = 2_000_000
_DEEPEST_STACK = 10_000
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}
_MARK = object()


@dataclass(frozen=True)
class Named:
    """A global that the pickle names; only its name."""

    name: str


@dataclass
class Called:
    """What the pickle would make by calling a global: its name, the arguments, and a later state."""

    name: str
    arguments: tuple[Any, ...]
    entries: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Persistent:
    """A reference to something kept outside the pickle."""

    identifier: Any


def read_pickle(data: bytes) -> Any:
    """Plain data as they are, everything else as :class:`Named`, :class:`Called` or :class:`Persistent`.

    Raises
    ------
    FileFormatError
        If the pickle is damaged or uses what plain data do not need; the reason only, a part of a sentence.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count > _MOST_OPCODES or len(machine.stack) > _DEEPEST_STACK:
                raise FileFormatError("its table of contents is too large")
            if opcode.name == "STOP":
                return machine.stack[-1]
            machine.do(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError):
        pass
    raise FileFormatError("its table of contents is damaged")


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def do(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name not in ("PROTO", "FRAME"):
            step = getattr(self, f"_{name.lower()}", None)
            if step is None:
                raise FileFormatError(
                    f"its table of contents uses the opcode {name}, which plain weights do not need"
                )
            step(argument)

    def _above_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _pop_many(self, count: int) -> tuple[Any, ...]:
        items = tuple(self.stack.pop() for _ in range(count))
        return items[::-1]

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._above_mark()))

    def _tuple1(self, _: Any) -> None:
        self.stack.append(self._pop_many(1))

    def _tuple2(self, _: Any) -> None:
        self.stack.append(self._pop_many(2))

    def _tuple3(self, _: Any) -> None:
        self.stack.append(self._pop_many(3))

    def _list(self, _: Any) -> None:
        self.stack.append(self._above_mark())

    def _dict(self, _: Any) -> None:
        items = self._above_mark()
        self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def _append(self, _: Any) -> None:
        (item,) = self._pop_many(1)
        self._extend([item])

    def _appends(self, _: Any) -> None:
        self._extend(self._above_mark())

    def _additems(self, _: Any) -> None:
        self._extend(self._above_mark())

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _setitem(self, _: Any) -> None:
        self._update(list(self._pop_many(2)))

    def _setitems(self, _: Any) -> None:
        self._update(self._above_mark())

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        entries = target.entries if isinstance(target, Called) else target
        for key, value in zip(items[::2], items[1::2], strict=True):
            entries[key if isinstance(key, (str, int, float, bool)) else repr(type(key))] = value

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(Named(f"{module}.{name}"))

    def _stack_global(self, _: Any) -> None:
        module, name = self._pop_many(2)
        self.stack.append(Named(f"{module}.{name}"))

    def _reduce(self, _: Any) -> None:
        function, arguments = self._pop_many(2)
        self._call(function, arguments)

    def _newobj(self, _: Any) -> None:
        function, arguments = self._pop_many(2)
        self._call(function, arguments)

    def _newobj_ex(self, _: Any) -> None:
        function, arguments, _keywords = self._pop_many(3)
        self._call(function, arguments)

    def _call(self, function: Any, arguments: Any) -> None:
        name = function.name if isinstance(function, (Named, Called)) else type(function).__name__
        if name == "collections.OrderedDict" and not arguments:
            self.stack.append({})
        else:
            self.stack.append(Called(name, tuple(arguments)))

    def _build(self, _: Any) -> None:
        self.stack.pop()  # attributes; of a state dict its metadata

    def _binpersid(self, _: Any) -> None:
        self.stack.append(Persistent(self.stack.pop()))

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._above_mark()
