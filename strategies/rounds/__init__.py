"""One round of RobustStrategy: its settings, its training and its evaluation."""
