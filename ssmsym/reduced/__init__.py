"""Reduced models: the dynamics on a manifold as a field of its own."""
