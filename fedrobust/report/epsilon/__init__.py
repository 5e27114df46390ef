"""Which training epsilon to choose: the table of a sweep, and the advice on it."""
