"""Names of models: own ones, aliases, and those that programs send whatever is loaded."""

import pytest

from paraserve.errors import ModelNotFoundError
from paraserve.runtime.routing.names import AUTO, KIND_OF_ALIAS, ModelNames, find_model

DEMO = ModelNames("demo", ("/models/demo",), "paraformer")
SENSE = ModelNames("sense", ("cantonese",), "sensevoicesmall")
WHISPER = ModelNames("base", (), "whisper")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, None),
        ("", None),
        (AUTO, None),
        ("default", None),
        ("demo", "demo"),
        ("/models/demo", "demo"),
        ("cantonese", "sense"),
        ("sensevoice", "sense"),
        ("iic/SenseVoiceSmall", "sense"),
        ("whisper-1", "base"),
        ("gpt-4o-transcribe", None),
        ("paraformer-zh", "demo"),
    ],
)
def test_names(asked, found):
    """A name or an alias means its model, a well-known name a model of its kind, all else the server's choice."""
    assert find_model(asked, [DEMO, SENSE, WHISPER]) == found


@pytest.mark.parametrize("asked", KIND_OF_ALIAS)
def test_names_of_kinds_that_are_not_here(asked):
    """A name that clients cannot change is answered by whatever model there is."""
    assert find_model(asked, [ModelNames("other", kind="paraformer-contextual")]) is None


def test_own_names_come_first():
    """An operator may call any model by a well-known name."""
    assert find_model("whisper-1", [DEMO, WHISPER, ModelNames("whisper-1", kind="paraformer")]) == "whisper-1"


@pytest.mark.parametrize("asked", ["nova-2", "Demo2", "模型", "\ud800", "a" * 5000])
def test_unknown_names(asked):
    """The error names all models, is short, and can be sent."""
    with pytest.raises(ModelNotFoundError) as refused:
        find_model(asked, [DEMO, SENSE])
    assert refused.value.message.endswith("only: demo, sense")
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    assert len(refused.value.message.encode()) < 500
