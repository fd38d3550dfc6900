"""The series of a map given as data: of a polynomial, or of the piece of a piecewise map that holds the point."""

from __future__ import annotations

from ssmsym.errors import SmoothnessError
from ssmsym.series.monomials import MonomialTable
from ssmsym.series.piecewise import DataMap, PiecewiseChebyshev
from ssmsym.series.recurrences import Operation, PolynomialMap, Sum
from ssmsym.series.ring import Array, Ring


def data_series(
    table: MonomialTable, ring: Ring, value: Array, source: Operation, data: DataMap
) -> Operation:
    """The operation that composes a map with a series.

    Raises
    ------
    SmoothnessError
        If a piecewise map is to be expanded in an exact domain; it holds floats.
    """
    if not isinstance(data, PiecewiseChebyshev):
        return PolynomialMap(table, ring, value, source, data)
    if source.value.dtype == object:
        raise SmoothnessError("A piecewise map holds floats; it has no exact coefficients.")
    offset = Sum(table, ring, ring.zeros((source.width,)), (source,))
    local = data.taylor(source.value, table.order)
    return PolynomialMap(table, ring, value, offset, local)
