"""From a file of weights to a vector field: containers, recognition of what they hold, and its check."""
