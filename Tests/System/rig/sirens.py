"""Freshly drawn networks to send: SIRENs as safetensors files."""

import json
import math
import random
import struct


def siren(width):
    """A network of layers 2, WIDTH, WIDTH and 1, in float16 to send little."""
    shapes = {"net.0.linear.weight": [width, 2], "net.0.linear.bias": [width],
              "net.1.linear.weight": [width, width], "net.1.linear.bias": [width],
              "net.2.weight": [1, width], "net.2.bias": [1]}
    header, data = {}, b""
    for name, shape in shapes.items():
        count = math.prod(shape)
        values = struct.pack(f"<{count}e", *[random.uniform(-0.05, 0.05) for _ in range(count)])
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
