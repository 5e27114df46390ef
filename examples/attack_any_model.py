"""Attack a Keras model that no run of this project made."""

from fedrobust.backend import start_tensorflow

start_tensorflow()  # before TensorFlow's first operation, for the same bits every time

import keras  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

from fedrobust.attacks import FGSM, PGD, RandomNoise  # noqa: E402
from fedrobust.evaluation.assessment import assess  # noqa: E402

digits = load_digits()
x, y = digits.images[..., None] / 16, digits.target
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),  # taken off for the attacks
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x[:1437], y[:1437], epochs=10, verbose=0)

attacks = {"noise": RandomNoise(), "fgsm": FGSM(), "pgd": PGD(steps=20)}
found = assess(model, x[1437:], y[1437:], attacks, [0.05, "1/10"])

print("clean", round(100 * found.scores.clean, 1))
for attack, accuracies in found.scores.robust.items():
    print(attack, {eps: round(100 * value, 1) for eps, value in accuracies.items()})
failed = [name for name, c in found.scores.checks.items() if c.status == "fail"]
print("failed checks:", failed)
for note in found.notes:
    print("note:", note)
