"""The commands, a module each: parse and print, compute nothing."""
