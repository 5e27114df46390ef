"""The partitioners of flwr-datasets: label skew as configured."""

import numpy as np
import pytest

from fedrobust.data import Dirichlet, Iid, NaturalId, Pathological, Shards, Split
from tests.fedrobust.data.partition.splits import labelled


def test_label_skew_is_as_configured(digits):
    def classes(rows):
        return len(set(digits.y_train[rows]))

    assert {classes(r) for r in Pathological(classes_per_client=2)(digits, 10)} == {2}
    assert max(classes(r) for r in Shards(shards_per_client=2)(digits, 10)) <= 4
    assert min(classes(r) for r in Iid()(digits, 10)) == 10
    assert {classes(r) for r in NaturalId(by="label")(digits, 10)} == {1}


def test_pathological_leaves_no_class_without_a_client(digits):
    for classes_per_client, num_clients in ((2, 9), (7, 4), (10, 1)):
        dealt = Pathological(classes_per_client=classes_per_client)(digits, num_clients)
        assert sum(map(len, dealt)) == 1437
    split = labelled(0, 1, 3, 4, 7)
    with pytest.raises(ValueError, match=r"least 4 with.*classes \[4, 7\] would have"):
        Pathological(classes_per_client=2)(split, 2)


def test_natural_ids_make_clients(digits):
    ids = np.arange(1437) % 4
    split = Split(digits.x_train, digits.y_train, digits.x_test, digits.y_test, 10, ids)
    rows = NaturalId()(split, 4)
    for group in rows:
        assert len(set(ids[group])) == 1
    with pytest.raises(ValueError, match="the data make 4 clients"):
        NaturalId()(split, 5)
    with pytest.raises(ValueError, match="no array ids_train"):
        NaturalId()(digits, 4)


def test_an_impossible_partition_is_one_sentence(digits):
    with pytest.raises(ValueError, match=r"cannot deal 1437 images to 300 clients"):
        Dirichlet(alpha=0.01)(digits, 300)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dirichlet(alpha=0),
        lambda: Shards(shards_per_client=0),
        lambda: NaturalId(by="name"),
    ],
)
def test_parameters_out_of_range(make):
    with pytest.raises(ValueError, match="must be"):
        make()
