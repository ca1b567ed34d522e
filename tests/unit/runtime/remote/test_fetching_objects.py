"""Recordings of S3 buckets."""

import io
from collections.abc import Iterator

import pytest

from paraserve.errors import ParaserveError
from paraserve.remote_errors import RemoteAwayError, RemoteRecordingError, UrlNotAllowedError
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetched import Fetched
from paraserve.runtime.remote.fetcher import Fetcher
from support.object_stores import S3Server, start_s3

AUDIO = bytes(range(256)) * 10_000


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    yield from start_s3()


async def fetch(url: str, buckets: tuple[str, ...] = ("s3://talks",), max_bytes: int = 10_000_000) -> Fetched:
    fetcher = Fetcher(AddressGuard(), buckets=buckets)
    await fetcher.check(url)
    file = io.BytesIO()
    fetched = await fetcher.fetch(url, file, max_bytes, timeout_s=30)
    assert file.getvalue() == AUDIO
    return fetched


async def test_an_object_is_fetched(s3: S3Server, monkeypatch: pytest.MonkeyPatch):
    s3.make_bucket("talks")
    s3.put("talks/2026/a%20b.wav", AUDIO)
    s3.put("talks/empty.wav", b"")
    assert await fetch("s3://talks/2026/a b.wav") == Fetched(len(AUDIO), "a b.wav")
    assert await fetch("s3://talks/2026/a b.wav", ("s3://other", "s3://talks/2026/")) == Fetched(
        len(AUDIO), "a b.wav"
    )
    for url, says in (("s3://talks/missing", "not there"), ("s3://talks/empty.wav", "empty")):
        with pytest.raises(RemoteRecordingError, match=says):
            await fetch(url)
    with pytest.raises(RemoteRecordingError, match="larger than"):
        await fetch("s3://talks/2026/a b.wav", max_bytes=1000)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(RemoteAwayError):
        await fetch("s3://talks/2026/a b.wav")


@pytest.mark.parametrize(
    "url",
    [
        "s3://other/a.wav",
        "s3://talks2/a.wav",
        "s3://talks/private/a.wav",
        "s3://talks/publication/a.wav",
        "s3://talks/public/../private/a.wav",
        "s3://talks/public/./a.wav",
        "s3://talks/public//a.wav",
        "s3://talks/public/",
        "s3://talks/public",
        "s3://talks/",
        "s3://talks",
        "s3://user:password@talks/public/a.wav",
        "s3://TALKS/public/a.wav",
        "s3://talks:80/public/a.wav",
        "s3:///talks/public/a.wav",
        "s3://talks/public/a\n.wav",
        "s3://talks/public/" + "a" * 2000,
        "s3:talks/public/a.wav",
        "gs://talks/public/a.wav",
        "az://talks/public/a.wav",
    ],
)
async def test_other_objects_are_refused(url: str):
    with pytest.raises(UrlNotAllowedError):
        await Fetcher(AddressGuard(), buckets=("s3://talks/public",)).check(url)
    with pytest.raises(UrlNotAllowedError):
        await Fetcher(AddressGuard()).check(url)


def test_a_bucket_of_another_form_is_named():
    with pytest.raises(ParaserveError, match="url_buckets: talks is no bucket"):
        Fetcher(AddressGuard(), buckets=("talks",))
