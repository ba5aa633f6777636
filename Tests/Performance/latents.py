"""How well classes can be read from a model's latents, which stay as they are: the accuracy on test networks of a linear
classifier and of the 20 nearest neighbours among the training networks.

    python Tests/Performance/latents.py WEIGHTSPACE MODEL TRAIN TEST    for example
    python Tests/Performance/latents.py .build/release/weightspace .build/training/nft/model .build/training/train .build/training/test

Needs numpy. Both read all numbers of a latent array, each minus its mean and divided by its deviation over the training
networks. The linear classifier minimises the cross-entropy and a factor times the squared norm of its weights; the factor is the
best of three, learned from the networks of 20,000 sources (pictures) and judged on those of 5,000 others.
"""

from __future__ import annotations

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

KEPT_APART = 5000
NEIGHBOURS = 20
STEPS = 150
SUBSET = 20_000


def column(folder: pathlib.Path, name: str) -> np.ndarray:
    """A column of a corpus, such as the classes, in the order of its files."""
    found = []
    for file in sorted(folder.glob("*.safetensors")):
        data = file.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        begin, end = json.loads(data[8 : 8 + length])[name]["data_offsets"]
        found.append(np.frombuffer(data[8 + length + begin : 8 + length + end], "<i8"))
    return np.concatenate(found)


def latents(program: str, model: str, folder: pathlib.Path) -> np.ndarray:
    """(networks, numbers of a latent array)"""
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch) / "latents.npy"
        command = [program, "encode", folder, "--models", model, "--no-embedded", "--output", output]
        if subprocess.run(command).returncode != 0:
            raise SystemExit(f"{folder}: not all networks can be read")
        array = np.load(output)
    return array.reshape(len(array), -1)


def fit_linear(x: np.ndarray, y: np.ndarray, classes: int, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Minimises the mean cross-entropy + penalty · |W|² by Adam on all networks at once, its rate falling to 0."""
    parameters = [np.zeros((x.shape[1], classes), np.float32), np.zeros(classes, np.float32)]
    first = [np.zeros_like(value) for value in parameters]
    second = [np.zeros_like(value) for value in parameters]
    wanted = np.eye(classes, dtype=np.float32)[y]
    for step in range(1, STEPS + 1):
        logits = x @ parameters[0] + parameters[1]
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        difference = (exponentials / exponentials.sum(1, keepdims=True) - wanted) / len(x)
        gradients = [x.T @ difference + 2 * penalty * parameters[0], difference.sum(0)]
        rate = 0.05 * (1 + np.cos(np.pi * step / STEPS)) / 2
        for index, gradient in enumerate(gradients):
            first[index] = 0.9 * first[index] + 0.1 * gradient
            second[index] = 0.999 * second[index] + 0.001 * gradient**2
            mean, square = first[index] / (1 - 0.9**step), second[index] / (1 - 0.999**step)
            parameters[index] = parameters[index] - rate * mean / (np.sqrt(square) + 1e-8)
    return parameters[0], parameters[1]


def nearest(train: np.ndarray, y: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """The most frequent class among the nearest neighbours by the cosine, weighted by it."""
    train = train / np.linalg.norm(train, axis=1, keepdims=True)
    test = test / np.linalg.norm(test, axis=1, keepdims=True)
    answers = []
    for begin in range(0, len(test), 500):
        cosines = test[begin : begin + 500] @ train.T
        places = np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        votes = np.zeros((len(cosines), classes), np.float32)
        for row, own in enumerate(places):
            np.add.at(votes[row], y[own], cosines[row, own])
        answers.append(votes.argmax(1))
    return np.concatenate(answers)


def main() -> None:
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    program, model = sys.argv[1:3]
    folders = [pathlib.Path(name) for name in sys.argv[3:]]
    (x, y), (x_test, y_test) = [(latents(program, model, folder), column(folder, "label")) for folder in folders]
    classes = int(y.max()) + 1
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    source = column(folders[0], "source")
    order = np.random.default_rng(0).permutation(np.unique(source))
    apart = np.isin(source, order[:KEPT_APART])
    own = np.isin(source, order[KEPT_APART : KEPT_APART + SUBSET])

    def accuracy(penalty: float) -> float:
        weight, bias = fit_linear(x[own], y[own], classes, penalty)
        return float(((x[apart] @ weight + bias).argmax(1) == y[apart]).mean())

    penalty = max([1e-5, 1e-4, 1e-3], key=accuracy)
    weight, bias = fit_linear(x, y, classes, penalty)
    linear = ((x_test @ weight + bias).argmax(1) == y_test).mean()
    neighbours = (nearest(x, y, x_test, classes) == y_test).mean()
    print(
        json.dumps(
            {
                "networks": len(x), "test_networks": len(x_test), "numbers": x.shape[1], "penalty": penalty,
                "linear_accuracy": float(linear), "nearest_20_accuracy": float(neighbours),
            }
        )
    )


if __name__ == "__main__":
    main()
