"""Whole slow manifolds: invariant curves beyond the radius of any Taylor series, with or without fixed points."""
