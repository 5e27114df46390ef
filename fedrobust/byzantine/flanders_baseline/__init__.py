"""Attacks as coded in the Flower baseline of FLANDERS, which differ from the papers."""
