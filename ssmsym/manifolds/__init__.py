"""Spectral submanifolds: master subspace, cohomological equation, exact coefficients, evidence."""
