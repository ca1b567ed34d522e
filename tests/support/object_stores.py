"""An object store on this machine that speaks S3's protocol."""

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import obstore
import pytest

from paraserve.runtime.remote.object_store import open_bucket


@dataclass(frozen=True)
class S3Server:
    """Its address. Buckets are made by `make_bucket`."""

    url: str

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        self.put(name, b"")

    def put(self, path: str, data: bytes) -> None:
        """Write an object `BUCKET/KEY`."""
        headers = {"content-type": "application/octet-stream"}
        request = urllib.request.Request(f"{self.url}/{path}", data, headers, method="PUT")
        urllib.request.urlopen(request, timeout=30).close()

    def get(self, path: str) -> bytes:
        """Read an object `BUCKET/KEY`."""
        bucket, _, key = path.partition("/")
        return bytes(obstore.get(open_bucket(bucket), key).bytes())


def start_s3() -> Iterator[S3Server]:
    """The body of a fixture: run moto's server on a free port, and name it in the environment meanwhile."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - takes two seconds, which few tests should pay

    with pytest.MonkeyPatch.context() as changed:
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        served = S3Server(f"http://{host}:{port}")
        for name, value in environment(served).items():
            changed.setenv(name, value)
        try:
            yield served
        finally:
            server.stop()


def environment(server: S3Server) -> dict[str, str]:
    """What programs need to find the server."""
    return {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.url,
    }
