"""One compiled epoch against the gradients of its loss."""

import numpy as np

from fedrobust.backend import keras, tf
from fedrobust.training import Standard
from tests.fedrobust.training.objectives import batches, cross_entropy, mlp, train


def test_the_proximal_term_is_that_of_the_loss(digits):
    network = mlp()
    start = network.arrays()
    result = train(network, Standard(), digits, proximal=0.7)
    model, optimizer = network.model, keras.optimizers.SGD(0.1)
    fixed = [tf.constant(v.numpy()) for v in model.trainable_variables]
    for x, y in batches(digits):
        with tf.GradientTape() as tape:
            pairs = zip(model.trainable_variables, fixed, strict=True)
            apart = tf.add_n([tf.reduce_sum((w - w0) ** 2) for w, w0 in pairs])
            loss = cross_entropy(model, x, y) + 0.7 / 2 * apart
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
    for name, value in network.arrays().items():
        np.testing.assert_allclose(result.arrays[name], value, atol=2e-6)
    network.assign(start)
