"""Figures of single runs: who took part, who was excluded, and what went wrong."""
