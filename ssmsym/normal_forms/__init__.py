"""Normal forms of bifurcations, from the reduced model and from multilinear forms of the full field."""
