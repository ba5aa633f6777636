"""Checks that every metric and label named in alerts.yaml and dashboard.json is one that the server gives.

    check.py FILE…      texts of /metrics
    check.py --rules    prints the dashboard's expressions as rules, for promtool to read
"""

import json
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).parent
# What Prometheus itself adds to a sample.
ADDED = {"job", "instance"}


def served(paths):
    """The labels of every series name; families without samples have none."""
    labels = {}
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                suffixes = ["_bucket", "_sum", "_count"] if kind == "histogram" else [""]
                for suffix in suffixes:
                    labels.setdefault(name + suffix, set())
            elif line and not line.startswith("#"):
                name, rest = re.fullmatch(r"([a-z_]+)(.*)", line).groups()
                labels[name] |= set(re.findall(r'([a-z0-9_]+)="', rest))
    return labels


def expressions():
    """Every PromQL expression with the place where it stands."""
    for line in re.findall(r"expr: (\|\n(?: {10,}.*\n)+|.*)", (FOLDER / "alerts.yaml").read_text()):
        yield "alerts.yaml", line
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"dashboard.json, {panel['title']}", target["expr"]


def as_rules():
    variables = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}
    rules = []
    for place, expression in expressions():
        if place.startswith("dashboard.json"):
            for name, value in variables.items():
                expression = expression.replace(name, value)
            rules.append({"record": f"dashboard:{len(rules)}", "expr": expression})
    # YAML is a superset of JSON.
    return json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}, indent=1)


def main():
    if sys.argv[1:] == ["--rules"]:
        print(as_rules())
        return
    labels = served(sys.argv[1:])
    recorded = set(re.findall(r"record: (\S+)", (FOLDER / "alerts.yaml").read_text()))
    faults, count = [], 0
    for place, expression in expressions():
        for name, selector in re.findall(r"\b((?:weightspace|process)[_:][a-z0-9_:]+)(?:\{([^}]*)\})?", expression):
            count += 1
            if name in recorded:
                continue
            if name not in labels:
                faults.append(f"{place}: the server has no {name}")
                continue
            for label in re.findall(r"([a-z_]+) *=", selector):
                if label not in labels[name] | ADDED:
                    faults.append(f"{place}: {name} has no label {label}")
        known = set().union(*labels.values()) | ADDED
        for names in re.findall(r"\b(?:by|without|on) \(([^)]*)\)", expression):
            for label in re.split(r", *", names):
                if label not in known:
                    faults.append(f"{place}: no metric has a label {label}")
    if not count:
        faults.append("no expressions found")
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"{count} uses of metrics in alerts and dashboard, all of metrics and labels that the server gives")


main()
