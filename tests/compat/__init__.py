"""Whether strategies works on older versions of Flower; see `make compat`."""
