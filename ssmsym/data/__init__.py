"""Fits of reduced models to trajectories, and their comparison with an analytic SSM."""
