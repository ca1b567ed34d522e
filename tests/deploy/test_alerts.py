"""The alerts for Prometheus: metrics that exist, rows in the documentation, and a planted figure that fires each."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from paraserve.errors import OverloadedError
from support.debian_packages import program_of

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "monitoring/alerts.yml"
LABELS = 'job="paraserve",instance="a:10095"'
MINUTES = 90


def rules():
    (group,) = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def series(name, values, labels=""):
    return {"series": f"{name}{{{','.join(filter(None, (LABELS, labels)))}}}", "values": values}


def steady(value):
    return f"{value}x{MINUTES}"


def late(name, kinds, is_late):
    """A histogram in which each minute has 60 new values: all below a hundredth of a second, or half over 2 s."""
    below = "0+30" if is_late else "0+60"
    buckets = {"0.01": below, "2.5": "0+60", "+Inf": "0+60"}
    return [
        series(f"{name}_bucket", f"{values}x{MINUTES}", f'{kind}le="{le}"')
        for kind in kinds
        for le, values in buckets.items()
    ]


HEALTHY = [
    series("up", steady(1)),
    series("paraserve_models_loaded", steady(1)),
    series("paraserve_last_decode_timestamp_seconds", f"0+60x{MINUTES}"),
    series("paraserve_live_sessions", steady(10)),
    series("paraserve_live_limit", steady(20)),
    series("paraserve_live_refusals_total", f"0+60x{MINUTES}", 'code="refused"'),
    series("paraserve_http_requests_total", f"0+6000x{MINUTES}", 'status="200"'),
    series("paraserve_http_requests_total", f"0+6x{MINUTES}", 'status="503"'),
    series("paraserve_http_requests_total", f"0+6x{MINUTES}", 'status="500"'),
    *late("paraserve_live_latency_seconds", ['kind="final",'], is_late=False),
    series("paraserve_live_degradation_level", steady(0)),
    *late("paraserve_queue_wait_seconds", ['lane="step",'], is_late=False),
    *late("paraserve_queue_wait_seconds", ['lane="jobs",'], is_late=True),
    series("paraserve_inference_failures_total", steady(3), 'stage="recognize"'),
    series("paraserve_worker_failures", steady(2)),
    *late("paraserve_event_loop_lag_seconds", [""], is_late=False),
    series("paraserve_disk_free_bytes", steady(50), 'folder="data"'),
    series("paraserve_disk_size_bytes", steady(100), 'folder="data"'),
    series("paraserve_gpu_memory_used_bytes", steady(50), 'device="cuda:0"'),
    series("paraserve_gpu_memory_total_bytes", steady(100), 'device="cuda:0"'),
    series("paraserve_jobs_oldest_waiting_seconds", steady(60)),
    series("paraserve_job_attempts_total", steady(4), 'outcome="dead"'),
    series("paraserve_webhook_attempts_total", f"0+60x{MINUTES}", 'outcome="delivered"'),
    series("paraserve_webhook_attempts_total", f"0+6x{MINUTES}", 'outcome="failed"'),
    series("paraserve_webhook_attempts_total", steady(4), 'outcome="given up"'),
    series("paraserve_limits_store_up", steady(1)),
]
ONCE = f"0x{MINUTES - 5} 1x20"
"""A count that has its first event five minutes before the end."""
PLANTED = {
    "ParaserveDown": [series("up", steady(0))],
    "ParaserveNotReady": [series("paraserve_last_decode_timestamp_seconds", f"0+60x{MINUTES - 10} {60 * 80}x20")],
    "ParaserveLivePlacesShort": [series("paraserve_live_sessions", steady(19))],
    "ParaserveLiveRefusals": [series("paraserve_live_refusals_total", f"0+6x{MINUTES}", 'code="overloaded"')],
    "ParaserveUploadRefusals": [series("paraserve_http_requests_total", f"0+600x{MINUTES}", 'status="503"')],
    "ParaserveFinalsLate": late("paraserve_live_latency_seconds", ['kind="final",'], is_late=True),
    "ParaserveLiveDegraded": [series("paraserve_live_degradation_level", steady(1))],
    "ParaserveLiveWorkWaits": late("paraserve_queue_wait_seconds", ['lane="step",'], is_late=True),
    "ParaserveServerErrors": [series("paraserve_http_requests_total", f"0+600x{MINUTES}", 'status="500"')],
    "ParaserveModelFails": [series("paraserve_inference_failures_total", ONCE, 'stage="recognize"')],
    "ParaserveWorkerReplaced": [series("paraserve_worker_failures", ONCE)],
    "ParaserveEventLoopStalls": late("paraserve_event_loop_lag_seconds", [""], is_late=True),
    "ParaserveDiskShort": [series("paraserve_disk_free_bytes", steady(9), 'folder="data"')],
    "ParaserveDiskFull": [series("paraserve_disk_free_bytes", steady(2), 'folder="data"')],
    "ParaserveGpuMemoryShort": [series("paraserve_gpu_memory_used_bytes", steady(96), 'device="cuda:0"')],
    "ParaserveJobsWait": [series("paraserve_jobs_oldest_waiting_seconds", steady(2000))],
    "ParaserveJobsDead": [series("paraserve_job_attempts_total", ONCE, 'outcome="dead"')],
    "ParaserveWebhooksFail": [series("paraserve_webhook_attempts_total", f"0+120x{MINUTES}", 'outcome="failed"')],
    "ParaserveWebhookGivenUp": [series("paraserve_webhook_attempts_total", ONCE, 'outcome="given up"')],
    "ParaserveLimitsStoreDown": [series("paraserve_limits_store_up", steady(0))],
}
ALSO = {"ParaserveDiskFull": ["ParaserveDiskShort"]}
"""Alerts that the same figure fires as well."""


def test_rules_ask_for_what_there_is():
    """Each rule has an expression over documented metrics, a severity and a sentence, and a planted figure here."""
    documented = set(re.findall(r"^\| `(paraserve_\w+)`", (ROOT / "docs/metrics.md").read_text("utf-8"), re.M))
    assert set(PLANTED) == set(rules())
    for name, rule in rules().items():
        metrics = {re.sub("_bucket$", "", one) for one in re.findall(r"paraserve_\w+", rule["expr"])}
        assert metrics <= documented, name
        assert metrics or rule["expr"].startswith('up{job="paraserve"}')
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert "{{" in rule["annotations"]["summary"] or "hour" in rule["annotations"]["summary"]


def test_refusals_for_want_of_room():
    """The codes of `ParaserveLiveRefusals` are those of clients who did nothing wrong."""
    codes = set(re.search('code=~ "(.+)"', rules()["ParaserveLiveRefusals"]["expr"])[1].split("|"))
    assert codes <= {kind.code for kind in {OverloadedError, *OverloadedError.__subclasses__()}}
    assert "overloaded" in codes


def test_alerts_are_documented():
    """docs/metrics.md has a row for each alert, in their order."""
    rows = re.findall(r"^\| `(Paraserve\w+)` \|", (ROOT / "docs/metrics.md").read_text("utf-8"), re.M)
    assert rows == list(rules())


def test_prometheus_loads_the_rules():
    """The compose file mounts them beside prometheus.yml, which names them."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    (named,) = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text("utf-8"))["rule_files"]
    assert f"./monitoring/alerts.yml:/etc/prometheus/{named}:ro" in compose["services"]["prometheus"]["volumes"]


@pytest.fixture(scope="session")
def promtool(tmp_path_factory):
    return program_of("prometheus", "promtool")


def run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
def test_promtool_reads_the_files(promtool, tmp_path):
    """Prometheus' own checker accepts the rules, and prometheus.yml with them."""
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES)
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_bytes((ROOT / "monitoring" / name).read_bytes())
    run(promtool, "check", "config", "--syntax-only", tmp_path / "prometheus.yml")


@pytest.mark.full
def test_each_alert_fires_for_its_cause_alone(promtool, tmp_path):
    """Of a healthy server none fires. With one figure planted, its alert does, and no other."""
    cases = {"healthy": [], **PLANTED}
    tests = [_case(name, planted) for name, planted in cases.items()]
    (tmp_path / "alerts_test.yml").write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}), "utf-8"
    )
    run(promtool, "test", "rules", tmp_path / "alerts_test.yml")


def _case(name, planted):
    replaced = {one["series"] for one in planted}
    firing = sorted([name, *ALSO.get(name, [])]) if planted else []
    return {
        "interval": "1m",
        "name": name,
        "input_series": [*planted, *(one for one in HEALTHY if one["series"] not in replaced)],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": [{"labels": f'{{alertname="{one}"}}', "value": 1} for one in firing],
            }
        ],
    }
