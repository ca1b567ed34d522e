"""`paraserve keys`: what is typed, what is printed, and what stands in the file afterwards."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from paraserve.cli.main import main
from paraserve.server.access.api_keys import digest_of, read_keys
from paraserve.server.access.key_fields import KeyLimits, KeyScope
from support.commands import paraserve


@pytest.fixture
def keys(tmp_path, capsys):
    """Runs `keys COMMAND ... FILE`; gives exit code, output and what was said on stderr."""

    def run(*args):
        with pytest.raises(SystemExit) as ended:
            main(["keys", *args, str(tmp_path / "keys")])
        done = capsys.readouterr()
        return ended.value.code, done.out, done.err

    return run


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys"


@pytest.mark.slow
def test_the_command(tmp_path):
    """The installed command makes a key, lists and removes it."""
    file = tmp_path / "keys"
    added = paraserve("keys", "add", "ann", file)
    assert (added.returncode, added.stderr) == (0, "")
    assert re.fullmatch(r"ps_[\w-]{43}\n", added.stdout)
    assert read_keys(file)[0].digest == digest_of(added.stdout.strip())
    assert paraserve("keys", "list", file).stdout == "ann\n"
    assert paraserve("keys", "remove", "ann", file).returncode == 0
    assert read_keys(file) == ()


def test_all_fields(keys, file):
    """Each flag is a field of the line."""
    flags = [
        "--scopes",
        "live,metrics",
        "--max",
        "5",
        "--max-uploads",
        "4",
        "--max-live",
        "3",
        "--per-minute",
        "60",
        "--audio-per-minute",
        "600",
        "--max-jobs",
        "9",
        "--job-hours-a-day",
        "8",
        "--job-bytes",
        "100000000000",
        "--expires",
        "2099-01-31",
    ]
    code, secret, _ = keys("add", *flags, "ann")
    (known,) = read_keys(file)
    assert (code, known.digest) == (0, digest_of(secret.strip()))
    assert known.scopes == {KeyScope.LIVE, KeyScope.METRICS}
    assert known.limits == KeyLimits(5, 4, 3, 60, 600, 9, 8, 10**11)
    assert known.expires == datetime(2099, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(("text", "span"), [("12h", {"hours": 12}), ("90d", {"days": 90}), ("8w", {"weeks": 8})])
def test_spans(keys, file, text, span):
    """A span counts from now on."""
    keys("add", "ann", "--expires", text)
    off = read_keys(file)[0].expires - datetime.now(UTC) - timedelta(**span)
    assert abs(off) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--expires", "2020-01-31"], "in the past"),
        (["--expires", "0d"], "in the past"),
        (["--expires", "tomorrow"], "2027-01-31"),
        (["--expires", "5y"], "90d"),
        (["--expires", ""], "90d"),
        (["--scopes", "all"], "transcribe,live,jobs,metrics,admin"),
        (["--scopes", ""], "transcribe,live,jobs,metrics,admin"),
        (["--max", "-1"], "greater than or equal to 0"),
        (["--per-minute", "many"], "integer"),
    ],
)
def test_bad_flags(keys, file, flags, said):
    """A value that means nothing is refused with what is taken, and no key is made."""
    code, out, err = keys("add", "ann", *flags)
    assert code != 0
    assert out == ""
    assert said in err
    assert not file.exists()


def test_list(keys, file):
    """Names with their fields, expired ones marked; neither keys nor digests."""
    secrets = [keys("add", "ann")[1], keys("add", "ann", "--max", "2", "--scopes", "live")[1]]
    with file.open("a") as stream:
        stream.write(f"guest sha256:{'0' * 64} expires=2020-01-31  # gone\n")
    out = keys("list")[1]
    assert out == "ann\nann scopes=live max=2\nguest expires=2020-01-31 (expired)\n"
    assert not any(secret.strip() in out for secret in secrets)


def test_remove(keys, file):
    """All keys of the name go; a name that is not there is an error that changes nothing."""
    for name in ("ann", "bob", "ann"):
        keys("add", name)
    before = file.read_text()
    code, _, err = keys("remove", "eve")
    assert (code, "no key of 'eve'" in err, file.read_text()) == (1, True, before)
    assert keys("remove", "ann")[0] in {0, None}
    assert [key.name for key in read_keys(file)] == ["bob"]


def test_files_that_cannot_be_written(tmp_path, capsys):
    """One line names the file."""
    for path in (tmp_path / "none" / "keys", tmp_path):
        with pytest.raises(SystemExit) as ended:
            main(["keys", "add", "ann", str(path)])
        done = capsys.readouterr()
        assert (ended.value.code, done.out) == (1, "")
        assert str(path) in done.err
        assert len(done.err.splitlines()) == 1
