"""Draws architecture.svg, the targets and who uses whom, with Graphviz (apt install graphviz).

    python3 Docs/architecture.py

Targets and dependencies are those of Package.swift; a dependency that follows from others is not drawn. A new target
needs a line in TARGETS.
"""

import json
import pathlib
import re
import subprocess

FOLDER = pathlib.Path(__file__).parent
# Group and task of every target of Sources.
TARGETS = {
    "weightspace": ("meet", "commands, settings"), "InferenceService": ("meet", "jobs, access, metrics"),
    "HTTPServer": ("server", "sockets, event loops"), "HTTPCore": ("server", "HTTP/1.1 state machine"),
    "HTTPContent": ("server", "codings, forms"), "OpenInference": ("server", "/v2 messages"),
    "ComputeQueue": ("server", "bounded queue"), "Clocks": ("server", "instants"),
    "Uploads": ("model", "uploads to networks"), "ModelStore": ("model", "folders, served models, plans"),
    "Verification": ("model", "reference files"), "Models": ("model", "kinds of model, answers"),
    "NeuralFunctionals": ("model", "equivariant layers"), "Engine": ("model", "plans, kernels, threads"),
    "SIREN": ("model", "notations, drawing"), "NetworkReading": ("model", "files to layers"),
    "Networks": ("model", "weights of a network"), "WeightFormats": ("model", "file readers and writers"),
    "Tensors": ("model", "arrays by name"),
    "Datasets": ("train", "pictures, fits, corpora"),
    "CorpusImport": ("train", "files to a corpus"),
    "Zoo": ("train", "CNNs to a corpus"), "Training": ("train", "tasks, recipes, runs"), "Benchmarks": ("train", "speed"),
    "Host": ("host", "the machine"),
    "CHost": ("c", "system calls"), "CKernels": ("c", "vector loops"), "COpenBLAS": ("c", "library"),
    "CZlib": ("c", "library"),
}
# Fill, line; in the dark: fill, line.
COLORS = {
    "meet": ("#fff4d6", "#a87b00", "#3d3212", "#d9a93a"), "model": ("#e6f0fb", "#2a6fb0", "#152f49", "#6aaee8"),
    "server": ("#e7f5e7", "#33803a", "#173419", "#6cc274"), "train": ("#f3eafa", "#7d4fa8", "#33214a", "#b98ce0"),
    "host": ("#fdeae2", "#b5562a", "#43251a", "#e58c5f"), "c": ("#eeeeee", "#777777", "#2c2f33", "#9a9a9a"),
}


def dependencies() -> dict[str, set[str]]:
    """The dependencies of every target of Sources among these, from the manifest."""
    text = subprocess.run(
        ["swift", "package", "dump-package"], cwd=FOLDER.parent, check=True, capture_output=True, text=True).stdout
    result = {}
    for target in json.loads(text)["targets"]:
        if target["type"] == "test" or (target.get("path") or "").startswith("Tests"):
            continue
        names = {name[0] for item in target["dependencies"] for kind, name in item.items() if kind != "product"}
        result[target["name"]] = names
    return {name: {other for other in names if other in result} for name, names in result.items()}


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The graph without edges that follow from others."""
    def below(name: str) -> set[str]:
        return set().union(*({other} | below(other) for other in graph[name])) if graph[name] else set()
    return {name: {a for a in names if not any(a in below(b) for b in names - {a})} for name, names in graph.items()}


def style() -> str:
    def rules(place: int) -> str:
        return "\n".join(
            f".node.{name} path, .node.{name} polygon {{ fill: {c[place]}; stroke: {c[place + 1]} }} "
            f".edge.{name} path {{ stroke: {c[place + 1]} }} "
            f".edge.{name} polygon {{ fill: {c[place + 1]}; stroke: {c[place + 1]} }}" for name, c in COLORS.items())
    return (
        "<style>\n.graph > polygon { fill: #ffffff; stroke: none } text { fill: #1c1c1c } .edge path { fill: none }\n"
        + rules(0) + "\n@media (prefers-color-scheme: dark) {\n.graph > polygon { fill: #15181c } text { fill: #f0f0f0 }\n"
        + rules(2) + "\n}\n</style>\n")


def main() -> None:
    graph = dependencies()
    unknown = set(graph) ^ set(TARGETS)
    if unknown:
        raise SystemExit(f"TARGETS and Package.swift differ in {', '.join(sorted(unknown))}")
    lines = ["digraph { rankdir=TB; nodesep=0.15; ranksep=0.45;",
             'node [shape=box style=rounded fontname="Helvetica,sans-Serif" fontsize=12 margin="0.12,0.06"];']
    for name, (group, task) in TARGETS.items():
        label = f'<<B>{name}</B><BR/><FONT POINT-SIZE="10">{task}</FONT>>'
        lines.append(f'"{name}" [class="{group}" label={label}];')
    for name, names in reduced(graph).items():
        lines += [f'"{name}" -> "{other}" [class="{TARGETS[name][0]}" arrowsize=0.6];' for other in sorted(names)]
    drawn = subprocess.run(
        ["dot", "-Tsvg"], input="\n".join(lines) + "}", check=True, capture_output=True, text=True).stdout
    drawn = drawn[drawn.index("<svg"):]
    drawn = re.sub(r"<!--.*?-->\n?", "", drawn, flags=re.S)
    drawn = re.sub(r' (fill|stroke)="[^"]*"', "", drawn)
    head = drawn.index(">") + 1
    title = "\n<title>The targets of Weightspace and which uses which</title>\n"
    (FOLDER / "architecture.svg").write_text(drawn[:head] + title + style() + drawn[head:].lstrip("\n"))


if __name__ == "__main__":
    main()
