"""Times the alternatives to Weightspace: the same encoder and training step in PyTorch, eager and compiled, ONNX Runtime and
OpenVINO (left out where it is not installed).

Layers are the authors' own (`nfn`). Prints one JSON object a line, as `weightspace bench --json` does.
    python3 -m venv peers && peers/bin/pip install torch numpy einops nfn onnx onnxscript onnxruntime openvino
    OMP_WAIT_POLICY=PASSIVE peers/bin/python Tests/Performance/peers/models.py paper|small [--train] [--fit]
"""

import argparse
import json
import math
import os
import statistics
import tempfile
import time
import warnings

import torch
from nfn import layers as nfn
from nfn.common import ArraySpec, NetworkSpec, WeightSpaceFeatures
from torch import nn
from torch.nn import functional

SIZES = (2, 32, 32, 1)
SPEC = NetworkSpec(
    [ArraySpec((rows, columns)) for columns, rows in zip(SIZES, SIZES[1:])], [ArraySpec((rows,)) for rows in SIZES[1:]]
)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norms = nn.ModuleList(nfn.SimpleLayerNorm(SPEC, channels) for _ in range(2))
        self.attention = nfn.NPAttention(SPEC, channels, 4, 0)
        self.feed_forward = nn.Sequential(
            nfn.Pointwise(SPEC, channels, 4 * channels), nfn.TupleOp(nn.GELU()), nfn.Pointwise(SPEC, 4 * channels, channels)
        )

    def forward(self, x):
        x = x + self.attention(self.norms[0](x))
        return x + self.feed_forward(self.norms[1](x))


class Encoder(nn.Module):
    """Fourier features, blocks, and cross-attention of 16 learned latents of width 256 to every token."""

    def __init__(self, channels, blocks, width=256):
        super().__init__()
        self.tokens = nn.Sequential(
            nfn.GaussianFourierFeatureTransform(SPEC, 1, channels // 2, 3),
            nfn.LearnedPosEmbedding(SPEC, channels),
            *(Block(channels) for _ in range(blocks)),
            nfn.FlattenWeights(SPEC),
        )
        self.latents = nn.Parameter(torch.randn(16, width))
        self.norm_latents, self.norm_tokens, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(channels), nn.LayerNorm(width)
        self.to_q = nn.Linear(width, channels, bias=False)
        self.to_kv = nn.Linear(channels, 2 * channels, bias=False)
        self.to_out = nn.Linear(channels, width)
        self.expand, self.contract = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def forward(self, *arrays):
        tokens = self.norm_tokens(self.tokens(WeightSpaceFeatures(arrays[0::2], arrays[1::2])))
        latents = self.latents.expand(len(tokens), -1, -1)
        key, value = self.to_kv(tokens).chunk(2, -1)
        query = self.to_q(self.norm_latents(latents))
        read = functional.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])
        latents = latents + self.to_out(read[:, 0])
        content, gate = self.expand(self.norm_out(latents)).chunk(2, -1)
        return latents + self.contract(content * functional.gelu(gate))


class Classifier(nn.Module):
    """One transformer layer on the latents; the first is read."""

    def __init__(self, width=256, inner=64):
        super().__init__()
        self.project, self.positions = nn.Linear(width, inner), nn.Embedding(64, inner)
        self.layer = nn.TransformerEncoderLayer(
            inner, 4, 2 * inner, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )
        self.head = nn.Sequential(nn.Linear(inner, inner), nn.ReLU(), nn.Linear(inner, 10))

    def forward(self, latents):
        x = self.project(latents) + self.positions.weight[: latents.shape[1]]
        return self.head(self.layer(x)[:, 0])


def sirens(batch):
    """Arrays w0, b0, … of freshly initialised SIRENs, with one channel."""
    arrays = []
    for layer, (columns, rows) in enumerate(zip(SIZES, SIZES[1:])):
        bound = 1 / columns if layer == 0 else math.sqrt(6 / columns) / 30
        arrays.append((torch.rand(batch, 1, rows, columns) * 2 - 1) * bound)
        arrays.append((torch.rand(batch, 1, rows) * 2 - 1) / math.sqrt(columns))
    return arrays


def show(**members):
    print(json.dumps(members), flush=True)


def measure(what, batch, body, repeats):
    for _ in range(2):
        body()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        body()
        times.append((time.perf_counter() - begin) / batch * 1e3)
    show(what=what, batch=batch, ms_per_inr_min=min(times), ms_per_inr_median=statistics.median(times))


def infer(encoder, repeats):
    encoder.eval()
    with torch.inference_mode():
        for batch in (1, 16):
            arrays = sirens(batch)
            measure("PyTorch", batch, lambda: encoder(*arrays), repeats)
        compiled = torch.compile(encoder)
        for batch in (1, 16):
            arrays = sirens(batch)
            measure("PyTorch compiled", batch, lambda: compiled(*arrays), repeats)
    import onnxruntime

    try:
        import openvino
    except ImportError:
        openvino = None
    for batch in (1, 16):
        arrays = tuple(sirens(batch))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "encoder.onnx")
            torch.onnx.export(encoder, arrays, path, dynamo=True, verbose=False)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = torch.get_num_threads()
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            if openvino:
                # Without these OpenVINO may compute in bfloat16, and on a number of threads of its own choice.
                settings = {
                    "INFERENCE_PRECISION_HINT": "f32",
                    "PERFORMANCE_HINT": "LATENCY",
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                }
                network = openvino.Core().compile_model(path, "CPU", settings)
        feed = {given.name: array.numpy() for given, array in zip(session.get_inputs(), arrays)}
        measure("ONNX Runtime", batch, lambda: session.run(None, feed), repeats)
        if openvino:
            reader = network.create_infer_request()
            measure("OpenVINO", batch, lambda: reader.infer(feed, share_inputs=True, share_outputs=True), repeats)


def train(encoder, batch):
    classifier = Classifier()
    encoder.train()
    optimizer = torch.optim.AdamW([*encoder.parameters(), *classifier.parameters()], lr=1e-3)
    arrays, labels = sirens(batch), torch.randint(0, 10, (batch,))

    def step():
        loss = functional.cross_entropy(classifier(encoder(*arrays)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    measure("PyTorch train_step", batch, step, 3)


def fit(count=64, steps=150, side=28):
    axis = torch.linspace(-1, 1, side)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    targets = torch.rand(count, side * side, 1) * 2 - 1

    def run():
        arrays = [array[:, 0].requires_grad_() for array in sirens(count)]
        optimizer = torch.optim.Adam(arrays, lr=3e-3)
        for _ in range(steps):
            x = torch.sin(30 * (places @ arrays[0].mT + arrays[1][:, None]))
            x = torch.sin(30 * (x @ arrays[2].mT + arrays[3][:, None]))
            loss = ((x @ arrays[4].mT + arrays[5][:, None] - targets) ** 2).mean((1, 2)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    measure(f"PyTorch fit_siren_{steps}_steps", count, run, 2)


parser = argparse.ArgumentParser()
parser.add_argument("model", choices=("paper", "small"))
parser.add_argument("--train", action="store_true", help="also a step of training, batch 64 (paper: 4)")
parser.add_argument("--fit", action="store_true", help="also the fitting of 64 SIRENs")
parser.add_argument("--repeat", type=int, default=7)
arguments = parser.parse_args()
warnings.filterwarnings("ignore")
torch.manual_seed(0)
square, all_threads = torch.randn(2048, 2048), torch.get_num_threads()
for threads in sorted({1, all_threads}):
    torch.set_num_threads(threads)
    best = 0.0
    for _ in range(8):
        begin = time.perf_counter()
        square @ square
        best = max(best, 2 * 2048**3 / (time.perf_counter() - begin) / 1e9)
    show(what="PyTorch sgemm", gflops=best, threads=threads)
network = Encoder(256, 6) if arguments.model == "paper" else Encoder(64, 3)
infer(network, arguments.repeat)
if arguments.train:
    train(network, 4 if arguments.model == "paper" else 64)
if arguments.fit:
    fit()
