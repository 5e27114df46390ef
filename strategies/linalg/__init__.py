"""Arithmetic on update matrices that every rule shares."""
