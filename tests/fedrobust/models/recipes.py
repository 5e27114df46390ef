"""Arguments that recipes of models share."""

MNIST = {"input_shape": [28, 28, 1], "num_classes": 10}
