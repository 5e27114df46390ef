"""The number of images of each class at each client."""

import json

import numpy as np
import pytest

from fedrobust.report.collect import collect
from fedrobust.report.portraits.partition import (
    MOST_COLUMNS,
    MOST_DOTS,
    drawings,
    partition_figure,
)
from fedrobust.report.style import INK
from tests.fedrobust.report.portraits.legibility import assert_legible
from tests.fedrobust.report.portraits.stored import write

FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
           "Sneaker", "Bag", "Ankle boot"]  # fmt: skip


def random_counts(clients, classes):
    shares = np.random.default_rng(0).dirichlet([0.3] * classes, clients)
    return (1000 * shares).astype(int)


def test_the_area_of_a_dot_is_the_number_of_images():
    above, below = partition_figure(np.array([[4, 0], [1, 2]]), ["a", "b"]).axes
    honest = below.collections[0]
    assert honest.get_offsets().tolist() == [[0, 0], [1, 0], [1, 1]]
    assert (honest.get_sizes() / honest.get_sizes()[0]).tolist() == [1, 0.25, 0.5]
    assert [bar.get_height() for bar in above.patches] == [4, 3]


def test_byzantine_clients_have_another_mark():
    below = partition_figure(np.array([[4, 0], [1, 2]]), ["a", "b"], [1]).axes[1]
    honest, byzantine = below.collections[:2]
    assert honest.get_offsets().tolist() == [[0, 0]]
    assert byzantine.get_offsets().tolist() == [[1, 0], [1, 1]]
    corners = [len(kind.get_paths()[0].vertices) for kind in (honest, byzantine)]
    assert corners[0] > corners[1]


def test_many_clients_are_sorted_by_their_most_frequent_class():
    counts = np.zeros((MOST_DOTS + 2, 2), int)
    counts[:, 1] = 5
    counts[7] = 3, 1
    counts[9] = 3, 0
    figure = partition_figure(counts, ["a", "b"], [7])
    (image,) = figure.axes[1].images
    drawn = image.get_array()
    assert drawn.shape == (2, MOST_DOTS + 2)
    # Client 9 has only this class, and client 7 mostly.
    assert drawn[:, :3].tolist() == [[3, 3, 0], [0, 1, 5]]
    (mark,) = [line for line in figure.axes[1].lines if line.get_color() == INK]
    assert mark.get_xdata().tolist() == [1]


def test_a_column_averages_clients_if_there_are_too_many():
    counts = np.full((4 * MOST_COLUMNS, 3), 6)
    (image,) = partition_figure(counts, ["a", "b", "c"]).axes[1].images
    assert image.get_array().tolist() == [[6] * MOST_COLUMNS] * 3


@pytest.mark.parametrize("clients", [1, 2, 15, 16, MOST_DOTS, MOST_DOTS + 1, 1000])
def test_a_partition_can_be_read(clients):
    counts = random_counts(clients, 10)
    assert_legible(partition_figure(counts, FASHION, range(0, clients, 7)))
    assert_legible(partition_figure(counts, FASHION))


@pytest.mark.parametrize("classes", [2, 20, 21, 100])
def test_names_of_classes_can_be_read(classes):
    names = [f"{number} $x_1$ <script>\n" for number in range(classes)]
    assert_legible(partition_figure(random_counts(12, classes), names))


def test_a_client_without_images_is_drawn_empty():
    figure = partition_figure(np.array([[0, 0], [0, 0]]), ["a", "b"])
    assert len(figure.axes[1].collections[0].get_offsets()) == 0
    assert_legible(figure)


def write_partition(path, counts):
    found = {"classes": ["a", "b"], "counts": counts}
    (path / "partition.json").write_text(json.dumps(found))


def test_each_partition_is_drawn_once(tmp_path):
    for strategy, alpha in (("a", 0.1), ("b", 0.1), ("a", 1.0)):
        path = write(
            tmp_path, strategy=strategy,
            more={"partition": {"alpha": alpha, "seed": 0}, "num_clients": 2},
            result={"partition_digest": f"of {alpha}"},
        )  # fmt: skip
        write_partition(path, [[3, 0], [1, 2]])
    first, second = drawings(collect(tmp_path))
    assert "alpha=0.1 num_clients=2" in first.title
    assert "alpha=1.0 num_clients=2" in second.title
    assert "2 clients hold 3 images each, of 1 to 2 classes." in first.caption


def test_of_many_partitions_three_are_drawn(tmp_path):
    for number in range(7):
        result = {"partition_digest": str(number)}
        path = write(tmp_path, strategy=f"s{number}", result=result)
        write_partition(path, [[number, 1]])
    drawn = drawings(collect(tmp_path))
    assert [each.digests for each in drawn] == [["s0-0"], ["s3-0"], ["s6-0"]]
    assert "one of 7 partitions" in drawn[0].caption


def test_a_torn_file_is_the_reason(tmp_path):
    path = write(tmp_path)
    (path / "partition.json").write_text('{"classes": ["a"')
    (drawn,) = drawings(collect(tmp_path))
    assert "partition.json" in drawn.reason


def test_runs_of_earlier_versions_say_why(tmp_path):
    write(tmp_path)
    (drawn,) = drawings(collect(tmp_path))
    assert "earlier versions" in drawn.reason
