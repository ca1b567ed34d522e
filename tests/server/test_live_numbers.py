"""Numbers on the wire of a live utterance: as they are written, and beside them as they were said."""

import json

import soundfile

from support.live import live, silence


def finals(client, pcm: bytes, **choices) -> list[dict]:
    """The texts of the segments of one utterance."""
    client.say(mode="2pass", wav_name="w", chunk_size=[5, 10, 5], is_speaking=True, deterministic=True, **choices)
    return [m for m in client.utterance(pcm + silence(1000)) if m["mode"] == "2pass-offline" and m["text"]]


def test_words_beside_numbers(server, data_dir):
    """`spoken` is the text that `itn: false` gives; each digit's time lies within those of the words."""
    pcm = soundfile.read(data_dir / "zh_date.wav", dtype="int16")[0].tobytes()
    with live(server.url) as client:
        written, plain = finals(client, pcm), finals(client, pcm, itn=False)
    assert [m["spoken"] for m in written] == [m["text"] for m in plain] != [m["text"] for m in written]
    assert all("spoken" not in m for m in plain)
    times, words = ([pair for m in found for pair in json.loads(m["timestamp"])] for found in (written, plain))
    assert (times[0][0], times[-1][1]) == (words[0][0], words[-1][1])
    assert {start for start, _ in times} <= {start for start, _ in words}
