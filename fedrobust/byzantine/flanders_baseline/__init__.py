"""Attacks as the Flower baseline of FLANDERS codes them, where it left the papers."""
