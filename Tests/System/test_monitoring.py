"""The alerts and the dashboard in Deploy/monitoring: their rules by promtool and with unit tests, every metric and
label that they name against what a running server says in /metrics, and that text against Prometheus' format."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from rig.paths import BUILD, DEPLOY, FIXTURES, SYSTEM
from rig.server import Server, request

FOLDER = DEPLOY / "monitoring"
# What Prometheus itself adds to a sample.
ADDED = {"job", "instance"}


def served(texts: list[str]) -> dict[str, set[str]]:
    """The labels of every series name; families without samples have none."""
    labels = {}
    for text in texts:
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                suffixes = ["_bucket", "_sum", "_count"] if kind == "histogram" else [""]
                for suffix in suffixes:
                    labels.setdefault(name + suffix, set())
            elif line and not line.startswith("#"):
                name, rest = re.fullmatch(r"([a-z_]+)(.*)", line).groups()
                labels[name] |= set(re.findall(r'([a-z0-9_]+)="', rest))
    return labels


def expressions() -> Iterator[tuple[str, str]]:
    """Every PromQL expression with the place where it stands."""
    for line in re.findall(r"expr: (\|\n(?: {10,}.*\n)+|.*)", (FOLDER / "alerts.yaml").read_text()):
        yield "alerts.yaml", line
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"dashboard.json, {panel['title']}", target["expr"]


def as_rules() -> str:
    """The dashboard's expressions as rules, for promtool to read."""
    variables = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}
    rules = []
    for place, expression in expressions():
        if place.startswith("dashboard.json"):
            for name, value in variables.items():
                expression = expression.replace(name, value)
            rules.append({"record": f"dashboard:{len(rules)}", "expr": expression})
    # YAML is a superset of JSON.
    return json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}, indent=1)


@pytest.fixture(scope="session")
def promtool() -> str:
    """Of the path, or taken out of Debian's package, whose installation would also start a Prometheus."""
    if found := shutil.which("promtool"):
        return found
    folder = BUILD / "promtool"
    program = folder / "usr/bin/promtool"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        as_root = [] if os.getuid() == 0 else ["sudo"]
        subprocess.run([*as_root, "apt-get", "update", "-qq"], check=True)
        download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", "prometheus"]
        subprocess.run(download, cwd=folder, check=True)
        package = next(folder.glob("prometheus_*.deb"))
        subprocess.run(["dpkg", "-x", package, folder], check=True)
        package.unlink()
    return str(program)


def run(*command: object, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts(promtool: str, tmp_path: pathlib.Path) -> None:
    """Every alert fires when it should and not otherwise."""
    for file in (FOLDER / "alerts.yaml", SYSTEM / "alerts_test.yaml"):
        shutil.copy(file, tmp_path)
    run(promtool, "check", "rules", tmp_path / "alerts.yaml")
    run(promtool, "test", "rules", tmp_path / "alerts_test.yaml")


def test_dashboard_is_promql(promtool: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "dashboard.yaml").write_text(as_rules())
    run(promtool, "check", "rules", tmp_path / "dashboard.yaml")


@pytest.fixture(scope="module")
def exposed(program: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Texts of /metrics with every kind of series: answers, faults, waiting requests and refusals of a full queue."""
    log = tmp_path_factory.mktemp("monitoring") / "server.log"
    with Server(program, log, "--log-level", "error", "--threads", "1", "--max-queue", "1") as server:
        def post(name: str, path: str) -> None:
            request(server.port, "POST", f"/v1/{path}", (FIXTURES / name).read_bytes())

        post("net0.pth", "classify")
        post("net0.npz", "encode")
        post("net0.legacy.pth", "classify")
        request(server.port, "POST", "/v1/fit?steps=2", b"P5 2 2 255\nabcd")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for number in range(800):
                pool.submit(post, "net0.pth", f"encode?timeout_ms={10001 + number % 100}")
            texts = [request(server.port, path="/metrics")[1].decode() for _ in range(10)]
        return [*texts, request(server.port, path="/metrics")[1].decode()]


def test_metrics_are_in_the_format(promtool: str, exposed: list[str]) -> None:
    run(promtool, "check", "metrics", text=exposed[-1])


def test_every_metric_and_label_is_served(exposed: list[str]) -> None:
    labels = served(exposed)
    recorded = set(re.findall(r"record: (\S+)", (FOLDER / "alerts.yaml").read_text()))
    known = set().union(*labels.values()) | ADDED
    count, faults = 0, []
    for place, expression in expressions():
        for name, selector in re.findall(r"\b((?:weightspace|process)[_:][a-z0-9_:]+)(?:\{([^}]*)\})?", expression):
            count += 1
            if name in recorded:
                continue
            if name not in labels:
                faults.append(f"{place}: the server has no {name}")
                continue
            faults += [f"{place}: {name} has no label {label}" for label in re.findall(r"([a-z_]+) *=", selector)
                       if label not in labels[name] | ADDED]
        for names in re.findall(r"\b(?:by|without|on) \(([^)]*)\)", expression):
            faults += [f"{place}: no metric has a label {label}" for label in re.split(r", *", names)
                       if label not in known]
    print(f"{count} uses of metrics in alerts and dashboard")
    assert faults == []
    assert count > 40
