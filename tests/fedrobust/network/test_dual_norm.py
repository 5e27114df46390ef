"""Files of models with a dual normalisation."""

import zipfile

import numpy as np

from fedrobust.network.classifier import load_model
from tests.own_hooks import dual_model


def test_a_file_from_before_the_layer_moved_is_read(tmp_path):
    model = dual_model("float32")
    new, old = tmp_path / "new.keras", tmp_path / "old.keras"
    model.save(new)
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                data = data.replace(
                    b"fedrobust.network.dual_norm", b"fedrobust.dual_norm"
                )
                assert b"fedrobust.dual_norm" in data
            target.writestr(name, data)
    for a, b in zip(model.get_weights(), load_model(old).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
