"""Long expressions as short statements, for targets that limit the length of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from ssmsym.exporters.code import CodePrinter
from ssmsym.exporters.contract import ExporterError


class Splitter:
    """Texts of bounded length; what does not fit goes to helpers that are defined before.

    Parameters
    ----------
    printer : CodePrinter
        Copied; the copy also knows the helpers.
    limit : int
        Most characters of an expression.
    name : callable
        Number of a helper, counted from 1, to its name.

    Attributes
    ----------
    helpers : list of (str, str)
        Name and text of each helper, in the order in which they must be computed.
    """

    def __init__(self, printer: CodePrinter, limit: int, name: Callable[[int], str]) -> None:
        self._symbols = dict(printer.symbols)
        self.printer = CodePrinter(printer.dialect, self._symbols)
        self.limit = limit
        self.name = name
        self.helpers: list[tuple[str, str]] = []

    def short(self, e: Any) -> str:
        """The expression's text, of at most `limit` characters.

        Raises
        ------
        ExporterError
            If it cannot be split that far.
        """
        text = self.printer.definition(e)
        if len(text) <= self.limit or not e.args:
            return self._checked(text)
        if e.is_Add:
            return self._sum(e)
        if isinstance(e, sympy.Piecewise):
            return self._cases(e)
        for part in sorted(set(e.args), key=lambda a: (-len(self.printer.text(a)), str(a))):
            if not part.args:
                break
            self.define(part)
            text = self.printer.definition(e)
            if len(text) <= self.limit:
                break
        return self._checked(text)

    def define(self, e: Any) -> None:
        """Give an expression a helper of its own, unless it has one."""
        if e not in self._symbols:
            self._symbols[e] = self._helper(self.short(e))

    def _helper(self, text: str) -> str:
        name = self.name(len(self.helpers) + 1)
        self.helpers.append((name, text))
        return name

    def _checked(self, text: str) -> str:
        if len(text) > self.limit:
            raise ExporterError(
                f"An expression of this model takes {len(text)} characters in one piece; "
                f"{self.printer.dialect.name} reads at most {self.limit}. Reduce the model to a polynomial one first."
            )
        return text

    def _sum(self, e: Any) -> str:
        """Parts of the sum as helpers, which are added at the end, perhaps in parts again."""
        pieces = []
        for term in e.args:
            (pair,) = self.printer.terms(term) if not term.is_Add else [("+", f"({self.printer.text(term)})")]
            if len(pair[1]) > self.limit - 2:
                self.define(term)
                pair = ("+", self.printer.text(term))
            pieces.append(pair)
        while True:
            groups: list[str] = [""]
            for sign, text in pieces:
                first = not groups[-1]
                added = (text if sign == "+" else f"-{text}") if first else f"{groups[-1]} {sign} {text}"
                if len(added) > self.limit and not first:
                    groups.append(text if sign == "+" else f"-{text}")
                else:
                    groups[-1] = added
            if len(groups) == 1:
                return self._checked(groups[0])
            pieces = [("+", self._helper(self._checked(group))) for group in groups]

    def _cases(self, e: Any) -> str:
        """Case after case from the last, each choosing between its value and the case behind it."""
        *cases, (last, always) = e.args
        if always != sympy.true:
            raise ExporterError(
                f"A function of this model is not defined everywhere: {always} is a condition."
            )
        text = self._operand(last)
        for value, condition in reversed(cases):
            behind = text if len(text) <= self.limit // 3 else self._helper(text)
            text = self._checked(
                self.printer.dialect.select(self.printer.condition(condition), self._operand(value), behind)
            )
        return text

    def _operand(self, e: Any) -> str:
        text = self.printer.text(e)
        if len(text) <= self.limit // 3:
            return text
        self.define(e)
        return self.printer.text(e)
