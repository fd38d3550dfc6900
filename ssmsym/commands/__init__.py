"""The commands, one module for each kind of input; numerics load when a command runs."""
