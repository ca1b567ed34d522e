"""Recordings and texts of a load: `scripts/load/spoken_clips.py`, `load_options.py`."""

from argparse import Namespace
from pathlib import Path

import pytest

from load_options import CLIPS, KINDS, check_options, conditions, rate_of
from spoken_clips import MARK_LEVEL, MARKED_SAMPLES, Clip, read_clips, wav
from support.audio_files import pcm_wav


@pytest.fixture
def options():
    """Options as they are where none is given."""
    return Namespace(rate=50.0, hold_s=300.0, timeout_s=60.0, steps=5, clips=str(CLIPS), expect="exact", **KINDS)


def test_own_clips():
    """The clips of the repository are short, and each has its text."""
    clips = read_clips(CLIPS, is_exact=True)
    assert all(1.0 < clip.duration_s < 2.0 and clip.text for clip in clips)
    assert len({clip.text for clip in clips}) == len(clips) == 4


def test_once():
    """No two requests have the same samples, which differ by what nobody hears."""
    clip = read_clips(CLIPS, is_exact=True)[0]
    sent = [clip.once() for _ in range(100)]
    assert len(set(sent)) == 100
    assert {len(one) for one in sent} == {len(clip.pcm)}
    assert {one[MARKED_SAMPLES * 2 :] for one in sent} == {clip.pcm[MARKED_SAMPLES * 2 :]}
    marks = [int.from_bytes(one[i : i + 2], "little", signed=True) for one in sent for i in range(0, 12, 2)]
    assert max(map(abs, marks)) <= MARK_LEVEL


def test_a_clip_without_times(tmp_path):
    """Times may be absent: all of the recording is sent. Without a text, any will do, and none will not."""
    (tmp_path / "a.wav").write_bytes(pcm_wav(bytes(32_000)))
    (tmp_path / "clips.toml").write_text('[[clips]]\nfile = "a.wav"\n', "utf-8")
    (clip,) = read_clips(tmp_path / "clips.toml", is_exact=True)
    assert (clip.duration_s, clip.text) == (1.0, None)
    assert clip.complaint("anything") is None
    assert clip.complaint(" ") == "no text of a"
    assert wav(clip.pcm) == pcm_wav(bytes(32_000))


def test_texts():
    """A text counts if it is that of the clip, unless any will do."""
    assert Clip("a", b"", "70%。").complaint(" 70%。\n") is None
    assert Clip("a", b"", "70%。").complaint("71%。") == "a is '71%。', not '70%。'"
    assert all(clip.text is None for clip in read_clips(CLIPS, is_exact=False))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 0.0}, "--rate must be more than 0"),
        ({"hold_s": -1.0}, "--hold-s must be more than 0"),
        (dict.fromkeys(KINDS, 0.0), "one kind of users must have a part of the requests: --uploads"),
        ({"clips": "pyproject.toml"}, "pyproject.toml has no [[clips]]"),
    ],
)
def test_wrong_options(options, changes, message, monkeypatch):
    """Options that cannot be are refused, with their names."""
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        check_options(Namespace(**{**vars(options), **changes}))


def test_a_recording_of_another_kind(tmp_path):
    """A recording that is not 16-bit mono at 16 kHz is refused with its name."""
    (tmp_path / "a.wav").write_bytes(pcm_wav(bytes(32_000), sample_rate=8_000))
    (tmp_path / "clips.toml").write_text('[[clips]]\nfile = "a.wav"\n', "utf-8")
    with pytest.raises(ValueError, match=r"a\.wav is not 16-bit mono at 16 kHz"):
        read_clips(tmp_path / "clips.toml", is_exact=True)


def test_conditions(options):
    """A report says what was sent where, without kinds that had no part."""
    options.jobs = options.events = 0
    assert conditions(options, "https://a.example") == (
        "Requests a second at full load: uploads 42.9, live 3.57, realtime 3.57; 4 clips of 1.2 to 1.5 s; "
        "texts: exact; to https://a.example"
    )


def test_parts(options):
    """Kinds share the rate by their parts, and a kind without a part has none of it."""
    check_options(options)
    assert sum(rate_of(options, kind) for kind in KINDS) == pytest.approx(50)
    assert rate_of(options, "uploads") == pytest.approx(36)
    options.jobs = options.live = options.realtime = options.events = 0
    assert [rate_of(options, kind) for kind in KINDS] == [50, 0, 0, 0, 0]
