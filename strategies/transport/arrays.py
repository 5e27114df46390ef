"""Reading and writing Flower's arrays without copies.

An Array holds the bytes of a .npy file. NumPy parses its header with Python's compiler,
which in Python 3.11 sometimes fails when several threads use it at once (CPython issue
106905); so each kind of header is parsed once, under a lock, and cached.
"""

import io
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord
from numpy.typing import NDArray

# The magic string, the version and the length of a header of format 1.0.
START = 10
MAGIC = b"\x93NUMPY\x01\x00"

_lock = threading.Lock()

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


class UnreadableArrayError(ValueError):
    """Raised for bytes that are not a .npy file of format 1.0; the message says why."""


def pack(value: NDArray[Any]) -> Array:
    """Serialise an array as Flower does, in one copy."""
    value = np.asarray(value)
    if not (value.flags.c_contiguous and value.dtype.isbuiltin == 1):
        return Array(value)
    content = value.reshape(-1).view(np.uint8).data
    data = b"".join([_header_for(value.shape, value.dtype), content])
    return Array(dtype_name(value.dtype), value.shape, "numpy.ndarray", data)


def pack_all(values: Mapping[str, NDArray[Any]]) -> ArrayRecord:
    """Serialise arrays by name."""
    record = ArrayRecord()  # made of a dictionary, it would copy every Array
    for name, value in values.items():
        record[name] = pack(value)
    return record


def unpack(array: Array) -> NDArray[Any]:
    """Return a read-only view of a serialised array.

    Raises
    ------
    UnreadableArrayError
        When its bytes are not a .npy file of format 1.0.
    """
    (shape, fortran, dtype), start = header_of(array.data)
    value = np.frombuffer(array.data, dtype, offset=start)
    return value.reshape(shape, order="F" if fortran else "C")


def unpack_all(arrays: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
    """Return read-only views of serialised arrays by name."""
    return {name: unpack(array) for name, array in arrays.items()}


def header_of(data: bytes) -> tuple[Header, int]:
    """Return shape, Fortran order and dtype, and where the values start.

    Raises
    ------
    UnreadableArrayError
        When there is no header of format 1.0.
    """
    if data[: START - 2] != MAGIC:
        try:
            version = np.lib.format.read_magic(io.BytesIO(data[:START]))
        except ValueError as error:
            raise UnreadableArrayError(
                f"has no readable .npy header ({error})"
            ) from error
        raise UnreadableArrayError(f"has .npy format {version}, not (1, 0)")
    end = START + int.from_bytes(data[START - 2 : START], "little")
    return _parsed(data[:end]), end


def _parsed(header: bytes) -> Header:
    with _lock:
        return _parse(header)


@lru_cache(maxsize=1024)
def _parse(header: bytes) -> Header:
    try:
        return np.lib.format.read_array_header_1_0(io.BytesIO(header[START - 2 :]))
    except Exception as error:
        # The sender wrote the header, so whatever its parser raises is a bad header.
        raise UnreadableArrayError(f"has no readable .npy header ({error})") from error


@lru_cache(maxsize=1024)
def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype, which takes NumPy longer than a small array."""
    return str(dtype)


@lru_cache(maxsize=1024)
def _header_for(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    stream = io.BytesIO()
    description = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": description, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()
