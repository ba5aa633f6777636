"""How often the notation of INRs is read right, and how well networks are classified by their function alone.

    python3 measure.py URL FOLDER…          FOLDER: of fit.py, named after its family; or 'strangers'

Prints for each family: the share read right, the share that is wrong though the answer says "confident", the accuracy
where the labels of Fashion-MNIST are installed. 'strangers' are made here: untrained and random networks and classifiers
of points, which have no notation, so that every confident reading is wrong.
"""
import gzip, json, math, os, sys, urllib.error, urllib.request
import numpy

# Activation, omega0, hidden_omega0, coordinates, values.
TRUE = {
    "nfn": ("sine", 30, 30, "-1..1", "-1..1"), "dws": ("sine", 30, 30, "-1..1", "-0.5..0.5"),
    "coin": ("sine", 30, 30, "-1..1", "0..1"), "siren-pytorch": ("sine", 30, 1, "-1..1", "-1..1"),
    "relu": ("relu", 1, 1, "-1..1", "-1..1"), "sine-ten": ("sine", 10, 10, "-1..1", "-1..1"),
    "sine-deep": ("sine", 30, 30, "-1..1", "-1..1"), "sine-rgb": ("sine", 30, 30, "-1..1", "-1..1"),
    "relu-deep": ("relu", 1, 1, "-1..1", "-1..1"), "tanh": ("tanh", 1, 1, "-1..1", "-1..1"),
    "sigmoid": ("sigmoid", 1, 1, "-1..1", "0..1"), "gaussian": ("gaussian", None, None, "-1..1", "0..1"),
    "fourier-relu": ("relu", 1, 1, "-1..1", "0..1"),
}
# What a client has to say where no reading of the weights tells it: exp(-0.5 (z / 0.3)^2) = exp(-(2.357 z)^2).
SAID = {"sigmoid": "?activation=sigmoid", "gaussian": "?activation=gaussian&omega0=2.3570226"}
LABELS = "/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz"


def post(url, body):
    request = urllib.request.Request(url, data=body)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["predictions"][0]
    except urllib.error.HTTPError as error:
        return json.load(error)


def interval(hits, count):
    """Wilson's 95 % interval of a share."""
    z, p = 1.96, hits / count
    middle, half = p + z * z / (2 * count), z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def share(hits, count):
    low, high = interval(hits, count)
    return f"{100 * hits / count:.2f} % ({100 * low:.2f}-{100 * high:.2f})"


def family(url, folder, labels):
    name = os.path.basename(folder.rstrip("/"))
    right = confident = wrong = hits = count = 0
    others = {}
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".pth"): continue
        answer = post(url + "/v1/classify" + SAID.get(name, ""), open(os.path.join(folder, file), "rb").read())
        count += 1
        notation = answer.get("notation")
        if notation is None:
            others[answer.get("detail", "?")[:80]] = others.get(answer.get("detail", "?")[:80], 0) + 1
            continue
        read = tuple(notation[key] for key in ("activation", "omega0", "hidden_omega0", "coordinates", "values"))
        good = all(want is None or want == got for want, got in zip(TRUE[name], read))
        right += good
        confident += answer["convention"]["confident"]
        wrong += not good and answer["convention"]["confident"]
        if not good: others[str(read)] = others.get(str(read), 0) + 1
        if labels is not None: hits += answer["class_id"] == labels[int(file.split(".")[0])]
    line = f"{name}: {count} networks, read right {share(right, count)}, confident {share(confident, count)}, "
    line += f"confidently wrong {share(wrong, count)}"
    if labels is not None: line += f", accuracy {share(hits, count)}"
    print(line, flush=True)
    for other, times in sorted(others.items(), key=lambda item: -item[1])[:4]: print(f"    {times} × {other}", flush=True)


def strangers(url, count):
    """Networks 2-32-32-1 that draw nothing, as JSON."""
    random = numpy.random.default_rng(0)
    uniform = lambda shape, bound: random.uniform(-bound, bound, shape)
    normal = lambda shape, std: random.standard_normal(shape) * std
    sizes = [(2, 32), (32, 32), (32, 1)]

    def siren(first, hidden, bias):
        return [(uniform((m, n), (1 / n if first else math.sqrt(6 / n) / hidden) if i == 0 else math.sqrt(6 / n) / hidden),
                 uniform(m, bias / math.sqrt(n))) for i, (n, m) in enumerate(sizes)]

    kinds = {
        "untrained SIREN": lambda: siren(True, 30, 1), "untrained dws": lambda: siren(False, 30, 0),
        "untrained siren-pytorch": lambda: siren(True, 1, 1),
        "untrained PyTorch": lambda: [(uniform((m, n), n ** -.5), uniform(m, n ** -.5)) for n, m in sizes],
        "He": lambda: [(normal((m, n), math.sqrt(2 / n)), numpy.zeros(m)) for n, m in sizes],
        "normal 0.02": lambda: [(normal((m, n), .02), normal(m, .02)) for n, m in sizes],
        "normal 0.1": lambda: [(normal((m, n), .1), normal(m, .1)) for n, m in sizes],
        "normal 0.3": lambda: [(normal((m, n), .3), normal(m, .3)) for n, m in sizes],
        "normal 1": lambda: [(normal((m, n), 1), normal(m, 1)) for n, m in sizes],
        "classifier of points": lambda: classifier(random),
    }
    for name, make in kinds.items():
        wrong = 0
        for _ in range(count):
            layers = {}
            for i, (weight, bias) in enumerate(make()):
                layers[f"layers.{i}.weight"], layers[f"layers.{i}.bias"] = weight.tolist(), bias.tolist()
            wrong += post(url + "/v1/classify", json.dumps(layers).encode())["convention"]["confident"]
        print(f"{name}: {count} networks, confident {share(wrong, count)}", flush=True)


def classifier(random):
    """A ReLU network that tells two classes of points in the plane apart, trained by gradient descent on its logit."""
    x = random.standard_normal((256, 2))
    angle = random.uniform(0, math.pi)
    y = ((x @ [math.cos(angle), math.sin(angle)]) ** 2 > random.uniform(.3, 1.5)).astype(float)
    params = [(random.uniform(-1, 1, (m, n)) / math.sqrt(n), random.uniform(-1, 1, m) / math.sqrt(n)) for n, m in [(2, 32), (32, 32), (32, 1)]]
    for _ in range(200):
        inputs, z = [x], x
        for i, (w, b) in enumerate(params):
            z = z @ w.T + b
            if i < 2: z = numpy.maximum(z, 0)
            inputs.append(z)
        grad = (1 / (1 + numpy.exp(-z[:, 0])) - y)[:, None] / len(y)
        for i in (2, 1, 0):
            w, b = params[i]
            if i < 2: grad = grad * (inputs[i + 1] > 0)
            down = grad @ w
            params[i] = (w - .5 * grad.T @ inputs[i], b - .5 * grad.sum(0))
            grad = down
    return params


if __name__ == "__main__":
    labels = numpy.frombuffer(gzip.open(LABELS).read()[8:], numpy.uint8) if os.path.exists(LABELS) else None
    for folder in sys.argv[2:]:
        if folder == "strangers": strangers(sys.argv[1], 200)
        else: family(sys.argv[1], folder, labels)
