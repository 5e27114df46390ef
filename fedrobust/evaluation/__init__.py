"""Accuracy, clean and under attack, and the checks that judge such numbers."""
