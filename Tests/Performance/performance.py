"""Turns the lines of Tests/Performance/benchmark.sh into this processor's section of Docs/Performance.md and its pictures.

    python3 Tests/Performance/performance.py LINES FOLDER RATIOS      needs matplotlib

RATIOS is a file to write: the shares of the machine's rate, which `weightspace bench compare` reads.
"""

import datetime
import json
import os
import statistics
import subprocess
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from sections import replaced, slug, this_processor

plt.rcParams["svg.hashsalt"] = "weightspace"
lines, folder, ratios = sys.argv[1:]
heading = this_processor()
with open(lines) as file:
    rows = [json.loads(line) for line in file]


def rows_of(section, prefix="", **members):
    found = [row for row in rows if row["section"] == section and row.get("what", "").startswith(prefix)]
    return [row for row in found if all(row.get(name) == value for name, value in members.items())]


def median(section, what, **members):
    """The median time of an INR in ms; of the better one where something was measured twice, before and after peers."""
    return min(row["ms_per_inr_median"] for row in rows_of(section, what, **members))


def machine_rates():
    """GFLOP/s of 2048 × 2048 products by number of threads: a library's median over all runs, then the best library.

    Of OpenBLAS each run gives that of its fastest core type.
    """
    found = {}
    for library, prefix in [("OpenBLAS", "sgemm"), ("PyTorch", "PyTorch sgemm")]:
        by_threads = {}
        for row in rows:
            if row.get("what", "").startswith(prefix):
                by_threads.setdefault(row["threads"], []).append(row["gflops"])
        found[library] = {threads: statistics.median(rates) for threads, rates in by_threads.items()}
    best = {threads: max(rates.get(threads, 0) for rates in found.values()) for threads in found["OpenBLAS"]}
    return found, best


library_rates, best_rates = machine_rates()
for row in rows:
    if "share_of_sgemm" in row:
        row["share_of_sgemm"] = row["gflops"] / best_rates[row["threads"]]


def share(section, what, **members):
    return max(row["share_of_sgemm"] for row in rows_of(section, what, **members))


def table(header, body):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(row) + " |" for row in body), ""]


def picture(name):
    """The file of a picture: each processor has its own."""
    return f"performance-{slug(heading)}-{name}.svg"


def save(name):
    plt.tight_layout()
    plt.savefig(os.path.join(folder, picture(name)), metadata={"Date": None})
    plt.close()


shown = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
commit = shown.stdout.strip() or "unknown"
peers = ["PyTorch", "PyTorch compiled", "ONNX Runtime", "OpenVINO"]
introduction = """# Performance

Written by `sh Tests/Performance/benchmark.sh`, which runs Weightspace and the same models in PyTorch, ONNX Runtime and OpenVINO in turns,
nothing else running, and replaces the section of the processor that it runs on. Float32, medians. Quote the ratios: milliseconds are those
of one machine.

The share of the best rate compares with products of 2048 × 2048 matrices in the same run, on as many threads: the fastest of PyTorch and of
all core types of the installed OpenBLAS that the processor runs (`weightspace bench rates`). `Tests/Performance/ratios` has these shares, a
file for each processor. The script ends by comparing them with the last run's, and fails where one fell by more than 10 %; `weightspace bench
… --against FILE` does so for one measurement.
"""
text = [
    f"Measured on {datetime.date.today():%-d %B %Y}, commit {commit}.",
    "",
]
used = rows_of("paper", "kernels")[-1]
all_threads = max(library_rates["PyTorch"])
text += [
    f"Products of 2048 × 2048 matrices, GFLOP/s: {library_rates['OpenBLAS'][all_threads]:.0f} (OpenBLAS {used['openblas_version']}, its fastest core "
    f"type), {library_rates['PyTorch'][all_threads]:.0f} (PyTorch). In use: own kernels for {used['own']}, OpenBLAS's for {used['openblas']}.",
    "",
]

body = []
for model, name in [("paper", "the paper's encoder: 256 channels, 6 blocks"), ("small", "a small encoder: 64 channels, 3 blocks")]:
    for batch in (1, 16):
        own = median(model, f"{model} encode", batch=batch)
        # A peer that could not be installed has no rows.
        times = {peer: [row["ms_per_inr_median"] for row in rows_of(model, what=peer, batch=batch)] for peer in peers}
        other = [min(found) for found in times.values() if found]
        cells = [f"{min(found):.1f}" if found else "–" for found in times.values()]
        body.append(
            [name, str(batch), f"{own:.2f}", *cells, f"**{min(other) / own:.1f} ×**",
             f"{100 * share(model, f'{model} encode', batch=batch):.0f} %"]
        )
text += ["### Encoders, milliseconds an INR", ""]
text += table(["model", "batch", "Weightspace", *peers, "against the best", "share of the best rate"], body)

body = []
for model, batch in [("paper", 4), ("small", 64)]:
    own, other = median(model, "train_step"), median(model, "PyTorch train_step")
    body.append([f"a step of training, {model}", f"{own:.2f}", f"{other:.1f}", f"**{other / own:.1f} ×**", f"{100 * share(model, 'train_step'):.0f} %"])
for threads, name in [(1, "one thread"), (2, "two threads")]:
    found = max(rows_of("nft", "train_step nft", threads=threads), key=lambda row: row["share_of_sgemm"])
    body.append(
        [f"a step of training, recipe `nft`, {name}", f"{found['ms_per_inr_median']:.2f}", "–", "–",
         f"**{100 * found['share_of_sgemm']:.0f} %**"]
    )
own, other = median("small", "fit_siren"), median("small", "PyTorch fit_siren")
body.append(["fitting a SIREN, 150 steps", f"{own:.2f}", f"{other:.1f}", f"**{other / own:.1f} ×**", f"{100 * share('small', 'fit_siren'):.0f} %"])
text += ["### Training and fitting, milliseconds an INR", ""]
text += table(["what", "Weightspace", "PyTorch", "ratio", "share of the best rate"], body)

one, two = (median("cores", "paper encode", threads=threads) for threads in (1, 2))
text += [f"Two cores encode {one / two:.2f} times as fast as one (paper's encoder, batch 16).", ""]

def best(section, key, choose, **members):
    """Of what was measured several times, the best: others on the machine only make figures worse."""
    return choose(key(row) for row in rows_of(section, **members))


one_core = median("embedded", "fashion-mnist", threads=1, batch=1)
both_cores = median("embedded", "fashion-mnist", threads=2, batch=1)
beyond = min((row["beyond_compute"] for row in rows_of("served")), key=lambda row: row["p50_ms"])
served = min((row["answered"] for row in rows_of("served")), key=lambda row: row["p50_ms"])


def saturation(section, what, unserved):
    """Answers a second, and what they are of those that the model could give with nothing around it."""
    rate = best(section, lambda row: row["answers_per_second"], max)
    each = median(unserved, what, batch=16)
    return f"{rate:.4g}: **{100 * rate * each / 1000:.0f} %** of one every {each:.2f} ms, the time of an INR in a batch"


livez = {
    what: statistics.median(row["answers_per_second"] for row in rows_of("livez", what=what))
    for what in ("Weightspace", "Hummingbird", "nginx")
}
peaks = {row["what"]: row["peak_kilobytes"] / 1024 for row in rows_of("memory")}
ready = rows_of("start")[0]["milliseconds"]
allocations = max(row["plan"] for row in rows_of("allocations"))
text += ["### The service, with the embedded model", ""]
text += table(
    ["what", "figure"],
    [
        ["one network: one core / both", f"{one_core:.2f} ms / {both_cores:.2f} ms"],
        ["one request after the other: median / p99", f"{served['p50_ms']:.2f} ms / {served['p99_ms']:.2f} ms"],
        ["of it beyond its own compute", f"{beyond['p50_ms']:.2f} ms / {beyond['p99_ms']:.2f} ms"],
        ["16 connections, answers a second", saturation("saturated", "fashion-mnist", "embedded")],
        ["the same with the small encoder", saturation("saturated small", "small", "unserved small")],
        ["the same with the paper's encoder", saturation("saturated paper", "paper", "unserved paper")],
        [
            "`GET /livez`, 64 connections, answers a second",
            f"{livez['Weightspace']:.0f}: **{livez['Weightspace'] / livez['Hummingbird']:.1f} ×** Hummingbird's hello with "
            f"{livez['Hummingbird']:.0f}, **{livez['Weightspace'] / livez['nginx']:.2f} ×** nginx's `return 200` with {livez['nginx']:.0f}",
        ],
        ["start to ready", f"{ready:.0f} ms"],
        ["peak memory: the embedded model / the paper's encoder, served", f"{peaks['serve']:.0f} MB / {peaks['serve paper']:.0f} MB"],
        ["allocations in a warm plan (paper, small, embedded), at most", f"{allocations}"],
    ],
)
text += [
    "The load generators (`weightspace bench server`, and `wrk` with two threads for `/livez`) run on the same two cores. The paper's encoder",
    "has 22.3 million parameters: 89 MB, and as much again packed for products.",
    "",
]

body = [[row["what"], f"{1000 * row['ms_per_inr_median']:.0f} µs"] for row in rows_of("formats")]
text += ["### Uploads and latents, one thread", "", *table(["what", "median"], body)]

# How near to the roof each part of the paper's encoder is.
bars = [row for row in rows_of("kernels") + rows_of("layers") if "share_of_sgemm" in row]
bars += [max(rows_of("paper", "paper encode", batch=batch), key=lambda row: row["share_of_sgemm"]) for batch in (1, 16)]
plt.figure(figsize=(7, 0.32 * len(bars) + 1))
names = [f"{row['what']}, batch {row['batch']}" if row["what"].endswith("encode") else row["what"] for row in bars]
plt.barh(names, [100 * row["share_of_sgemm"] for row in bars], color="#4472a8")
plt.axvline(100, color="#a33", linewidth=1)
plt.gca().invert_yaxis()
plt.xlabel("share of the best rate of 2048 × 2048 products, %")
save("roof")

widths = {
    threads: {int(row["what"].split()[1]): row for row in rows_of("widths", "width", threads=threads)} for threads in (1, 2)
}
parameters = {width: 2 * width + width + width * width + width + width + 1 for width in widths[1]}


def cost(threads, width):
    """Microseconds a parameter."""
    return 1000 * widths[threads][width]["ms_per_inr_median"] / parameters[width]


width_table = table(
    ["hidden width", "parameters", "ms on one core", "µs a parameter", "megaflops a parameter", "share of the best rate", "ms on both cores", "µs a parameter"],
    [
        [str(width), str(count), f"{row['ms_per_inr_median']:.2f}", f"{cost(1, width):.1f}",
         f"{row['gflops'] * row['ms_per_inr_median'] / count:.2f}", f"{100 * row['share_of_sgemm']:.0f} %",
         f"{widths[2][width]['ms_per_inr_median']:.2f}", f"{cost(2, width):.1f}"]
        for (width, row), count in zip(widths[1].items(), parameters.values())
    ],
)
plt.figure(figsize=(6, 3.2))
for threads, label in [(1, "one core"), (2, "both cores")]:
    plt.plot(list(parameters), [cost(threads, width) for width in parameters], marker="o", label=label)
plt.xscale("log", base=2)
plt.ylim(0)
plt.xlabel("hidden width of the INR")
plt.ylabel("microseconds a parameter")
plt.legend()
save("width")

loads = [(int(row["section"].split()[1]), row) for row in rows if row["section"].startswith("open ")]
plt.figure(figsize=(6, 3.2))
for name, label in [("p50_ms", "median"), ("p90_ms", "90 %"), ("p99_ms", "99 %")]:
    plt.plot([load for load, _ in loads], [row["answered"][name] for _, row in loads], marker="o", label=label)
plt.yscale("log")
plt.xlabel("requests as a share of what it can answer, %")
plt.ylabel("latency of answers, ms")
plt.legend()
save("load")

text += [
    f"![How near each part comes to the machine's rate]({picture('roof')})",
    "",
    f"![Time a parameter against the width of the INR]({picture('width')})",
    "",
    *width_table,
    f"![Latency against load]({picture('load')})",
    "",
    "Parts of the first picture are those of the paper's encoder on one network and both cores. The second and the table are the small",
    "encoder; attention among the neurons of a layer grows with the cube of the width, parameters with its square. In the third, requests",
    "come at a fixed rate whatever the server does, and latency counts from when each was due.",
    "",
    "[Where the time goes](Profile.md) tells what stands between these figures and better ones.",
    "",
]
path = os.path.join(folder, "Performance.md")
with open(path) as file:
    document = file.read()
with open(path, "w") as file:
    file.write(replaced(document, introduction, heading, "\n".join(text)))

best_shares = {}
for row in rows:
    if "share_of_sgemm" in row:
        key = row["what"], row["batch"], row["threads"]
        best_shares[key] = max(best_shares.get(key, 0), row["share_of_sgemm"])
os.makedirs(os.path.dirname(ratios), exist_ok=True)
with open(ratios, "w") as file:
    for (what, batch, threads), value in sorted(best_shares.items()):
        line = {"what": what, "batch": batch, "threads": threads, "share_of_sgemm": round(value, 4)}
        file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
