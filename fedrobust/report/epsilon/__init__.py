"""Choosing a training epsilon: the tables of a sweep, and a recommendation."""
