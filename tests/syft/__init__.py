"""RobustStrategy over OpenMined's syft-flwr; see `make syft`."""
