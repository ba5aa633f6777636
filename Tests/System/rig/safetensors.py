"""Reads safetensors files as NumPy arrays."""

import json
import pathlib
import struct

import numpy

TYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4"}


def read_safetensors(file: pathlib.Path) -> dict[str, numpy.ndarray]:
    """The arrays in the order of the header."""
    content = file.read_bytes()
    size, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + size])
    header.pop("__metadata__", None)
    return {
        name: numpy.frombuffer(content[8 + size:][slice(*entry["data_offsets"])], TYPES[entry["dtype"]])
        .reshape(entry["shape"])
        for name, entry in header.items()
    }
