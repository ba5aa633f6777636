"""Draws the validation curves of several training runs over the minutes that their steps take.

    python3 Tests/Performance/curves.py PICTURE.svg NAME=FOLDER=MILLISECONDS…      needs matplotlib

FOLDER is a run's, or those of runs that continue each other (`--initial`), with commas between. MILLISECONDS is the time of a
network in a step, as `weightspace bench train` measures it: the runs themselves may have had other work beside them.
"""

import csv
import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

plt.rcParams["svg.hashsalt"] = "weightspace"
PANELS = [
    ("validation_accuracy_weights", 100, "validation accuracy, %"),
    ("validation_loss_reconstruction", 1, "mean squared error of the reconstructed picture"),
]

target, *runs = sys.argv[1:]
figure, axes = plt.subplots(1, len(PANELS), figsize=(10, 3.6))
for run in runs:
    name, folders, milliseconds = run.rsplit("=", 2)
    rows, minutes, start = [], [], 0.0
    for folder in map(pathlib.Path, folders.split(",")):
        with open(folder / "metrics.csv") as file:
            own = list(csv.DictReader(file))
        batch = json.loads((folder / "recipe.json").read_text())["optimization"]["batch"]
        minutes += [start + float(row["step"]) * batch * float(milliseconds) / 60_000 for row in own]
        rows += own
        start = minutes[-1]
    for panel, (column, factor, title) in zip(axes, PANELS):
        panel.plot(minutes, [factor * float(row[column]) for row in rows], marker=".", label=name)
        panel.set(xlabel="minutes", title=title)
for panel in axes:
    panel.grid(alpha=0.3)
axes[1].set_yscale("log")
axes[0].legend()
figure.tight_layout()
figure.savefig(target, metadata={"Date": None})
