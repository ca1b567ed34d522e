"""Recordings that are files of the server's host, under the folder that the operator chose."""

import io
import os
import socket
from pathlib import Path

import pytest

from paraserve.errors import ParaserveError
from paraserve.remote_errors import RemoteAwayError, RemoteRecordingError, UrlNotAllowedError
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetched import Fetched
from paraserve.runtime.remote.fetcher import Fetcher


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"audio")
    (folder / "inner" / "录 音.wav").write_bytes(b"inner audio")
    (folder / "empty").touch()
    (folder / "secret").write_bytes(b"readable by nobody")
    (tmp_path / "outside.wav").write_bytes(b"outside")
    (tmp_path / "recordings-of-others").mkdir()
    (tmp_path / "recordings-of-others" / "b.wav").write_bytes(b"others")
    (folder / "link.wav").symlink_to(tmp_path / "outside.wav")
    (folder / "way").symlink_to(tmp_path)
    (folder / "inner-link.wav").symlink_to("a.wav")
    os.mkfifo(folder / "fifo")
    return folder


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def fetch(root: Path | str, url: str, max_bytes: int = 1000) -> tuple[Fetched, bytes]:
    fetcher = Fetcher(AddressGuard(), file_root=str(root))
    await fetcher.check(url)
    file = io.BytesIO()
    fetched = await fetcher.fetch(url, file, max_bytes, timeout_s=10)
    return fetched, file.getvalue()


@pytest.mark.parametrize("prefix", ["file://", "file:", "FILE://localhost"])
async def test_a_file_under_the_folder_is_fetched(root: Path, prefix: str):
    assert await fetch(root, f"{prefix}{root}/a.wav") == (Fetched(5, "a.wav"), b"audio")
    fetched, data = await fetch(root, f"{prefix}{root}/inner/%E5%BD%95%20%E9%9F%B3.wav")
    assert (fetched.filename, data) == ("录 音.wav", b"inner audio")


async def test_the_folder_may_be_named_by_a_link(root: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(root)
    for place in (link, root):
        assert (await fetch(link, f"file://{place}/a.wav"))[1] == b"audio"


@pytest.mark.parametrize(
    "url",
    [
        "file://{root}/../outside.wav",
        "file://{root}/%2e%2e/outside.wav",
        "file://{root}/..%2foutside.wav",
        "file://{root}/inner/../../outside.wav",
        "file://{root}/./a.wav",
        "file://{root}//a.wav",
        "file:///{root}/a.wav",
        "file://{root}/a.wav%00.txt",
        "file://{root}",
        "file://{root}/",
        "file://{root}-of-others/b.wav",
        "file://{root}/a.wav?x",
        "file://{root}/a.wav#x",
        "file://other.example{root}/a.wav",
        "file://127.0.0.1{root}/a.wav",
        "file://user@localhost{root}/a.wav",
        "file:///etc/passwd",
        "file:///proc/self/environ",
        "file:a.wav",
        "file:",
    ],
)
async def test_a_url_that_leads_out_of_the_folder_is_refused(root: Path, url: str):
    with pytest.raises(UrlNotAllowedError):
        await fetch(root, url.format(root=root))


@pytest.mark.parametrize(
    "name", ["link.wav", "way/outside.wav", "inner-link.wav", "fifo", "inner", "empty", "missing"]
)
async def test_what_is_no_file_there_is_refused(root: Path, name: str):
    n_open = open_files()
    with pytest.raises(RemoteRecordingError):
        await fetch(root, f"file://{root}/{name}")
    assert open_files() == n_open


async def test_special_files_are_refused():
    for path in ("/dev/zero", "/dev/null", "/dev/stdin"):
        with pytest.raises((RemoteRecordingError, UrlNotAllowedError)):
            await fetch("/dev", f"file://{path}")


async def test_a_socket_is_refused(root: Path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "s"))
        with pytest.raises(RemoteRecordingError):
            await fetch(root, f"file://{root}/s")


async def test_limits_and_folders_that_are_away(root: Path):
    with pytest.raises(RemoteRecordingError) as refused:
        await fetch(root, f"file://{root}/a.wav", max_bytes=4)
    assert refused.value.code == "file_too_large"
    with pytest.raises(RemoteAwayError, match="url_file_root"):
        await fetch("/not/there", "file:///not/there/a.wav")
    with pytest.raises(UrlNotAllowedError):
        await fetch("", f"file://{root}/a.wav")


async def test_errors_do_not_name_the_folder(root: Path):
    with pytest.raises(ParaserveError) as refused:
        await fetch(root, f"file://{root}/missing")
    assert str(root) not in refused.value.message
