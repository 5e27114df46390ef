"""Clean and robust accuracy, and the checks that judge these numbers."""
