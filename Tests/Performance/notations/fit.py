"""Fits pictures of Fashion-MNIST by networks of many notations and activations, and saves each as a .pth state dict.

    python3 fit.py FAMILY COUNT FOLDER [--steps N] [--first INDEX] [--images FILE] [--seed S]

A family is an activation with its frequencies, sizes, initial weights, coordinates and range of values as a known library or paper has them.
"""
import argparse, gzip, math, os, struct
import numpy, torch

FAMILIES = {
    # sizes, activation, first and hidden factor, initial weights, columns first, (offset, range) of the values fitted
    "nfn": dict(hidden=[32, 32], act="sine", first=30, hidden_omega=30, init="siren", low=-1, high=1),
    "dws": dict(hidden=[32, 32], act="sine", first=30, hidden_omega=30, init="dws", columns=True, low=-.5, high=.5),
    "coin": dict(hidden=[32, 32], act="sine", first=30, hidden_omega=30, init="siren", low=0, high=1),
    "siren-pytorch": dict(hidden=[32, 32], act="sine", first=30, hidden_omega=1, init="siren-pytorch", low=-1, high=1),
    "relu": dict(hidden=[32, 32], act="relu", init="torch", low=-1, high=1),
    "sine-deep": dict(hidden=[64, 64, 64], act="sine", first=30, hidden_omega=30, init="siren", low=-1, high=1),
    "sine-ten": dict(hidden=[32, 32], act="sine", first=10, hidden_omega=10, init="siren", low=-1, high=1),
    "relu-deep": dict(hidden=[128, 128, 128], act="relu", init="torch", low=-1, high=1),
    "tanh": dict(hidden=[64, 64, 64], act="tanh", init="torch", low=-1, high=1),
    "sigmoid": dict(hidden=[64, 64], act="sigmoid", init="wide", low=0, high=1),
    "gaussian": dict(hidden=[64, 64], act="gaussian", init="torch", low=0, high=1),
    "fourier-relu": dict(hidden=[64, 64], act="relu", init="torch", low=0, high=1, fourier=32),
    "sine-rgb": dict(hidden=[64, 64], act="sine", first=30, hidden_omega=30, init="siren", low=-1, high=1, outputs=3),
}

def idx(path):
    data = gzip.open(path).read()
    dims = struct.unpack(">" + "I" * data[3], data[4:4 + 4 * data[3]])
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * data[3]).reshape(dims)

def uniform(shape, bound, g): return (torch.rand(shape, generator=g) * 2 - 1) * bound

def initial(family, count, sizes, g):
    params = []
    for i, (n, m) in enumerate(zip(sizes, sizes[1:])):
        kind = family["init"]
        if kind == "siren":
            w = 1 / n if i == 0 else math.sqrt(6 / n) / family["hidden_omega"]; b = 1 / math.sqrt(n)
        elif kind == "dws": w, b = math.sqrt(6 / n) / 30, 0
        elif kind == "siren-pytorch":
            w = 1 / n if i == 0 else math.sqrt(6 / n) / (family["hidden_omega"] if i + 2 < len(sizes) else 1); b = w
        elif kind == "torch": w = b = 1 / math.sqrt(n)
        elif kind == "wide": w = 8 / math.sqrt(n) if i + 2 < len(sizes) else 1 / math.sqrt(n); b = 8 if i == 0 else w
        params += [uniform((count, n, m), w, g), uniform((count, 1, m), b, g)]
    return [p.requires_grad_() for p in params]

def forward(family, params, x):
    depth = len(params) // 2
    for i in range(depth):
        x = torch.baddbmm(params[2 * i + 1], x, params[2 * i])
        if i < depth - 1:
            act = family["act"]
            if act == "sine": x = torch.sin((family["first"] if i == 0 else family["hidden_omega"]) * x)
            elif act == "relu": x = torch.relu(x)
            elif act == "tanh": x = torch.tanh(x)
            elif act == "sigmoid": x = torch.sigmoid(x)
            elif act == "gaussian": x = torch.exp(-0.5 * (x / 0.3) ** 2)
    return x

def fit(name, pictures, steps, seed):
    family = FAMILIES[name]
    g = torch.Generator().manual_seed(seed)
    count, outputs = len(pictures), family.get("outputs", 1)
    line = torch.linspace(-1, 1, 28)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    x = torch.stack([columns, rows] if family.get("columns") else [rows, columns], -1).reshape(1, 784, 2).expand(count, -1, -1)
    basis = None
    if "fourier" in family:
        basis = torch.randn((count, 2, family["fourier"]), generator=g) * 2
        z = 2 * math.pi * torch.bmm(x, basis)
        x = torch.cat([torch.sin(z), torch.cos(z)], -1)
    y = torch.tensor(pictures, dtype=torch.float32).reshape(count, 784, 1) / 255
    # Tinted, with one channel at full strength.
    if outputs == 3: y = y * torch.nn.functional.normalize(torch.rand((count, 1, 3), generator=g), float("inf"), -1)
    y = y * (family["high"] - family["low"]) + family["low"]
    params = initial(family, count, [x.shape[-1]] + family["hidden"] + [outputs], g)
    rate = {"sine": 1e-3 if name != "siren-pytorch" else 2e-3}.get(family["act"], 5e-3)
    opt = torch.optim.Adam(params, rate)
    for step in range(steps):
        for group in opt.param_groups: group["lr"] = rate * .5 * (1 + math.cos(math.pi * step / steps))
        loss = ((forward(family, params, x) - y) ** 2).mean((1, 2)).sum()
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad(): mse = ((forward(family, params, x) - y) ** 2).mean((1, 2)) / (family["high"] - family["low"]) ** 2
    psnr = -10 * torch.log10(mse).numpy()
    return [[p.detach()[i] for p in params] for i in range(count)], basis, psnr

if __name__ == "__main__":
    a = argparse.ArgumentParser(); a.add_argument("family"); a.add_argument("count", type=int); a.add_argument("folder")
    a.add_argument("--steps", type=int, default=500); a.add_argument("--first", type=int, default=0); a.add_argument("--seed", type=int, default=0)
    a.add_argument("--images", default="/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
    o = a.parse_args(); os.makedirs(o.folder, exist_ok=True)
    pictures = idx(o.images)[o.first:o.first + o.count]
    every, W, B = [], [], []
    for start in range(0, len(pictures), 50):
        nets, basis, psnr = fit(o.family, pictures[start:start + 50], o.steps, o.seed + start)
        every += list(psnr)
        for j, p in enumerate(nets):
            layers = {}
            for i in range(len(p) // 2):
                layers[f"layers.{i}.weight"] = p[2 * i].T.contiguous(); layers[f"layers.{i}.bias"] = p[2 * i + 1][0].contiguous()
            if basis is not None: layers["B"] = basis[j].T.contiguous()
            torch.save(layers, f"{o.folder}/{o.first + start + j:05d}.pth")
            W.append(torch.cat([v.flatten() for v in layers.values()]).numpy())
        print(o.family, start + len(nets), f"PSNR {numpy.mean(every):.1f}", flush=True)
    numpy.save(f"{o.folder}/all.npy", numpy.stack(W))
