"""Made-up pictures of two classes, as IDX files."""

import pathlib
import random
import struct


def idx(path: pathlib.Path, extents: list[int], values: bytes) -> pathlib.Path:
    path.write_bytes(bytes([0, 0, 8, len(extents)]) + struct.pack(f">{len(extents)}I", *extents) + values)
    return path


def zoo_flags(folder: pathlib.Path, count: int = 64, tested: int = 32, spread: int = 100) -> list[str]:
    """Files of dark and light pictures of 16 x 16 pixels in `folder`, as the flags of `weightspace zoo`; the greater the
    spread of pixels, the more the classes overlap."""
    numbers, result = random.Random(1), []
    for name, own in (("", count), ("test-", tested)):
        labels = bytes(index % 2 for index in range(own))
        pixels = bytes(
            min(255, numbers.randrange(spread) + (250 - spread) // 2 * label) for label in labels for _ in range(256)
        )
        result += [f"--{name}images", idx(folder / f"{name}images", [own, 16, 16], pixels)]
        result += [f"--{name}labels", idx(folder / f"{name}labels", [own], labels)]
    return [str(part) for part in result]


def bars(folder: pathlib.Path, count: int, side: int = 12) -> list[str]:
    """Files of bars, light on dark (class 0) and dark on light (class 1), as the flags of `weightspace fit`."""
    numbers = random.Random(2)
    labels = bytes(index % 2 for index in range(count))
    pixels = bytearray()
    for label in labels:
        place, shade, is_lying = numbers.randrange(2, side - 3), numbers.randrange(160, 256), numbers.random() < 0.5
        for row in range(side):
            for column in range(side):
                value = shade if place <= (row if is_lying else column) < place + 2 else 0
                pixels.append(255 - value if label else value)
    return [
        "--images", str(idx(folder / "images", [count, side, side], bytes(pixels))),
        "--labels", str(idx(folder / "labels", [count], labels)),
    ]
