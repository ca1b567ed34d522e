"""Signed bundles of a running server: another one takes over only when its signature and every file are good."""

import pytest

from paraserve.catalog.manifest import MANIFEST, SIGNATURE
from support.bundles import copy_of
from support.commands import run_here

RELOAD = "/v1/admin/reload"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command of `paraserve models` in a folder of its own, without settings."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        return run_here(capsys, "models", *args)

    return run


@pytest.mark.full
@pytest.mark.slow
def test_a_bad_bundle_changes_nothing(process_factory, run, tmp_path, demo_dir, samples, is_error, monkeypatch):
    """Signed, installed and served. Then damaged, foreign and unsigned ones: installation and server refuse them.

    The server serves the old one on. A good one takes over at a reload.
    """
    models = tmp_path / "models"
    monkeypatch.setenv("PARASERVE_MODELS_DIR", str(models))
    for name in ("k", "foreign"):
        run("keygen", "-W", name)
    trust = ("--public-key", "k.pub")

    def packed(file, key="k"):
        assert run("pack", "demo", "--name", "ours", "-o", file).returncode == 0
        if key:
            assert run("sign", file, "--key", key).returncode == 0
        return tmp_path / file

    def text():
        answer = server.post("/transcribe", samples["zh_phone"].data)
        assert answer.status_code == 200, answer.text
        return answer.json()["text"]

    assert run("pull", packed("good.psb"), *trust).stdout == f"{models}/ours\n"
    before = (models / "ours").stat().st_ino
    damaged = tmp_path / "damaged.psb"
    data = bytearray((tmp_path / "good.psb").read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    with process_factory(
        tmp_path / "server", "--bundle", "ours", "--bundle-keys", tmp_path / "k.pub", "--models-dir", models
    ) as server:
        expected = text()
        for file in (damaged, packed("foreign.psb", "foreign"), packed("unsigned.psb", "")):
            done = run("pull", file, *trust)
            assert (done.returncode, done.stdout) == (1, ""), file
            assert (models / "ours").stat().st_ino == before
            assert server.get(RELOAD, "POST").status_code == 200
        unsigned = copy_of(demo_dir, tmp_path / "unsigned")
        refused = server.get(RELOAD, "POST", json={"bundle": [str(unsigned)]})
        assert "is not signed" in is_error(refused, 409, "reload_failed")["message"]
        (models / "ours" / "punc" / "more.txt").write_text("not signed")
        refused = server.get(RELOAD, "POST")
        assert "no signature covers it" in is_error(refused, 409, "reload_failed")["message"]
        assert text() == expected
        assert [model["id"] for model in server.get("/v1/models").json()["data"]] == ["ours"]
        assert run("pull", tmp_path / "good.psb", *trust).returncode == 0
        assert server.get(RELOAD, "POST").status_code == 200
        assert text() == expected
        assert server.get("/readyz").json()["status"] == "ok"
    assert (models / "ours" / SIGNATURE).exists()
    assert (models / "ours" / MANIFEST).exists()
