"""deploy/kubernetes as `kubectl kustomize` renders it, and what stands where in it."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = tuple(sorted(path.name for path in (FOLDER / "overlays").iterdir()))
UNITS = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """Return the objects of a kustomization."""
    return read(_rendered(folder))


def read(text: str) -> list[Manifest]:
    """Return the objects of a file."""
    return list(yaml.load_all(text, yaml.CSafeLoader))


@cache
def _rendered(folder: Path) -> str:
    program = Path(sys.executable).with_name("kubectl")
    done = subprocess.run([program, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def one(objects: Iterable[Manifest], kind: str, name: str = "paraserve") -> Manifest:
    """Return the only object of this kind and name."""
    (found,) = (item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name))
    return found


def amount(quantity: str) -> float:
    """Return a Kubernetes quantity (`500m`, `2Gi`) as a number."""
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", quantity).groups()
    return float(number) * UNITS[unit]


def template(objects: Iterable[Manifest]) -> Manifest:
    """Return the pod's spec in the Deployment."""
    return one(objects, "Deployment")["spec"]["template"]["spec"]


def server(objects: Iterable[Manifest]) -> Manifest:
    """Return the container of the server."""
    return next(item for item in template(objects)["containers"] if item["name"] == "server")


def environment(objects: list[Manifest], container: Manifest) -> dict[str, str]:
    """Return the variables that a container gets from its own list and from ConfigMaps."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            variables |= one(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    return variables | {item["name"]: item["value"] for item in container.get("env", ()) if "value" in item}


def pods(objects: Iterable[Manifest]) -> Iterator[Manifest]:
    """Yield the spec of every kind of pod."""
    yield from (item["spec"]["template"]["spec"] for item in objects if item["kind"] in {"Deployment", "Job"})


def containers(pod: Manifest) -> list[Manifest]:
    """Return the containers of a pod, those that run before the others first."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def expressions(objects: Iterable[Manifest]) -> Iterator[str]:
    """Yield the queries for Prometheus of alert rules, triggers of KEDA and rules of prometheus-adapter."""
    for item in objects:
        if item["kind"] == "PrometheusRule":
            yield from (rule["expr"] for group in item["spec"]["groups"] for rule in group["rules"])
        if item["kind"] == "ScaledObject":
            yield from (one["metadata"]["query"] for one in item["spec"]["triggers"] if one["type"] == "prometheus")
        if item["metadata"]["name"] == "adapter-config":
            for rule in yaml.safe_load(item["data"]["config.yaml"])["rules"]:
                yield from (rule["seriesQuery"], rule["metricsQuery"])
