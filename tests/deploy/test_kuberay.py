"""deploy/kuberay: the objects that it holds are valid, and its arguments are those of the application.

The schema of a RayService is not in any package. What it embeds is checked: pods here, and the configuration of Serve
in tests/deploy/ray, which has Ray.
"""

import importlib

import kubernetes_validate
import pytest
import yaml

from paraserve.deploy.serve.plan import CLOSING_S, read_plan
from paraserve.deploy.serve.private_hooks import HAPROXY_MODE, RAY_MINOR, drain_period_s
from support.snippets import ROOT

SERVICE, POLICY = yaml.safe_load_all((ROOT / "deploy" / "kuberay" / "rayservice.yaml").read_text("utf-8"))
CLUSTER = SERVICE["spec"]["rayClusterConfig"]
HEAD, WORKERS = CLUSTER["headGroupSpec"]["template"], CLUSTER["workerGroupSpecs"][0]["template"]
APPLICATION = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])["applications"][0]
VERSION = "1.30"


def environment(template: dict) -> dict[str, str]:
    return {one["name"]: one["value"] for one in template["spec"]["containers"][0]["env"]}


@pytest.mark.parametrize("template", [HEAD, WORKERS], ids=["head", "workers"])
def test_pods(template):
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "one", **template["metadata"]}}
    kubernetes_validate.validate(pod, VERSION, strict=True)
    assert environment(template)[HAPROXY_MODE] == "1"
    assert template["metadata"]["labels"] == POLICY["spec"]["podSelector"]["matchLabels"]


def test_network_policy():
    kubernetes_validate.validate(POLICY, VERSION, strict=True)


def test_the_arguments_are_those_of_the_application():
    plan = read_plan(APPLICATION["args"])
    made = plan.deployment_options(environment(WORKERS))
    assert made["autoscaling_config"]["max_replicas"] == APPLICATION["args"]["max_replicas"]
    cpus = int(WORKERS["spec"]["containers"][0]["resources"]["limits"]["cpu"])
    assert cpus % plan.replicas.cpus == 0
    room = CLUSTER["workerGroupSpecs"][0]["maxReplicas"] * cpus // plan.replicas.cpus
    assert room >= plan.replicas.max_replicas
    ends_s = drain_period_s(environment(WORKERS)) + plan.settings.drain_timeout_s + CLOSING_S
    assert WORKERS["spec"]["terminationGracePeriodSeconds"] > ends_s


def test_the_application_and_its_ray():
    module, _, name = APPLICATION["import_path"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    assert CLUSTER["rayVersion"].startswith(f"{RAY_MINOR}.")
