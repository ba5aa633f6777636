"""Writes sirens.json: SIRENs with their canonical form, and pictures drawn by PyTorch.

    python make_fixtures.py PIPELINE.safetensors

PIPELINE.safetensors holds fitted SIRENs (`input.NAME`, stacked) and the form the trained model read (`canonical.NAME`).
Arrays are base64 of little-endian float32, in the order w0, b0, w1, b1, …
"""

import base64
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import load_file

NAMES = ["net.0.linear", "net.1.linear", "net.2"]
COUNT = 4


def encoded(tensors):
    flat = torch.cat([t.reshape(-1) for t in tensors]).to(torch.float32).numpy()
    return base64.b64encode(flat.astype("<f4").tobytes()).decode()


def parameters(sizes, generator):
    result = []
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        bound = 1 / inputs if layer == 0 else (6 / inputs) ** 0.5 / 30
        result.append((torch.rand(outputs, inputs, generator=generator) * 2 - 1) * bound)
        result.append((torch.rand(outputs, generator=generator) * 2 - 1) / inputs**0.5)
    return result


def picture(params, height, width):
    rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    x = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    for layer in range(0, len(params), 2):
        x = x @ params[layer].T + params[layer + 1]
        if layer < len(params) - 2:
            x = torch.sin(30 * x)
    return x


def drawn(sizes, params, height, width):
    values = picture(params, height, width)
    clipped = np.clip(values.numpy(), -1, 1)
    return {
        "sizes": sizes,
        "parameters": encoded(params),
        "height": height,
        "width": width,
        "picture": encoded([values]),
        "bytes": base64.b64encode((255 * (clipped + 1) / 2).astype(np.uint8).tobytes()).decode(),
    }


def main():
    stored = load_file(sys.argv[1])
    arrays = [f"{name}.{part}" for name in NAMES for part in ("weight", "bias")]

    def network(kind, index):
        return [stored[f"{kind}.{name}"][index] for name in arrays]

    generator = torch.Generator().manual_seed(7)
    small = [2, 7, 5, 3]
    fixtures = {
        "sizes": [2, 32, 32, 1],
        "networks": [
            {"raw": encoded(network("input", i)), "canonical": encoded(network("canonical", i))} for i in range(COUNT)
        ],
        "pictures": [
            drawn([2, 32, 32, 1], network("input", 0), 28, 28),
            drawn(small, parameters(small, generator), 6, 9),
        ],
    }
    path = pathlib.Path(__file__).with_name("sirens.json")
    path.write_text(json.dumps(fixtures, indent=1) + "\n")


main()
