"""A hub, and pulls from it."""

import numpy as np
import pytest

from paraserve.catalog.download import open_client
from paraserve.catalog.download_sources import Fetcher
from paraserve.catalog.hubs import Mirrors
from paraserve.catalog.pull import Puller
from support.fake_hub import fake_hub


@pytest.fixture
def contents():
    """Files of the model; the graph takes several reads."""
    graph = np.random.default_rng(0).bytes(700_001)
    return {"model.onnx": graph, "README.md": b"read me", "config.yaml": b"a: 1\n", "../outside": b"no"}


@pytest.fixture
def hub(contents):
    with fake_hub(contents) as hub:
        yield hub


@pytest.fixture
def pull(hub, tmp_path):
    """Pull a bundle into `tmp_path / "models"`; gives its folder and keeps what was reported."""

    def pull(catalog, name="bundle", on_progress=lambda done, total: None, stop=None, mirrors=None, **options):
        kind, for_gpu = options.get("kind"), options.get("for_gpu", False)
        with open_client(stop) as client:
            fetcher = Fetcher(client, mirrors or Mirrors(hub.url, hub.url), on_progress)
            return Puller(catalog, tmp_path / "models", fetcher, pull.reports.append, kind, for_gpu).pull(name)

    pull.reports = []
    return pull
