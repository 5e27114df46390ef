"""The sides of every row."""
