"""Arrays are read and written as Flower does it, without its copies, on any thread."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from flwr.app import Array
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from strategies.transport.arrays import UnreadableArrayError, header_of, pack, unpack

DTYPES = st.sampled_from(["f4", "f8", "f2", "i8", "i4", "u1", "?"]).map(np.dtype)


@given(npst.arrays(DTYPES, npst.array_shapes(min_dims=0, min_side=0)))
def test_bytes_are_those_of_flower(value):
    mine, theirs = pack(value), Array(np.asarray(value))
    assert (mine.dtype, mine.shape, mine.stype, mine.data) == (
        theirs.dtype, theirs.shape, theirs.stype, theirs.data,
    )  # fmt: skip
    for array in (mine, theirs):
        np.testing.assert_array_equal(unpack(array), theirs.numpy())
        assert unpack(array).dtype == value.dtype


@pytest.mark.parametrize(
    "value",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12)[::2],
        np.arange(3, dtype=">f4"),
    ],
)
def test_what_lies_otherwise_in_memory_is_read_the_same(value):
    np.testing.assert_array_equal(unpack(pack(value)), value)
    np.testing.assert_array_equal(pack(value).numpy(), value)


def test_reading_copies_nothing_and_cannot_be_written():
    array = pack(np.zeros(1_000_000, np.float32))
    value = unpack(array)
    assert not value.flags.writeable
    assert not value.flags.owndata
    assert value.base is not None
    assert sys.getsizeof(value) < 1000


@pytest.mark.parametrize(
    "data", [b"", b"not npy", b"\x93NUMPY\x02\x00", b"\x93NUMPY\x01\x00\xff\xff{"]
)
def test_what_is_no_array_is_told(data):
    with pytest.raises(UnreadableArrayError, match=r"no readable|format"):
        header_of(data)


def test_headers_of_many_shapes_are_read_on_many_threads():
    # NumPy alone fails here now and then under Python 3.11.
    arrays = [pack(np.zeros(n, np.float32)) for n in range(2000)]
    with ThreadPoolExecutor(16) as pool:
        sizes = list(pool.map(lambda array: unpack(array).size, arrays * 3))
    assert sizes == list(range(2000)) * 3
