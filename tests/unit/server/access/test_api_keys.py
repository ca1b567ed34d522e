"""The file of keys: however it was written it is read, and whoever changes it loses nothing of others."""

import os
import subprocess
import sys

import pytest

from paraserve.errors import ParaserveError
from paraserve.server.access.api_keys import (
    add_key,
    exposure,
    hashed,
    new_key,
    read_keys,
    remove_keys,
    write_keys,
)

ANN, BOB = hashed("ann", new_key()), hashed("bob", new_key())
N_PROCESSES = 20
ADD = """
import sys
from pathlib import Path
from paraserve.server.access.api_keys import add_key, hashed, new_key
add_key(Path(sys.argv[1]), hashed(sys.argv[2], new_key()))
"""
REMOVE = """
import sys
from pathlib import Path
from paraserve.server.access.api_keys import remove_keys
assert remove_keys(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.fixture
def file(tmp_path):
    """A file of Ann's key, alone in its folder."""
    write_keys(tmp_path / "keys", [ANN])
    return tmp_path / "keys"


def mode_of(path):
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    "text", ["{}\n{}\n", "{}\n{}", "\ufeff{}\n{}\n", "{}\r\n{}\r\n", "\ufeff# ours\r\n\r\n  {}\t\r\n{} # Bob\r\n"]
)
def test_files_of_all_editors(file, text):
    """Byte order marks, line ends of Windows, comments and blanks change nothing."""
    file.write_bytes(text.format(ANN.line(), BOB.line()).encode())
    assert read_keys(file) == (ANN, BOB)
    add_key(file, ANN)
    assert read_keys(file) == (ANN, BOB, ANN)


@pytest.mark.parametrize("data", [b"ann sha256:12\n", "# ключ".encode("utf-16"), b"\xff", b"\0"])
def test_what_is_no_file_of_keys(file, data):
    """It is refused by its name and left as it is, also when a key is to be added or removed."""
    file.write_bytes(data)
    for change in (read_keys, lambda path: add_key(path, BOB), lambda path: remove_keys(path, "ann")):
        with pytest.raises(ParaserveError, match="keys"):
            change(file)
    assert file.read_bytes() == data


def test_a_line_at_fault_is_named(file):
    """The message has the line's number and what is wrong with it."""
    file.write_text(f"# ours\n{ANN.line()} max=many\n")
    with pytest.raises(ParaserveError, match=r"line 2: max=many: expected a whole number"):
        read_keys(file)


def test_comments_stay(file):
    """A change touches the lines that it is about and no other."""
    lines = ["# ours", "", f"{ANN.line()}   max=2  # until the move"]
    file.write_text("\n".join(lines))
    add_key(file, BOB)
    assert file.read_text().splitlines() == [*lines, BOB.line()]
    assert remove_keys(file, "bob") == 1
    assert file.read_text().splitlines() == lines


def test_several_keys_of_one_name(file):
    """A name may have an old key and a new one; they are removed together, and only they."""
    add_key(file, BOB)
    add_key(file, hashed("ann", new_key()))
    assert remove_keys(file, "ann") == 2
    assert read_keys(file) == (BOB,)
    assert remove_keys(file, "ann") == 0


def run(script, file, *names):
    """All at once, each in a process."""
    processes = [subprocess.Popen([sys.executable, "-c", script, str(file), name]) for name in names]
    assert [process.wait(60) for process in processes] == [0] * len(names)


@pytest.mark.slow
def test_changes_at_once(file):
    """Of many processes that add and remove keys at once, each counts."""
    added = [f"n{number}" for number in range(N_PROCESSES)]
    run(ADD, file, *added)
    assert {key.name for key in read_keys(file)} == {"ann", *added}
    run(REMOVE, file, *added[::4])
    assert len(read_keys(file)) == 1 + N_PROCESSES * 3 // 4
    assert [path.name for path in file.parent.iterdir()] == ["keys"]


@pytest.mark.parametrize("link", [False, True])
def test_remains_of_a_crash(file, link):
    """A temporary file that a crash left, or a link that somebody put in its place, is neither used nor followed."""
    victim = file.with_name("victim")
    victim.write_text("precious")
    left = file.with_name(".keys.new")
    left.symlink_to(victim) if link else left.write_text("old")
    add_key(file, BOB)
    assert read_keys(file) == (ANN, BOB)
    assert victim.read_text() == "precious"
    assert mode_of(file) == 0o600


@pytest.mark.parametrize("exists", [True, False])
def test_a_link(file, exists):
    """Where the name is a link, the file that it leads to is changed, or made, and the link stays."""
    target = file if exists else file.with_name("other")
    link = file.with_name("link")
    link.symlink_to(target.name)
    add_key(link, BOB)
    assert link.is_symlink()
    assert read_keys(target) == ((ANN, BOB) if exists else (BOB,))


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o600, 0o600), (0o400, 0o400), (0o640, 0o640), (0o644, 0o644), (0o666, 0o644), (0o777, 0o644)],
)
def test_rights_are_kept(file, before, after):
    """A server that was able to read the file is still, and nobody but its owner may write it."""
    file.chmod(before)
    add_key(file, BOB)
    assert mode_of(file) == after


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_is_kept(file):
    """Root changes the file of a service's user, who can read it as before."""
    os.chown(file, 12345, 23456)
    remove_keys(file, "ann")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)


def test_a_new_file(tmp_path, monkeypatch):
    """It belongs to its owner alone, whatever the process gives to new files."""
    before = os.umask(0)
    try:
        add_key(tmp_path / "keys", ANN)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "keys") == 0o600
    assert exposure(tmp_path / "keys") is None


def test_a_change_that_fails(file):
    """The old file stays in whole, and nothing beside it, where a new one cannot be put in its place."""
    folder = file.with_name("folder")
    folder.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_keys(folder, [BOB])
    assert sorted(path.name for path in file.parent.iterdir()) == ["folder", "keys"]


@pytest.mark.parametrize(("mode", "said"), [(0o640, "read"), (0o604, "read"), (0o620, "add"), (0o602, "add")])
def test_warnings(file, mode, said):
    """Rights of others to read and to write are told apart."""
    file.chmod(mode)
    assert said in exposure(file)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "a" * 65, "a\n", "#a"])
def test_bad_names(name):
    """A name is a plain word, so that a line stays one."""
    with pytest.raises(ParaserveError, match="letters, digits"):
        hashed(name, "key")
