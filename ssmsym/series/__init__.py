"""Truncated power series in several variables: multi-indices, polynomials, degree-by-degree recurrences."""

from ssmsym.series.polynomial import Polynomial

__all__ = ["Polynomial"]
