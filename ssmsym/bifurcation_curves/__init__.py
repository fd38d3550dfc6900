"""Curves of bifurcations in two parameters, and how bifurcation values depend on the weights."""
