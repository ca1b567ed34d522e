"""`paraserve models pack`, `sign`, `verify`, `keygen` and `pull FILE` as a user runs them."""

import io
import re

import pytest

from paraserve.catalog.manifest import MANIFEST, SIGNATURE
from support.bundles import copy_of, damage
from support.commands import run_here
from support.fake_hub import Answer, fake_hub
from support.packed_bundles import tree, write_bundle


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line in this process, in a folder of its own, with this standard input."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARASERVE_MODELS_DIR", str(tmp_path / "models"))

    def run(*args, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        return run_here(capsys, "models", *args)

    return run


def test_from_keys_to_an_installed_bundle(run, tmp_path):
    """Keys, a packed bundle, its signature, its check, its installation; without a terminal, with a password."""
    root = write_bundle(tmp_path / "ours")
    made = run("keygen", "ours.key", stdin="secret\n")
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"RW\S{54}\n", made.stdout)
    public = made.stdout.strip()
    packed = run("pack", "./ours")
    assert (packed.returncode, packed.stdout) == (0, "small.psb\n")
    file = packed.stdout.strip()
    assert packed.stderr == f"paraserve: {file} is not signed: paraserve models sign {file} --key FILE\n"
    refused = run("pull", file, "--public-key", "ours.key.pub")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"paraserve: {file} is not signed, and ours.key.pub has the keys that count\n"
    wrong = run("sign", file, "--key", "ours.key", stdin="wrong\n")
    assert (wrong.returncode, "wrong password" in wrong.stderr) == (1, True)
    signed = run("sign", file, "--key", "ours.key", stdin="secret\n")
    assert (signed.returncode, signed.stdout) == (0, f"{file}\n"), signed.stderr
    assert "signed by key" in run("verify", file).stderr
    verified = run("verify", file, "--public-key", public)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.startswith(f"{SIGNATURE}: ok, by key ")
    installed = run("pull", file, "-P", public)
    assert (installed.returncode, installed.stdout, installed.stderr) == (0, f"{tmp_path}/models/small\n", "")
    assert tree(tmp_path / "models" / "small").keys() == {*tree(root), SIGNATURE}
    verified = run("verify", "small", "-P", public)
    assert verified.returncode == 0
    assert f"{SIGNATURE}: ok" in verified.stdout


def test_a_folder_is_signed(run, tmp_path, demo_dir):
    """A folder without a manifest gets one; what is wrong with a folder or its signature is exit code 1."""
    root = write_bundle(tmp_path / "ours")
    (root / MANIFEST).unlink()
    assert run("keygen", "-W", "k").returncode == run("keygen", "-W", "k2").returncode == 0
    assert run("sign", "./ours", "-s", "k").stdout == f"ours/{SIGNATURE}\n"
    assert run("verify", "./ours", "-P", "k.pub").returncode == 0
    for change in (("-P", "k2.pub"), ("-P", "no-such-key")):
        assert run("verify", "./ours", *change).returncode == 1
    (root / "lm").mkdir()
    (root / "lm" / "G.fst").write_bytes(b"")
    extra = run("verify", "./ours", "-P", "k.pub")
    assert (extra.returncode, f"{SIGNATURE}: PROBLEM: " in extra.stdout) == (1, True)
    again = run("sign", "./ours", "-s", "k")
    assert (again.returncode, "lm/G.fst is not in manifest.json" in again.stderr) == (1, True)
    demo = run("sign", "demo", "-s", "k")
    assert (demo.returncode, "part of the installation" in demo.stderr) == (1, True)
    assert not (demo_dir / SIGNATURE).exists()
    assert "Install a packed bundle: paraserve models pull k\n" in run("path", "k").stderr


def test_pulled_from_a_url(run, tmp_path):
    """A packed bundle is installed from a web server as well; a damaged one changes nothing."""
    write_bundle(tmp_path / "ours")
    run("keygen", "-W", "k")
    run("pack", "./ours", "-o", "ours.psb")
    run("sign", "ours.psb", "-s", "k")
    data = (tmp_path / "ours.psb").read_bytes()
    with fake_hub({"ours.psb": data}) as hub:
        url = f"{hub.url}/content/ours.psb"
        hub.always["ours.psb"] = Answer(content=data.replace(b"weights", b"WEIGHTS", 1))
        damaged = run("pull", url, "-P", "k.pub")
        assert (damaged.returncode, "altered or damaged" in damaged.stderr) == (1, True), damaged.stderr
        assert not (tmp_path / "models" / "small").exists()
        hub.always.clear()
        pulled = run("pull", url, "-P", "k.pub")
        assert (pulled.returncode, pulled.stdout) == (0, f"{tmp_path}/models/small\n"), pulled.stderr
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == ["small"]


def test_passwords(run, tmp_path):
    """An empty password makes no key."""
    empty = run("keygen", "k", stdin="\n")
    assert (empty.returncode, "--no-password" in empty.stderr) == (1, True)
    assert not (tmp_path / "k").exists()


def test_only_signed_bundles_are_loaded(run, tmp_path, demo_dir, monkeypatch, capsys, data_dir):
    """With keys in the settings what is not signed is refused before it is loaded: bundles, parts, files beside."""
    root = copy_of(demo_dir, tmp_path / "ours")
    run("keygen", "-W", "k")
    monkeypatch.setenv("PARASERVE_BUNDLE_KEYS", str(tmp_path / "k.pub"))

    def refusal(*flags):
        done = run_here(capsys, "transcribe", data_dir / "zh_date.wav", *flags)
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr

    assert refusal("--bundle", str(root)) == (
        f"paraserve: {root} is not signed, and {tmp_path}/k.pub has the keys that count\n"
    )
    for part, setting in {"asr": "MODEL_DIR", "punc": "PUNC_DIR", "lm": "LM_DIR"}.items():
        with monkeypatch.context() as setting_of_one_part:
            setting_of_one_part.setenv(f"PARASERVE_{setting}", f"./ours/{part}")
            assert refusal().startswith("paraserve: ours is not signed, and ")
    run("sign", "./ours", "-s", "k")
    (root / "lm" / "extra.txt").write_text("")
    assert f"{root}/lm/extra.txt is not in manifest.json" in refusal("--bundle", str(root))
    (root / "lm" / "extra.txt").unlink()
    damage(root)
    assert "SHA-256 differs" in refusal("--bundle", str(root))
    monkeypatch.setenv("PARASERVE_BUNDLE_KEYS", str(tmp_path / "none.pub"))
    assert "none.pub as public keys of minisign" in run_here(capsys, "serve", "--port", "0").stderr
