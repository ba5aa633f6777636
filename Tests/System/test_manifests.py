"""The manifests in Deploy/kubernetes, strictly against the schemas of Kubernetes, each other and the program.
Planted mistakes must be found."""

import copy
import dataclasses
import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from rig.paths import DEPLOY
from rig.server import request

FOLDER = DEPLOY / "kubernetes"
# The oldest release that knows everything used here, and the newest.
RELEASES = ["1.29", kubernetes_validate.latest_version()]
# Kinds whose schemas come with an operator, and the place of their containers. Those are checked as a pod's.
FOREIGN = {"ServingRuntime": ["spec", "containers"], "InferenceService": None, "ServiceMonitor": None}


def load():
    """Every document by file and place."""
    documents = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for place, document in enumerate(yaml.safe_load_all(path.read_text())):
            if "kind" in document:
                documents[f"{path.name}[{place}]"] = document
    return documents


def schema_faults(document):
    kind = document["kind"]
    if kind in FOREIGN:
        if FOREIGN[kind] is None:
            return
        containers = document
        for member in FOREIGN[kind]:
            containers = containers[member]
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": containers}}
    for release in RELEASES:
        try:
            kubernetes_validate.validate(document, release, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"Kubernetes {release}: {'.'.join(map(str, error.path))}: {error.message}"


def pod_specs(document):
    """The pod's specification of a workload, and of a runtime."""
    if document["kind"] in ("Deployment", "Job"):
        yield document["spec"]["template"]["spec"]
    elif document["kind"] == "ServingRuntime":
        yield document["spec"]


@dataclasses.dataclass(frozen=True)
class Program:
    """What manifests may refer to."""

    # Of `weightspace serve`, without the dashes.
    flags: set[str]
    metrics: set[str]


@pytest.fixture(scope="module")
def known(program, server) -> Program:
    text = subprocess.run([program, "serve", "--help"], check=True, capture_output=True, text=True).stdout
    _, metrics = request(server.port, path="/metrics")
    return Program(
        set(re.findall(r"--([a-z][a-z-]*)", text)), set(re.findall(r"^# TYPE (\S+)", metrics.decode(), re.MULTILINE)))


def pod_faults(spec, known: Program):
    """The restricted pod security standard, and what the service needs besides."""
    pod = spec.get("securityContext", {})
    for container in spec["containers"]:
        own = container.get("securityContext", {})
        name = container["name"]
        if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
            yield f"{name}: may run as root"
        if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") != "RuntimeDefault":
            yield f"{name}: no seccomp profile"
        if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{name}: keeps privileges"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{name}: can write to its root"
        if "memory" not in container.get("resources", {}).get("limits", {}):
            yield f"{name}: no memory limit"
        ports = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            port = container.get(probe, {}).get("httpGet", {}).get("port")
            if isinstance(port, str) and port not in ports:
                yield f"{name}: {probe} asks port '{port}', which it has not"
        for variable in container.get("env", []):
            flag = variable["name"].removeprefix("WEIGHTSPACE_").lower().replace("_", "-")
            if variable["name"].startswith("WEIGHTSPACE_") and flag not in known.flags:
                yield f"{name}: {variable['name']} is no setting of the program"
        command, *arguments = container.get("args", ["serve"])
        for argument in arguments if command == "serve" else []:
            if argument.startswith("--") and argument.removeprefix("--") not in known.flags:
                yield f"{name}: {argument} is no flag of the program"


def seconds(container, name):
    return next(float(variable["value"]) for variable in container["env"] if variable["name"] == name)


def deployment_faults(deployment, others, known: Program):
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    draining = seconds(container, "WEIGHTSPACE_DRAIN_DELAY") + seconds(container, "WEIGHTSPACE_DRAIN_TIMEOUT")
    if pod.get("terminationGracePeriodSeconds", 30) <= draining:
        yield f"is killed before it has drained for {draining:g} s"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    name = deployment["metadata"]["name"]
    selectors = {
        "Service": lambda spec: spec["selector"],
        "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
    }
    for other in others:
        kind, spec = other["kind"], other.get("spec", {})
        if kind in selectors and not selectors[kind](spec).items() <= labels.items():
            yield f"{kind} selects other pods"
        if kind == "HorizontalPodAutoscaler":
            if spec["scaleTargetRef"]["name"] != name:
                yield "HorizontalPodAutoscaler scales something else"
            for metric in spec["metrics"]:
                if metric["pods"]["metric"]["name"].split(":")[0] not in known.metrics:
                    yield "HorizontalPodAutoscaler looks at a metric that does not exist"


def faults(documents, known: Program):
    for place, document in documents.items():
        found = list(schema_faults(document))
        for spec in pod_specs(document):
            found += pod_faults(spec, known)
        if document["kind"] == "Deployment":
            found += deployment_faults(document, documents.values(), known)
        yield from (f"{place} {document['kind']}: {fault}" for fault in found)


def find(documents, kind):
    return next(document for document in documents.values() if document["kind"] == kind)


def container(documents, kind):
    return next(pod_specs(find(documents, kind)))["containers"][0]


# What the self-test plants: each must be found.
MISTAKES = {
    "a misspelt member": lambda d: find(d, "Deployment")["spec"].update(replica=2),
    "a wrong type": lambda d: find(d, "Service")["spec"]["ports"][0].update(port="eighty"),
    "a missing member": lambda d: find(d, "HorizontalPodAutoscaler")["spec"].pop("maxReplicas"),
    "a misspelt member of a runtime": lambda d: container(d, "ServingRuntime").update(arg=[]),
    "root": lambda d: find(d, "Job")["spec"]["template"]["spec"]["securityContext"].pop("runAsNonRoot"),
    "privileges": lambda d: container(d, "Deployment")["securityContext"].pop("capabilities"),
    "a probe of no port": lambda d: container(d, "Deployment")["livenessProbe"]["httpGet"].update(port="web"),
    "an unknown setting": lambda d: container(d, "Deployment")["env"][0].update(name="WEIGHTSPACE_THREAD"),
    "an unknown flag": lambda d: container(d, "ServingRuntime")["args"].append("--model"),
    "too little time to drain": lambda d: find(d, "Deployment")["spec"]["template"]["spec"].update(
        terminationGracePeriodSeconds=30),
    "a Service of other pods": lambda d: find(d, "Service")["spec"].update(selector={"app": "other"}),
    "an unknown metric": lambda d: find(d, "HorizontalPodAutoscaler")["spec"]["metrics"][0]["pods"]["metric"].update(
        name="weightspace_queue"),
}


def test_manifests_are_valid(known: Program) -> None:
    documents = load()
    foreign = sum(document["kind"] in FOREIGN for document in documents.values())
    print(f"{len(documents) - foreign} documents for Kubernetes {' and '.join(RELEASES)}; "
          f"of {foreign} of operators' kinds only the containers were looked at")
    assert list(faults(documents, known)) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_planted_mistake_is_found(name: str, known: Program) -> None:
    documents = copy.deepcopy(load())
    MISTAKES[name](documents)
    assert list(faults(documents, known)) != []
