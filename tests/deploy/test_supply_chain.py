"""Bills of materials, licences and the audit of the lock files."""

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from support.tiers import first_quick

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("cpu", "gpu")
sys.path.insert(0, str(ROOT / "scripts" / "supply_chain"))

import audit_locks  # noqa: E402 - the scripts are no package
import write_sbom  # noqa: E402
from licences import UNKNOWN, read_rules  # noqa: E402
from lock_files import LockedPackage, locked_packages  # noqa: E402
from software_bill import write_bill  # noqa: E402


def bill(image):
    return json.loads(write_sbom.bill_path(image).read_text("utf-8"))


@pytest.mark.parametrize("image", first_quick(IMAGES))
def test_bills_are_valid(image):
    """The schema of CycloneDX 1.6, strictly."""
    text = write_sbom.bill_path(image).read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"library"', '"book"')) is not None


def test_they_agree_with_the_lock_files(capsys):
    """Bills and docs/licences.md are what the lock files, the models and our version say now."""
    assert write_sbom.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("image", IMAGES)
def test_what_a_bill_says(image):
    """Every package by name, version, URL, SHA-256 and licence; the models by each file; our version."""
    content = bill(image)
    packages = {one["name"]: one for one in content["components"] if one["type"] == "library"}
    locked = {one.name: one for one in locked_packages(image)}
    assert packages.keys() == locked.keys()
    assert len(packages) > 80
    assert ("onnxruntime-gpu" in packages, "onnxruntime" in packages) == (image == "gpu", image == "cpu")
    assert {"colorama", "pywin32", "async-timeout"}.isdisjoint(packages)
    for name, one in packages.items():
        assert (one["version"], one["purl"]) == (locked[name].version, f"pkg:pypi/{name}@{locked[name].version}")
        assert {entry["content"] for entry in one["hashes"]} == set(locked[name].sha256)
        assert one["licenses"]
    assert {one["name"] for one in packages["av"]["components"]} >= {"FFmpeg", "x264", "x265"}
    (model,) = [one for one in content["components"] if one["type"] == "machine-learning-model"]
    manifest = json.loads((ROOT / "models/demo/manifest.json").read_text("utf-8"))
    recorded = {one["name"]: one["hashes"][0]["content"] for one in model["components"]}
    assert recorded == {name: entry["sha256"] for name, entry in manifest["files"].items()}
    assert (model["name"], model["licenses"]) == ("demo", [{"license": {"id": "MIT"}}])
    assert content["metadata"]["component"]["purl"].startswith("pkg:pypi/paraserve@")
    assert "timestamp" not in content["metadata"]


def test_same_bytes(monkeypatch):
    """A bill depends on nothing but its content, and has the time that SOURCE_DATE_EPOCH says."""
    packages = [LockedPackage("one", "1.0", ("a" * 64, "b" * 64)), LockedPackage("two", "2.0", ("c" * 64,))]
    licences = {"one": "MIT", "two": "MIT OR Apache-2.0"}
    first = write_bill("cpu", packages, licences, ())
    assert first == write_bill("cpu", packages[::-1], licences, ())
    other = json.loads(write_bill("cpu", packages[:1], licences, ()))
    assert other["serialNumber"] != json.loads(first)["serialNumber"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert (
        json.loads(write_bill("cpu", packages, licences, ()))["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    )


def test_an_unknown_licence_is_told(monkeypatch, capsys):
    """A lock file with a package that no bill has makes the check fail, and names the package."""
    packages = locked_packages("cpu")
    monkeypatch.setattr(write_sbom, "locked_packages", lambda image: [*packages, LockedPackage("new", "1", ())])
    assert write_sbom.main(["--check"]) == 1
    assert f"new: {UNKNOWN} is not allowed" in capsys.readouterr().err


@pytest.mark.full
def test_a_stale_bill_is_told(monkeypatch, capsys):
    """A lock file with another version makes the check fail."""
    real = locked_packages

    def newer(image):
        first, *others = real(image)
        return [LockedPackage(first.name, "99.0", first.sha256), *others]

    monkeypatch.setattr(write_sbom, "locked_packages", newer)
    assert write_sbom.main(["--check"]) == 1
    assert "sbom.cpu.cdx.json does not agree with the lock files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND (BSD-2-Clause OR AGPL-3.0-only)", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("MIT AND GPL-2.0-or-later", False),
        ("LGPL-2.1-or-later", False),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False),
        (UNKNOWN, False),
    ],
)
def test_allowed_licences(expression, is_allowed):
    """A licence that is not on the list fails, copyleft too, unless there is a choice."""
    problem = read_rules().problem("a-package", expression)
    assert problem is None if is_allowed else problem.startswith(f"a-package: {expression} is not allowed")


def test_named_licences():
    """A package that is let in with its licence is not let in with another one."""
    rules = read_rules()
    assert rules.problem("soxr", "LGPL-2.1-or-later") is None
    assert rules.problem("soxr", "MIT") == "soxr: MIT, but it is named with LGPL-2.1-or-later"


def test_stricter_libraries_are_in_the_notice():
    """NOTICE tells of every library in a wheel whose licence is stricter than the wheel's."""
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for library in read_rules().bundled:
        assert library.name.split(",")[0].split(" and ")[0] in notice, library.name


@pytest.mark.full
@pytest.mark.slow
def test_written_anew(tmp_path):
    """What the package index says now gives the same files."""
    (tmp_path / "docs").mkdir()
    assert write_sbom.main(["--output", str(tmp_path)]) == 0
    for path in (*map(write_sbom.bill_path, IMAGES), write_sbom.TABLE):
        assert (tmp_path / path.relative_to(ROOT)).read_text("utf-8") == path.read_text("utf-8")


@contextmanager
def advisories(known):
    """A service with OSV's interface that knows these advisories, by package."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((query["package"]["name"], query["version"]))
            found = known.get(query["package"]["name"])
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{service.server_port}/v1/query", asked
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


def advisory(package, name, alias):
    return {"id": name, "aliases": [alias], "summary": "bad", "affected": [
        {"package": {"name": package, "ecosystem": "PyPI"}, "ranges": [
            {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.0"}]}]}]}  # fmt: skip


@pytest.mark.full
def test_audit(tmp_path, capsys, monkeypatch):
    """A finding is exit code 1 and named. It passes while it is accepted for this package, until its day."""
    accepted = tmp_path / "accepted.toml"
    packages = locked_packages("cpu")
    version = {one.name: one.version for one in packages}["starlette"]

    def audit(url, package="starlette", until="2999-12-31", name="CVE-1"):
        accepted.write_text(
            f'[[accepted]]\nid = "{name}"\npackage = "{package}"\nreason = "not used"\nuntil = {until}\n'
        )
        code = audit_locks.main(["cpu", "--osv-url", url, "--accepted", str(accepted), "--today", "2026-12-01"])
        return code, capsys.readouterr().out

    answers, ask = [], audit_locks._ask
    monkeypatch.setattr(audit_locks, "_ask", lambda *args: answers.append(ask(*args)) or answers[-1])
    finding = f"starlette {version}: PYSEC-1, CVE-1, fixed in: 999.0"
    with advisories({"starlette": [advisory("starlette", "PYSEC-1", "CVE-1")]}) as (url, asked):
        assert audit(url, package="uvicorn") == (
            1,
            f"{finding}\n{len(packages)} packages, 1 advisories, 0 accepted\n",
        )
        assert sorted(asked) == sorted((one.name, one.version) for one in packages)
    monkeypatch.setattr(audit_locks, "_ask", lambda *args: answers[0])
    assert audit(url) == (0, f"{len(packages)} packages, 1 advisories, 1 accepted\n")
    assert audit(url, name="CVE-2")[0] == 1
    code, out = audit(url, until="2026-11-30")
    assert (code, out.splitlines()[0]) == (1, f"{finding}, accepted until 2026-11-30")


def test_audit_without_an_answer(capsys):
    """Where the service cannot be reached, a code of its own and plain words say that nothing is known."""
    with advisories({}) as (url, _):
        pass
    assert audit_locks.main(["cpu", "--osv-url", url]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"No answer from {url}, so nothing is known about the packages:\n")
