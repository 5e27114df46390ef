"""The commands, one module for each: they parse and print, and compute nothing."""
