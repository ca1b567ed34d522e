"""Fields of an upload, and what is said of those that are not honoured."""

import pytest

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities
from paraserve.options import RecognitionOptions, VadOverrides
from paraserve.server.http.parsing.form_fields import FormFields, recognition_options
from paraserve.server.http.parsing.openai_fields import OpenAIFields, read_openai_fields, with_openai_options
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
        ({"stream": "perhaps"}, "stream"),
        ({"known_speaker_names[]": "agent"}, "known_speaker_names"),
        ({"known_speaker_references": ["data:audio/wav;base64,"]}, "known_speaker_references"),
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


def openai_options(fields, abilities=ALL_ABILITIES):
    return with_openai_options(recognition_options(fields, abilities), fields, abilities)


SERVER_VAD = '{"type":"server_vad","silence_duration_ms":300,"threshold":0.9,"prefix_padding_ms":120}'


@pytest.mark.parametrize(
    "fields",
    [
        {"chunking_strategy": SERVER_VAD},
        {
            "chunking_strategy[type]": "server_vad",
            "chunking_strategy[silence_duration_ms]": "300",
            "chunking_strategy[threshold]": "0.9",
            "chunking_strategy[prefix_padding_ms]": "120",
        },
    ],
)
def test_chunking(fields):
    """JSON, and a field for each key as OpenAI's clients send it, turn the same knobs."""
    given = form(**fields)
    assert openai_options(given).vad == VadOverrides(300, None, 0.8, 120)
    assert warned(given) == []


def test_automatic_chunking():
    """`auto` is what the server does anyway."""
    fields = form(chunking_strategy="auto")
    assert openai_options(fields) == RecognitionOptions()
    assert warned(fields) == []


@pytest.mark.parametrize(
    "value", ["never", "[]", "{}", "7", '{"type":"semantic_vad"}', '{"type":"server_vad"', "[" * 9999]
)
def test_unknown_chunking(value):
    """Neither `auto` nor `server_vad` is an error that names the field."""
    with pytest.raises(ProtocolError) as refused:
        openai_options(form(chunking_strategy=value))
    assert (refused.value.code, refused.value.param) == ("invalid_value", "chunking_strategy")
    assert len(refused.value.message) < 200


def test_chunking_without_effect():
    """A key that is not known, a knob that another field turns, and a detector that is not there are named."""
    fields = form(chunking_strategy='{"type":"server_vad","eagerness":1}')
    assert openai_options(fields) == RecognitionOptions()
    assert warned(fields) == [("unknown_field", "chunking_strategy.eagerness")]
    fields = form(**{"chunking_strategy[silence_duration_ms]": "300", "chunking_strategy[speed]": "1"})
    own = RecognitionOptions(vad=VadOverrides(500))
    assert with_openai_options(own, fields, ALL_ABILITIES) == own
    assert warned(fields) == [("not_honoured", "chunking_strategy"), ("unknown_field", "chunking_strategy[speed]")]
    fields = form(**{"chunking_strategy[silence_duration_ms]": "300"})
    openai_options(fields, Abilities(detects_speech=False))
    assert warned(fields) == [("not_honoured", "chunking_strategy")]


@pytest.mark.parametrize(
    "fields", [{"keywords[]": ["阿里巴巴", "New York"]}, {"keywords": '["阿里巴巴","New York"]'}]
)
def test_keywords(fields):
    """Each is one hotword, behind those of `hotwords`, and keeps its spaces."""
    given = form(hotwords="魔搭:40", **fields)
    assert openai_options(given).hotwords == (Hotword("魔搭", 40), Hotword("阿里巴巴"), Hotword("New York"))
    assert warned(given) == []
    deaf = form(**fields)
    openai_options(deaf, NOTHING)
    assert warned(deaf) == [("not_honoured", "keywords")]


def test_too_many_keywords():
    """The limit is that of hotwords, for both together."""
    with pytest.raises(ProtocolError) as refused:
        openai_options(form(hotwords="魔搭", keywords=[f"word{n}" for n in range(1000)]))
    assert refused.value.param == "keywords"


@pytest.mark.parametrize(
    ("fields", "language", "warnings"),
    [
        ({"languages[]": ["zh"]}, "zh", []),
        ({"languages": '["Chinese"]'}, "zh", []),
        ({"languages": ["zh", "en"]}, None, ["languages"]),
        ({"languages": ["zh", "zh-CN"]}, "zh", []),
        ({"languages": ["fr"]}, "fr", ["languages"]),
        ({"languages": ["en"], "language": "zh"}, "zh", ["languages"]),
        ({"languages": ["zh"], "language": "zh"}, "zh", []),
    ],
)
def test_languages(fields, language, warnings):
    """One is the language; several are no choice, one that the model does not know is named."""
    given = form(**fields)
    assert openai_options(given).language == language
    assert warned(given) == [("not_honoured", name) for name in warnings]


HOTWORDS_ONLY = Abilities(hotwords=True)


def test_prompt_as_hotwords():
    """A list of names in a prompt counts as hotwords where the model takes no prompt, and a warning says so."""
    fields = form(prompt="ZyntriQix, 阿里巴巴, Digique Plus", hotwords="阿里巴巴:40")
    options = recognition_options(fields, HOTWORDS_ONLY)
    assert options.hotwords == (Hotword("阿里巴巴", 40), Hotword("ZyntriQix"), Hotword("Digique Plus"))
    assert (options.prompt, warned(fields)) == (None, [("not_honoured", "prompt")])


@pytest.mark.parametrize(
    ("prompt", "abilities"),
    [("阿里巴巴", ALL_ABILITIES), ("阿里巴巴", Abilities()), ("Good morning. How are you?", HOTWORDS_ONLY)],
)
def test_prompt_as_a_prompt(prompt, abilities):
    """A model that takes prompts gets it as it is; where nothing can use it, it is named."""
    fields = form(prompt=prompt)
    options = recognition_options(fields, abilities)
    assert (options.prompt, options.hotwords) == (prompt, ())
    assert warned(fields) == ([] if abilities.prompt else [("not_honoured", "prompt")])
