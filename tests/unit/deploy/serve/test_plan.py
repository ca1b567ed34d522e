"""What arguments of the application on Ray Serve become."""

import tomllib

import pytest

from paraserve.deploy.serve.plan import read_plan
from paraserve.deploy.serve.private_hooks import DRAIN_PERIOD, HAPROXY_MODE, RAY_MINOR, check_ray
from paraserve.errors import ParaserveError
from paraserve.server.services import host_rules
from paraserve.setting_sources import SettingSources
from support.snippets import ROOT

HAPROXY = {HAPROXY_MODE: "1"}


def options(environment: dict[str, str] | None = None, **args: object) -> dict:
    """The options of the deployment, from arguments as a command line gives them: texts."""
    return read_plan({name: str(value) for name, value in args.items()}).deployment_options(environment or {})


def test_numbers_for_serve():
    made = options(replicas=2, cpus=3, max_live=10, max_uploads=20, drain_timeout_s=100)
    assert made["num_replicas"] == 2
    assert made["max_ongoing_requests"] == 10 + 20 + 16
    assert made["graceful_shutdown_timeout_s"] == 30 + 100 + 10
    actor = made["ray_actor_options"]
    assert (actor["num_cpus"], actor["num_gpus"]) == (3, 0)
    assert actor["runtime_env"]["env_vars"]["RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD"] == "0"


def test_the_drain_period_of_the_environment_is_that_of_the_replicas():
    made = options({DRAIN_PERIOD: "2.5"}, drain_timeout_s=20)
    assert made["graceful_shutdown_timeout_s"] == 2.5 + 20 + 10
    assert made["ray_actor_options"]["runtime_env"]["env_vars"][DRAIN_PERIOD] == "2.5"
    with pytest.raises(ParaserveError, match="'soon': expected seconds"):
        options({DRAIN_PERIOD: "soon"})


def test_autoscaling_follows_live_clients_by_the_rating():
    scaling = options(replicas=2, max_replicas=20, live_rating=18)["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (2, 20)
    assert scaling["target_ongoing_requests"] == pytest.approx(0.65 * 18)


@pytest.mark.parametrize(
    ("args", "most"),
    [({}, 8), ({"cpus": 4}, 32), ({"max_live": 5}, 5), ({"max_live": "auto", "live_rating": 7}, 18)],
)
def test_replicas_get_the_limit_that_serve_counts_with(args, most):
    plan = read_plan(args)
    replica = SettingSources(plan.flags).read()
    assert replica.max_live == most
    assert plan.deployment_options({})["max_ongoing_requests"] == most + replica.max_uploads + 16


def test_replicas_get_settings_threads_and_no_limits_of_an_address():
    replica = SettingSources(read_plan({"cpus": "2", "hotword_bonus": "3.5", "gpus": "1"}).flags).read()
    assert (replica.inference_threads, replica.workers, replica.hotword_bonus) == (2, 1, 3.5)
    assert (replica.max_live_per_address, replica.max_uploads_per_address, replica.max_wrong_keys) == (0, 0, 0)


def test_the_limits_of_where_it_is_deployed_are_those_of_all_replicas(monkeypatch):
    monkeypatch.setenv("PARASERVE_MAX_UPLOADS", "5")
    plan = read_plan({})
    monkeypatch.delenv("PARASERVE_MAX_UPLOADS")
    assert SettingSources(plan.flags).read().max_uploads == 5


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"port": 80, "host": "::"}, "without meaning under Ray Serve: host, port"),
        ({"inference_threads": 2}, "without meaning under Ray Serve: inference_threads"),
        ({"replicas": 0}, "replicas = 0"),
        ({"cpus": "many"}, "cpus = 'many'"),
        ({"replicas": 3, "max_replicas": 2, "live_rating": 9}, "max_replicas is less than replicas"),
        ({"max_replicas": 2}, "max_replicas needs live_rating"),
        ({"max_live": "auto"}, "max_live = auto needs live_rating"),
        ({"max_uploads": 0}, "max_uploads"),
        ({"no_setting": 1}, "no_setting"),
    ],
)
def test_arguments_that_cannot_be_used(args, why):
    with pytest.raises(ParaserveError, match=why):
        read_plan(args)


def test_the_ray_that_the_hooks_are_of():
    check_ray("2.60.3", HAPROXY)
    for version in ("2.6.0", "2.61.0", "3.60.0"):
        with pytest.raises(ParaserveError, match=r"supported with 2\.60 alone"):
            check_ray(version, HAPROXY)
    with pytest.raises(ParaserveError, match=f"set {HAPROXY_MODE}=1"):
        check_ray("2.60.0", {})


def test_replicas_answer_to_the_names_of_the_machine():
    """A server on 127.0.0.1 without keys refuses all names but its own: 421."""
    replica = SettingSources(read_plan({}).flags).read()
    assert not host_rules(replica).is_guarded


def test_the_extra_installs_that_ray():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    major, minor = map(int, RAY_MINOR.split("."))
    assert f"ray[data,serve]>={major}.{minor},<{major}.{minor + 1}" in extras["ray"]
