"""Linear algebra on update matrices that rules and pre-aggregators share."""
