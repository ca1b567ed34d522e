"""Lists of a redaction as clients and operators write them."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.operator_redaction import OperatorRedaction, read_redaction
from paraserve.options import RecognitionOptions, Redaction
from paraserve.redaction_lists import MASKS, OF_CLIENTS, read_masks, read_profanity, read_replacements
from paraserve.settings import Settings

PAIRS = (("teh", "the"), ("new york", "NYC"), ("um", ""))
REPLACEMENTS = {
    "object": dict(PAIRS),
    "JSON object": json.dumps(dict(PAIRS)),
    "list": ["teh=>the", "new york => NYC", "um=>"],
    "JSON list": '["teh=>the", "new  york=>NYC ", "um =>"]',
    "lines": "teh=>the\r\n\nnew york=>NYC\num=>\n",
    "semicolons": "teh=>the; new york=>NYC；um=>",
    "commas": "teh=>the,new york=>NYC，um=>",
    "the last one counts": "teh=>a;teh=>the;new york=>NYC;um=>",
}


@pytest.mark.parametrize("form", REPLACEMENTS)
def test_forms_of_replacements(form):
    """Each form gives the same pairs, with single spaces."""
    assert read_replacements(REPLACEMENTS[form]) == PAIRS


def test_commas_stay_in_a_single_entry():
    """Only where there are several arrows do commas part entries."""
    assert read_replacements("yes=>yes, of course") == (("yes", "yes, of course"),)


@pytest.mark.parametrize("value", ["", " ", [], {}, "[]", "{}", ";\n"])
def test_empty_lists(value):
    """Nothing is nothing."""
    assert read_replacements(value) == ()
    if not isinstance(value, dict) and value != "{}":
        assert read_profanity(value) == ()


@pytest.mark.parametrize("value", ["damn,son of a bitch", "damn\nson of a bitch;", '["damn","son of a bitch"]'])
def test_forms_of_profanity(value):
    """Phrases keep their spaces."""
    assert read_profanity(value) == ("damn", "son of a bitch")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("phone", {"phone"}),
        ("Phone, card；email", {"phone", "card", "email"}),
        (["phone", "id_number"], {"phone", "id_number"}),
        ('["card"]', {"card"}),
        ("all", set(MASKS)),
        (True, set(MASKS)),
        (False, set()),
        ("none", set()),
        ("", set()),
        ([], set()),
    ],
)
def test_forms_of_masks(value, expected):
    """Names with commas or spaces, a list, everything or nothing."""
    assert read_masks(value) == expected


LONG = "ä" * (OF_CLIENTS.entry_chars + 1)
BAD = [
    (read_replacements, "teh"),
    (read_replacements, "a=>b=>c"),
    (read_replacements, "a=>b,c" * 2),
    (read_replacements, "=>x"),
    (read_replacements, "...=>x"),
    (read_replacements, f"{LONG}=>x"),
    (read_replacements, f"x=>{LONG}"),
    (read_replacements, {"a": None}),
    (read_replacements, {"a": 1}),
    (read_replacements, ["a=>b", 1]),
    (read_replacements, "a=>b\x00"),
    (read_replacements, "a=>\x1b[2J"),
    (read_replacements, {"a": "\ud800"}),
    (read_replacements, 1),
    (read_replacements, None),
    (read_replacements, "{"),
    (read_replacements, "[" * 60_000),
    (read_replacements, {f"w{n}": "x" for n in range(OF_CLIENTS.entries + 1)}),
    (read_replacements, [f"w{n}=>x" for n in range(OF_CLIENTS.entries + 1)]),
    (read_replacements, "\n".join(f"w{n}=>x" for n in range(OF_CLIENTS.entries + 1))),
    (read_replacements, "a=>b;" * 20_000),
    (read_profanity, {"damn": 20}),
    (read_profanity, [""]),
    (read_profanity, ["***"]),
    (read_profanity, [LONG]),
    (read_profanity, [["damn"]]),
    (read_profanity, 5),
    (read_profanity, [f"w{n}" for n in range(OF_CLIENTS.entries + 1)]),
    (read_masks, "phones"),
    (read_masks, ["phone", 1]),
    (read_masks, {"phone": True}),
    (read_masks, 1),
]


@pytest.mark.parametrize(("read", "value"), BAD, ids=lambda one: getattr(one, "__name__", str(one)[:30]))
def test_hostile_lists(read, value):
    """What cannot be used, or is too much, is an error that names the field and none of the words."""
    with pytest.raises(ProtocolError) as caught:
        read(value)
    assert (caught.value.code, caught.value.param) == ("invalid_value", caught.value.message.split()[0])
    assert "ä" not in caught.value.message
    caught.value.message.encode()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), st.lists, max_leaves=5))
def test_any_value_is_read_or_refused(value):
    """Whatever JSON brings, it is taken or a typed error."""
    for read in (read_replacements, read_profanity, read_masks):
        for one in (value, json.dumps(value)):
            with contextlib.suppress(ProtocolError):
                read(one)


def test_settings_and_files(tmp_path):
    """Files come first and what stands in the settings counts after them; comments and empty lines are none."""
    (tmp_path / "r.txt").write_text("# comment\nteh=>the\n\n魔打=>魔搭\n", "utf-8-sig")
    (tmp_path / "p.txt").write_text("damn\nson of a bitch\n", "utf-16")
    settings = Settings(
        replacements="teh=>THE; x=>y",
        replacements_file=str(tmp_path / "r.txt"),
        profanity="hell, heck",
        profanity_file=str(tmp_path / "p.txt"),
        mask="phone,card",
    )
    redaction = read_redaction(settings)
    assert dict(redaction.replacements) == {"teh": "THE", "魔打": "魔搭", "x": "y"}
    assert redaction.profanity == ("damn", "son of a bitch", "hell", "heck")
    assert redaction.masks == {"phone", "card"}
    assert not read_redaction(Settings())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("replacements_file", b"secret"),
        ("profanity_file", b"\xff\xfe\x00"),
        ("profanity_file", b"***"),
        ("mask", None),
    ],
)
def test_settings_that_cannot_be_used(tmp_path, name, content):
    """The error names the setting and tells no word of the list."""
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    settings = Settings(**{name: str(path)}) if content is not None else Settings(replacements=["secret"])
    with pytest.raises(ParaserveError) as caught:
        read_redaction(settings)
    assert caught.value.code == "invalid_settings"
    assert ("replacements" if content is None else name) in caught.value.message
    assert "secret" not in caught.value.message
    with pytest.raises(ParaserveError, match="cannot be read"):
        read_redaction(Settings(replacements_file=str(tmp_path / "absent")))


def test_the_operators_redaction_beside_a_clients():
    """A client adds to it and may replace a text otherwise, but takes nothing away."""
    operator = OperatorRedaction(Redaction((("a", "b"),), ("damn",), frozenset(("phone",))))
    client = Redaction((("a", "c"),), (), frozenset(("card",)))
    joined = operator.with_client(RecognitionOptions(redaction=client)).redaction
    assert dict(joined.replacements) == {"a": "c"}
    assert joined.profanity == ("damn",)
    assert joined.masks == {"phone", "card"}
    options = RecognitionOptions(redaction=client)
    assert OperatorRedaction().with_client(options) is options


def test_requests_that_differ_in_redaction_share_batches():
    """Options are equal, and so are their hashes, whatever is to be redacted: no model sees it."""
    plain, other = RecognitionOptions(), RecognitionOptions(redaction=Redaction((("a", "b"),)))
    assert plain == other
    assert hash(plain) == hash(other)
