"""deploy/kubernetes: schemas of Kubernetes and of operators, and what the manifests say of the server."""

import copy
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from fastapi.routing import iter_route_contexts

from paraserve.server.app import create_app
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings
from support.kubernetes_checks import problems
from support.kubernetes_manifests import (
    FOLDER,
    OVERLAYS,
    ROOT,
    Manifest,
    environment,
    expressions,
    one,
    read,
    render,
    server,
)

OPERATORS = frozenset(("ScaledObject", "ServiceMonitor", "PrometheusRule"))
"""Kinds that Kubernetes itself does not know."""
NEWEST, OLDER = "1.37", ("1.30", "1.32", "1.34")
FAULTS = [
    ("Deployment", "spec.template.spec.containers.server.startupProbe.httpGet.path", "/ready", "/ready is no route"),
    (
        "Deployment",
        "spec.template.spec.containers.server.livenessProbe.httpGet.path",
        "/readyz",
        "a busy pod would be killed",
    ),
    ("Deployment", "spec.template.spec.containers.server.ports.0.containerPort", 8080, "the container's port is not"),
    ("Deployment", "spec.template.spec.containers.server.readinessProbe.httpGet.port", "web", "asks an unknown port"),
    ("Deployment", "spec.template.metadata.annotations.prometheus.io/port", "80", "Prometheus is told"),
    ("Deployment", "spec.template.spec.terminationGracePeriodSeconds", 319, "the grace period of 319 s"),
    (
        "Deployment",
        "spec.template.spec.containers.server.lifecycle.preStop.sleep.seconds",
        30,
        "the grace period of 330 s",
    ),
    ("Deployment", "spec.template.spec.enableServiceLinks", True, "would set PARASERVE_PORT"),
    ("Deployment", "spec.template.spec.automountServiceAccountToken", True, "token of the cluster"),
    ("Deployment", "spec.template.spec.securityContext.runAsUser", 0, "may run as root"),
    ("Deployment", "spec.template.spec.securityContext.seccompProfile.type", "Unconfined", "no seccomp profile"),
    (
        "Deployment",
        "spec.template.spec.containers.server.securityContext.readOnlyRootFilesystem",
        False,
        "more rights",
    ),
    (
        "Deployment",
        "spec.template.spec.containers.server.securityContext.capabilities.add",
        ["NET_RAW"],
        "has capabilities",
    ),
    ("Deployment", "spec.template.spec.containers.server.resources.limits", {"cpu": "2"}, "has no limits"),
    ("Deployment", "spec.template.spec.containers.server.resources.requests.cpu", "500m", "CPUs are not whole"),
    ("Deployment", "spec.template.spec.containers.server.volumeMounts.models.name", "none", "no volume none"),
    (
        "Deployment",
        "spec.template.spec.containers.server.volumeMounts.models.mountPath",
        "/m",
        "volume /models is read only",
    ),
    ("Deployment", "spec.template.spec.volumes.data.emptyDir", {}, "has no limit"),
    ("Deployment", "spec.template.spec.volumes.data.secret", {"secretName": "x"}, "of several kinds"),
    ("Deployment", "spec.template.spec.volumes.models.persistentVolumeClaim", {"claimName": "x"}, "no such claim"),
    ("Deployment", "spec.template.spec.volumes.keys.secret.secretName", "x", "nobody makes its Secret"),
    (
        "Deployment",
        "spec.template.spec.topologySpreadConstraints.0.labelSelector.matchLabels",
        {"a": "b"},
        "counts no",
    ),
    (
        "Deployment",
        "spec.template.metadata.labels",
        {"app.kubernetes.io/name": "x"},
        "Service paraserve chooses no pod",
    ),
    ("Deployment", "spec.replicas", 2, "given and measured"),
    ("ConfigMap", "data.PARASERVE_PROT", "1", "PARASERVE_PROT is no setting"),
    ("ConfigMap", "data.PARASERVE_MAX_LIVE", "many", "PARASERVE_MAX_LIVE=many"),
    ("ConfigMap", "data.PARASERVE_DRAIN_TIMEOUT_S", "400", "the grace period of 330 s"),
    ("ConfigMap", "data.PARASERVE_MAX_UPLOADS", "64", "do not fit into the volume spool"),
    ("Service", "spec.ports.0.targetPort", "web", "Service: no port web"),
    ("Ingress", "spec.rules.0.http.paths.0.backend.service.name", "x", "Ingress: no Service x"),
    ("NetworkPolicy", "spec.podSelector.matchLabels", {"a": "b"}, "NetworkPolicy paraserve chooses no pod"),
    ("ScaledObject", "spec.scaleTargetRef.name", "x", "the autoscaler's Deployment"),
    ("ScaledObject", "kind", "Other", "0 autoscalers"),
    ("ScaledObject", "spec.triggers.0.metadata.query", "sum(paraserve_live_seats)", "no metric paraserve_live_seats"),
    ("PrometheusRule", "spec.groups.0.rules.0.expr", "paraserve_none > 1", "no metric paraserve_none"),
    ("ServiceMonitor", "spec.endpoints.0.path", "/metric", "ServiceMonitor: /metric is no route"),
    ("ServiceMonitor", "spec.selector.matchLabels", {"a": "b"}, "ServiceMonitor chooses no Service"),
]
"""A field of one of all overlays together, a wrong value of it, and what is said of it."""


@pytest.fixture(scope="module")
def routes() -> set[str]:
    """Paths that the server answers GET on."""
    return {one.path for one in iter_route_contexts(create_app(Settings()).routes) if "GET" in (one.methods or ())}


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """Names of the server's metrics, as Prometheus keeps them."""
    families = Metrics().registry.collect()
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> list[Manifest]:
    """All components together, jobs in PostgreSQL with an object store."""
    folder = tmp_path_factory.mktemp("everything")
    base, *components = (
        _relative(folder, FOLDER / name)
        for name in ("base", *(f"overlays/{one}/component" for one in _in_order() if one != "postgres-jobs-volume"))
    )
    text = yaml.safe_dump({"resources": [base], "components": components})
    (folder / "kustomization.yaml").write_text(text, "utf-8")
    return render(folder)


def _in_order() -> list[str]:
    """API keys come after what they change."""
    return sorted(OVERLAYS, key=lambda name: name == "api-keys")


def _relative(folder: Path, to: Path) -> str:
    return "/".join((*[".."] * (len(folder.resolve().parts) - 1), *to.parts[1:]))


@pytest.fixture(params=["base", *(f"overlays/{name}" for name in OVERLAYS)])
def objects(request) -> list[Manifest]:
    """The objects of the base, and of each overlay."""
    return render(FOLDER / request.param)


def complete_objects() -> list[Manifest]:
    """The objects of all files but patches and kustomizations, as a reader sees them."""
    files = [path for path in sorted(FOLDER.rglob("*.yaml")) if path.parent.name != "patches"]
    files = [path for path in files if path.name != "kustomization.yaml"]
    return [item for path in files for item in read(path.read_text("utf-8"))]


def test_overlays():
    """Each is there, with a component that installations combine."""
    wanted = {"gpu", "keda", "prometheus-adapter", "prometheus-operator", "ingress-nginx", "postgres-jobs"}
    assert wanted <= set(OVERLAYS)
    for name in OVERLAYS:
        assert (FOLDER / "overlays" / name / "component" / "kustomization.yaml").is_file()


def test_objects_keep_to_the_schema(objects):
    """Every rendered object is right for the newest Kubernetes."""
    for item in objects:
        check_schema(json.dumps(item), NEWEST)


def test_files_keep_to_the_schema():
    """Every file but patches has complete objects."""
    found = complete_objects()
    assert len(found) >= 12
    for item in found:
        check_schema(json.dumps(item), NEWEST)


@pytest.mark.full
@pytest.mark.parametrize("version", OLDER)
def test_older_kubernetes(objects, version):
    """From 1.30 on, the first that knows the pause of preStop without a program."""
    for item in objects:
        check_schema(json.dumps(item), version)


@cache
def check_schema(text: str, version: str) -> None:
    """Validate an object once, in however many overlays it is. Those of operators have tests of their own."""
    item = json.loads(text)
    if item["kind"] not in OPERATORS:
        kubernetes_validate.validate(item, version, strict=True)


def test_a_misspelt_field_is_found():
    """The schema is strict."""
    deployment = one(render(FOLDER / "base"), "Deployment")
    deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 30
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(deployment, NEWEST, strict=True)


@pytest.fixture(scope="module")
def operator_models():
    """Models that are made of the operators' published schemas, by kind."""
    keda, prometheus = map(
        import_module, ("cloudcoil.models.keda.v1alpha1", "cloudcoil.models.prometheus_operator.v1")
    )
    return {one.__name__: one for one in (keda.ScaledObject, prometheus.PrometheusRule, prometheus.ServiceMonitor)}


@pytest.mark.full
@pytest.mark.slow
def test_objects_of_operators_keep_to_their_schemas(operator_models, everything):
    """Their models take the objects, and know every field of them."""
    found = [item for item in everything if item["kind"] in OPERATORS]
    assert {item["kind"] for item in found} == OPERATORS
    for item in found:
        assert understood(operator_models, item) == item


def understood(models, item: Manifest) -> Manifest:
    """What an operator's model keeps of an object."""
    return models[item["kind"]].model_validate(item).model_dump(by_alias=True, exclude_unset=True, mode="json")


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("ScaledObject", "spec.pollingIntervals", 5),
        ("ScaledObject", "spec.triggers.0.metadata.threshold", 0.65),
        ("ServiceMonitor", "spec.endpoints.0.intervals", "10s"),
        ("ServiceMonitor", "spec.endpoints.0.interval", "ten"),
        ("PrometheusRule", "spec.groups.0.rules.0.for", "often"),
    ],
)
def test_faults_in_objects_of_operators_are_found(operator_models, everything, kind, path, value):
    """A misspelt field, a number in place of a text, a time that is none."""
    item = one(planted(everything, kind, path, value), kind)
    try:
        kept = understood(operator_models, item)
    except ValueError:
        return
    assert kept != item


def test_objects_fit_the_server(objects, routes, metrics):
    """Probes, ports, settings, limits, volumes, selectors, times to end and queries are right."""
    assert problems(objects, routes, metrics) == []


def test_all_components_together(everything, routes, metrics):
    """Components do not undo each other, whichever an installation takes."""
    assert problems(everything, routes, metrics) == []
    (endpoint,) = one(everything, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"]["name"] == "paraserve-metrics-key"


def test_installation_of_the_documentation(tmp_path, routes, metrics):
    """The kustomization of docs/kubernetes.md renders what it names."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/kubernetes.md").read_text("utf-8"), re.M | re.S)
    text = block.replace("../paraserve/deploy/kubernetes", _relative(tmp_path, FOLDER))
    (tmp_path / "kustomization.yaml").write_text(text, "utf-8")
    objects = render(tmp_path)
    assert problems(objects, routes, metrics) == []
    assert {item["metadata"]["namespace"] for item in objects} == {"paraserve"}
    assert server(objects)["image"] == "registry.example.com/paraserve:cpu"
    assert environment(objects, server(objects))["PARASERVE_LOG_LEVEL"] == "warning"


@pytest.mark.parametrize(("kind", "path", "value", "told"), FAULTS)
def test_faults_are_found(everything, routes, metrics, kind, path, value, told):
    """Each check can fail."""
    found = problems(planted(everything, kind, path, value), routes, metrics)
    assert any(told in problem for problem in found), found


def planted(objects: list[Manifest], kind: str, path: str, value: object) -> list[Manifest]:
    """Copies of the objects with a field of one of them set. In a list a number or a name chooses the item."""
    broken = copy.deepcopy(objects)
    at = next(item for item in broken if item["kind"] == kind)
    *parents, last = re.split(r"\.(?!io/)", path)
    for step in parents:
        if isinstance(at, dict):
            at = at[step]
        elif step.isdecimal():
            at = at[int(step)]
        else:
            at = next(item for item in at if item["name"] == step)
    at[last] = value
    return broken


def test_adapter_measures_what_the_autoscaler_follows(metrics):
    """The rule of prometheus-adapter gives its metric the name that the autoscaler asks for."""
    (adapter,) = read((FOLDER / "overlays/prometheus-adapter/adapter-config.yaml").read_text("utf-8"))
    (rule,) = yaml.safe_load(adapter["data"]["config.yaml"])["rules"]
    autoscaler = one(render(FOLDER / "overlays/prometheus-adapter"), "HorizontalPodAutoscaler")
    names = [metric["pods"]["metric"]["name"] for metric in autoscaler["spec"]["metrics"] if metric["type"] == "Pods"]
    assert names == [rule["name"]["as"]]
    queries = "".join(expressions([adapter]))
    assert (
        set(re.findall(r"paraserve_\w+", queries)) == {"paraserve_live_sessions", "paraserve_live_rating"} <= metrics
    )


@pytest.mark.parametrize("name", ["keda", "prometheus-adapter"])
def test_autoscalers_leave_room(name):
    """Pods are added from 0.65 of the rating on."""
    objects = render(FOLDER / "overlays" / name)
    if name == "keda":
        (trigger,) = (one for one in one(objects, "ScaledObject")["spec"]["triggers"] if one["type"] == "prometheus")
        assert (trigger["metadata"]["threshold"], trigger["metricType"]) == ("0.65", "AverageValue")
    else:
        target = one(objects, "HorizontalPodAutoscaler")["spec"]["metrics"][0]["pods"]["target"]
        assert target == {"type": "AverageValue", "averageValue": "650m"}


def test_ingress_takes_what_the_server_takes(everything):
    """The largest upload and the longest wait pass, and its proxies are believed."""
    size = Settings.model_fields["max_upload_bytes"].default
    for item in (item for item in everything if item["kind"] == "Ingress"):
        annotations = {name.partition("/")[2]: value for name, value in item["metadata"]["annotations"].items()}
        assert int(annotations["proxy-body-size"].removesuffix("m")) * 2**20 > size
        assert {annotations["proxy-read-timeout"], annotations["proxy-send-timeout"]} == {"7200"}
    settings = next(item for item in everything if item["kind"] == "ConfigMap")["data"]
    assert settings["PARASERVE_TRUSTED_PROXIES"]


def test_alerts_are_those_of_other_installations():
    """PrometheusRule has the rules of monitoring/alerts.yml, and the pods are the job that they ask for."""
    objects = render(FOLDER / "overlays" / "prometheus-operator")
    rules = yaml.safe_load((ROOT / "monitoring/alerts.yml").read_text("utf-8"))
    assert one(objects, "PrometheusRule")["spec"] == rules
    assert one(objects, "ServiceMonitor")["spec"]["jobLabel"] == "app.kubernetes.io/name"
    assert one(objects, "Service")["metadata"]["labels"]["app.kubernetes.io/name"] == "paraserve"
