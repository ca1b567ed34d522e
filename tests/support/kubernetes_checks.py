"""Checks of deploy/kubernetes that no schema can make: whether the manifests fit the server and each other."""

import re
from collections.abc import Callable, Iterator
from functools import cache

from pydantic import ValidationError

from paraserve.settings import Settings
from support.kubernetes_manifests import (
    ROOT,
    Manifest,
    amount,
    containers,
    environment,
    expressions,
    one,
    pods,
    server,
    template,
)

MARGIN_S = 10
"""What a pod has at the least between the end of its drain and SIGKILL."""
CLAIMS_ELSEWHERE = frozenset(("paraserve-keys", "paraserve-metrics-key", "paraserve-jobs", "paraserve-jobs-store"))
"""Secrets that the operator makes, by the comments of the components."""


def problems(objects: list[Manifest], routes: set[str], metrics: set[str]) -> list[str]:
    """Return what is wrong with rendered objects, one line each.

    Args:
        objects: of one kustomization.
        routes: paths that the server answers GET on.
        metrics: names of its metrics as Prometheus knows them, without `_bucket`.
    """
    return [
        *_probes(objects, routes),
        *_ports(objects),
        *_ending(objects),
        *_settings(objects),
        *_room(objects),
        *_rights(objects),
        *_resources(objects),
        *_volumes(objects),
        *_selectors(objects),
        *_autoscalers(objects),
        *_expressions(objects, metrics),
    ]


def _probes(objects: list[Manifest], routes: set[str]) -> Iterator[str]:
    container = server(objects)
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        path = container[name]["httpGet"]["path"]
        if path not in routes:
            yield f"{name}: {path} is no route"
    if container["livenessProbe"]["httpGet"]["path"] == container["readinessProbe"]["httpGet"]["path"]:
        yield "a busy pod would be killed: liveness asks what readiness asks"
    for item in objects:
        for endpoint in item["spec"]["endpoints"] if item["kind"] == "ServiceMonitor" else ():
            if endpoint["path"] not in routes:
                yield f"ServiceMonitor: {endpoint['path']} is no route"


def _ports(objects: list[Manifest]) -> Iterator[str]:
    ports = {port["name"]: port["containerPort"] for port in server(objects)["ports"]}
    if ports.get("http") != Settings.model_fields["port"].default:
        yield f"the container's port is not the server's: {ports}"
    for name, probe in ((name, server(objects)[name]) for name in server(objects) if name.endswith("Probe")):
        if probe["httpGet"]["port"] not in ports:
            yield f"{name} asks an unknown port"
    services = [item for item in objects if item["kind"] == "Service"]
    for item in services:
        yield from (f"Service: no port {port}" for port in _targets(item) if port not in ports)
    known = {(item["metadata"]["name"], port["name"]) for item in services for port in item["spec"]["ports"]}
    for item in objects:
        for backend in _backends(item):
            if (backend["name"], backend["port"]["name"]) not in known:
                yield f"Ingress: no Service {backend['name']} with port {backend['port']['name']}"
    annotations = one(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    if annotations["prometheus.io/port"] != str(ports["http"]):
        yield "Prometheus is told of another port"


def _targets(service: Manifest) -> Iterator[str]:
    yield from (port["targetPort"] for port in service["spec"]["ports"])


def _backends(item: Manifest) -> Iterator[Manifest]:
    for rule in item["spec"]["rules"] if item["kind"] == "Ingress" else ():
        yield from (path["backend"]["service"] for path in rule["http"]["paths"])


def _ending(objects: list[Manifest]) -> Iterator[str]:
    given = environment(objects, server(objects)).get("PARASERVE_DRAIN_TIMEOUT_S")
    drain_s = float(given or Settings.model_fields["drain_timeout_s"].default)
    least_s = server(objects)["lifecycle"]["preStop"]["sleep"]["seconds"] + drain_s + MARGIN_S
    grace_s = template(objects)["terminationGracePeriodSeconds"]
    if grace_s < least_s:
        yield f"the grace period of {grace_s} s is shorter than preStop and drain: {least_s:g} s"


def _settings(objects: list[Manifest]) -> Iterator[str]:
    known = {f"PARASERVE_{name.upper()}": name for name in Settings.model_fields}
    for pod in pods(objects):
        for container in containers(pod):
            named = {item["name"] for item in container.get("env", ())} | set(environment(objects, container))
            yield from (
                f"{name} is no setting" for name in named if name.startswith("PARASERVE_") and name not in known
            )
    for name, value in environment(objects, server(objects)).items():
        if name in known and (problem := _refused(known[name], value)):
            yield f"{name}={value}: {problem}"


@cache
def _refused(name: str, value: str) -> str:
    """Return why this text is no value of a setting, or nothing."""
    try:
        Settings.model_validate({name: value})
    except ValidationError as error:
        return "; ".join(item["msg"] for item in error.errors() if item["loc"][:1] == (name,))
    return ""


def _room(objects: list[Manifest]) -> Iterator[str]:
    """A pod that fills more than its emptyDir is evicted, with all of its sessions."""
    given = environment(objects, server(objects))
    uploads = int(given.get("PARASERVE_MAX_UPLOADS") or Settings.model_fields["max_uploads"].default)
    size = int(given.get("PARASERVE_MAX_UPLOAD_BYTES") or Settings.model_fields["max_upload_bytes"].default)
    (spool,) = (volume for volume in template(objects)["volumes"] if volume["name"] == "spool")
    if uploads * size > amount(spool["emptyDir"]["sizeLimit"]):
        yield f"{uploads} uploads of {size} bytes do not fit into the volume spool"


def _rights(objects: list[Manifest]) -> Iterator[str]:
    for pod in pods(objects):
        if pod.get("enableServiceLinks") is not False:
            yield "a Service named paraserve would set PARASERVE_PORT: enableServiceLinks is not false"
        if pod.get("automountServiceAccountToken") is not False:
            yield "the pod gets a token of the cluster"
        if not pod["securityContext"].get("runAsNonRoot") or not pod["securityContext"].get("runAsUser"):
            yield "the pod may run as root"
        if pod["securityContext"].get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield "no seccomp profile"
        for container in containers(pod):
            rights = container.get("securityContext", {})
            if rights.get("allowPrivilegeEscalation") is not False or not rights.get("readOnlyRootFilesystem"):
                yield f"{container['name']} has more rights than it needs"
            if rights.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{container['name']} has capabilities"


def _resources(objects: list[Manifest]) -> Iterator[str]:
    for container in (container for pod in pods(objects) for container in containers(pod)):
        if not {"cpu", "memory"} <= set(container.get("resources", {}).get("limits", ())):
            yield f"{container['name']} has no limits"
    limits, requests = (server(objects)["resources"][name] for name in ("limits", "requests"))
    if limits.get("cpu") != requests["cpu"] or not requests["cpu"].isdecimal():
        yield "the server's CPUs are not whole, or not its own"


def _volumes(objects: list[Manifest]) -> Iterator[str]:
    claims = {item["metadata"]["name"] for item in objects if item["kind"] == "PersistentVolumeClaim"}
    for pod in pods(objects):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = [mount for part in containers(pod) for mount in part["volumeMounts"]]
        yield from (f"no volume {mount['name']}" for mount in mounts if mount["name"] not in volumes)
        yield from (f"volume {name} is not mounted" for name in set(volumes) - {mount["name"] for mount in mounts})
        for name, volume in volumes.items():
            if len(volume) != 2:
                yield f"volume {name} is of several kinds"
            if volume.get("persistentVolumeClaim", {}).get("claimName", next(iter(claims), None)) not in {
                *claims,
                None,
            }:
                yield f"volume {name}: no such claim"
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"volume {name} has no limit"
            if volume.get("secret", {}).get("secretName", "paraserve-keys") not in CLAIMS_ELSEWHERE:
                yield f"volume {name}: nobody makes its Secret"
    paths = {mount["mountPath"] for mount in server(objects)["volumeMounts"]}
    yield from (f"the image's volume {path} is read only" for path in _image_volumes() if path not in paths)


def _image_volumes() -> list[str]:
    return re.findall(r'"(/\w+)"', re.search(r"^VOLUME (.*)$", (ROOT / "Dockerfile.cpu").read_text("utf-8"), re.M)[1])


def _selectors(objects: list[Manifest]) -> Iterator[str]:
    deployment = one(objects, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    chosen: dict[str, Callable[[Manifest], Manifest]] = {
        "Deployment": lambda spec: spec["selector"]["matchLabels"],
        "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
        "Service": lambda spec: spec["selector"],
    }
    for item in objects:
        if item["kind"] in chosen and not chosen[item["kind"]](item["spec"]).items() <= labels.items():
            yield f"{item['kind']} {item['metadata']['name']} chooses no pod"
        if item["kind"] == "ServiceMonitor":
            wanted, service = item["spec"]["selector"]["matchLabels"], one(objects, "Service")["metadata"]["labels"]
            if not wanted.items() <= service.items():
                yield "ServiceMonitor chooses no Service"
    for spread in template(objects)["topologySpreadConstraints"]:
        if not spread["labelSelector"]["matchLabels"].items() <= labels.items():
            yield "a topology spread constraint counts no pod"


def _autoscalers(objects: list[Manifest]) -> Iterator[str]:
    found = [item for item in objects if item["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}]
    if len(found) != 1:
        yield f"{len(found)} autoscalers of one Deployment"
    for item in found:
        if item["spec"]["scaleTargetRef"]["name"] != one(objects, "Deployment")["metadata"]["name"]:
            yield "the autoscaler's Deployment does not exist"
    if "replicas" in one(objects, "Deployment")["spec"]:
        yield "the number of pods is given and measured"


def _expressions(objects: list[Manifest], metrics: set[str]) -> Iterator[str]:
    for expression in expressions(objects):
        for name in re.findall(r"\bparaserve_\w+", expression):
            if re.sub(r"_bucket$", "", name) not in metrics:
                yield f"no metric {name}"
