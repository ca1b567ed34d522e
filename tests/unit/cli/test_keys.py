"""`paraserve keys`: what is kept of a key, and what is refused."""

import hashlib
import stat

import pytest


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys"


def test_only_the_digest_is_kept(run, file):
    """The key is printed once; the file, which only its owner may read, has its SHA-256."""
    code, stdout, _ = run("keys", "add", "laptop", file)
    key = stdout.strip()
    assert (code, key[:3], len(key)) == (0, "ps_", 46)
    assert file.read_text() == f"laptop sha256:{hashlib.sha256(key.encode()).hexdigest()}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_list_and_remove(run, file):
    """Names are listed; a removed name loses all its keys, the others stay."""
    keys = [run("keys", "add", name, file)[1] for name in ("a", "b", "a")]
    assert len(set(keys)) == 3
    assert run("keys", "list", file)[1] == "a\nb\na\n"
    assert run("keys", "remove", "a", file)[0] == 0
    assert run("keys", "list", file)[1] == "b\n"


def test_comments_are_passed_over(run, file):
    """Empty lines and lines that begin with #."""
    file.write_text(f"# laptops\n\na sha256:{'0' * 64}\n")
    assert run("keys", "list", file)[1] == "a\n"


@pytest.mark.parametrize("name", ["", "two words", "ключ", "x" * 65, "a\nb"])
def test_names_that_are_no_words(run, file, name):
    """They would break the file's lines, or logs."""
    code, _, stderr = run("keys", "add", name, file)
    assert (code, file.exists()) == (1, False)
    assert "name of a key" in stderr


def test_remove_an_unknown_name(run, file):
    """A misspelt name must not look as if the key were gone."""
    run("keys", "add", "a", file)
    code, _, stderr = run("keys", "remove", "b", file)
    assert code == 1
    assert "no key of 'b'" in stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "has no key"),
        ("a ps_plain\n", "line 1: expected NAME sha256:HEX"),
        (f"a sha256:{'0' * 63}\n", "line 1: expected NAME sha256:HEX"),
    ],
)
def test_server_refuses_a_bad_file(run, file, content, message):
    """A server that was to be guarded does not start open, nor closed to everybody."""
    if content is not None:
        file.write_text(content)
    code, stdout, stderr = run("serve", "--api-keys-file", file)
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert message in stderr
