"""Fields of an upload, and what is said of those that are not honoured."""

import pytest

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities
from paraserve.options import RecognitionOptions
from paraserve.server.http.parsing.form_fields import FormFields, recognition_options
from paraserve.server.http.parsing.openai_fields import OpenAIFields, read_openai_fields
from support.fakes import ALL_ABILITIES


def form(**values):
    return FormFields({name: value if isinstance(value, list) else [value] for name, value in values.items()})


def warned(fields):
    """(code, field) of each warning."""
    return [(warning.code, warning.param) for warning in fields.warnings()]


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("", None),
        ("auto", None),
        (" Auto ", None),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("EN_us", "en"),
        ("Chinese", "zh"),
        ("中文", "zh"),
        ("cn", "zh"),
        ("mandarin", "zh"),
        ("cmn-Hans-CN", "zh"),
        ("Chinese (Simplified)", "zh"),
        ("Cantonese", "yue"),
        ("zh-yue", "yue"),
        ("English", "en"),
        ("日本語", "ja"),
        ("français", "fr"),
        ("eng", "en"),
    ],
)
def test_language(value, language):
    """A language is taken by code, by name, with a region and in its own script; auto leaves it to the model."""
    assert recognition_options(form(language=value), ALL_ABILITIES).language == language
    assert recognition_options(form(), ALL_ABILITIES).language is None


@pytest.mark.parametrize("value", ["klingon", "xx", "z", "english please", "1", "zh;DROP", "e" * 1000])
def test_unknown_languages_are_refused(value):
    """What is no language is an error that names the field, never silently the model's choice."""
    with pytest.raises(ProtocolError) as refused:
        recognition_options(form(language=value), ALL_ABILITIES)
    assert (refused.value.code, refused.value.param) == ("invalid_value", "language")
    assert len(refused.value.message) < 200


NOTHING = Abilities(punctuates=False, writes_numbers=False, leaves_numbers=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "fr"),
        ("hotwords", "阿里巴巴"),
        ("prompt", "数字"),
        ("itn", "false"),
        ("itn", "true"),
        ("punctuate", "true"),
    ],
)
def test_options_that_the_models_cannot_honour(name, value):
    """Each is named once with models that cannot, and not at all where it is not sent."""
    fields = form(**{name: value})
    recognition_options(fields, NOTHING)
    assert ("not_honoured", name) in warned(fields)
    able = form(**{name: "en" if name == "language" else value})
    recognition_options(able, ALL_ABILITIES)
    assert warned(able) == []


def test_fields_that_nobody_reads():
    """A field that no reader asks for is named; one without a value is absent."""
    fields = form(beam_size="5", vad_filter="", itn="false", **{"a" * 500: "1"})
    recognition_options(fields, ALL_ABILITIES)
    assert warned(fields) == [("unknown_field", "beam_size"), ("unknown_field", "a" * 64)]


def test_several_values_of_one_field():
    """The last one counts, and a warning says so where they differ."""
    fields = form(itn=["true", "false"], punctuate=["true", "true"])
    assert not recognition_options(fields, ALL_ABILITIES).itn
    assert warned(fields) == [("not_honoured", "itn")]


@pytest.mark.parametrize(
    "name", ["timestamp_granularities", "timestamp_granularities[]", "timestamp_granularities[0]"]
)
@pytest.mark.parametrize("value", ["word", '["word"]'])
def test_names_of_lists(name, value):
    """A list is read by its plain name, with brackets, with a number in them, and from a JSON list."""
    fields = form(**{name: value})
    assert read_openai_fields(fields, "verbose_json") == OpenAIFields(("word",))
    assert warned(fields) == []


def test_items_of_a_list():
    """All its names together are one list, in the order of the request."""
    fields = form(**{"timestamp_granularities[0]": "word", "timestamp_granularities[1]": "segment"})
    assert read_openai_fields(fields, "verbose_json").granularities == ("word", "segment")


@pytest.mark.parametrize(
    "values",
    [
        ["阿里巴巴 魔搭"],
        ["阿里巴巴,魔搭"],
        ['{"阿里巴巴":20,"魔搭":"20"}'],
        ["阿里巴巴 魔搭:20"],
        ['["阿里巴巴","魔搭"]'],
        ["阿里巴巴", "魔搭"],
    ],
)
def test_hotwords(values):
    """Every form that FunASR's clients write, a JSON list, and a field for each word."""
    assert recognition_options(form(hotwords=values), ALL_ABILITIES) == RecognitionOptions(
        hotwords=(Hotword("阿里巴巴"), Hotword("魔搭"))
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"timestamp_granularities[0]": "letter"}, "timestamp_granularities"),
        ({"include[]": "confidence"}, "include"),
        ({"include": "logprobs"}, "include"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": "true"}, "stream"),
        ({"stream": "perhaps"}, "stream"),
    ],
)
def test_refused_fields_of_openai(fields, param):
    """A value that is not known, and one that another field rules out, is an error with the field's name."""
    with pytest.raises(ProtocolError) as refused:
        read_openai_fields(form(**fields), "verbose_json")
    assert refused.value.param == param


def test_fields_of_openai_without_effect():
    """A temperature, and times in an answer without lists of them, get warnings."""
    fields = form(temperature="0.2", timestamp_granularities="segment")
    read_openai_fields(fields, "json")
    assert {param for _, param in warned(fields)} == {"temperature", "timestamp_granularities"}
    plain = form(temperature="0", include="logprobs")
    assert read_openai_fields(plain, "json") == OpenAIFields(has_logprobs=True)
    assert warned(plain) == []
