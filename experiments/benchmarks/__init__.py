"""Benchmarks: this project and its peers, side by side. `make bench` runs all."""
