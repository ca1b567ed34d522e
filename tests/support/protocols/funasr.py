"""FunASR's live protocol in its modes, and vosk's."""

import json
from collections.abc import Iterator, Mapping

from support.protocols.said import End, Event, Final, Partial, Problem
from support.protocols.websockets import Dialect, Json

FUNASR_EXAMPLE = {
    "mode": "2pass", "wav_name": "a", "wav_format": "pcm", "audio_fs": 16000, "chunk_size": [5, 10, 5],
    "chunk_interval": 10, "encoder_chunk_look_back": 4, "decoder_chunk_look_back": 1, "is_speaking": True,
    "is_end": False, "hotwords": '{"阿里巴巴": 20, "hello world": 40}', "itn": True, "svs_lang": "auto",
    "svs_itn": True, "vad_tail_sil": 800, "max_single_segment_time": 60000, "speech_noise_thres": 0.6,
    "punctuate": True, "deterministic": False, "timing": True, "channels": 1, "task": "transcribe",
    "replacements": {"a": "b"}, "profanity": ["c"], "mask": ["digits"], "resume": {"token": "x", "seq": 0},
}  # fmt: skip
VOSK_EXAMPLE = {
    "config": {
        "sample_rate": 16000, "words": True, "max_alternatives": 0, "phrase_list": ["one", "[unk]"], "model": "auto",
        "punctuate": True, "itn": True, "task": "transcribe", "auto_gain": False, "audio_quality": False,
    },
    "eof": 1,
}  # fmt: skip


FUNASR_EXAMPLES = (FUNASR_EXAMPLE, {"is_speaking": False, "is_end": True}, VOSK_EXAMPLE)


def funasr_events(message: Json) -> Iterator[Event]:
    """What a message of FunASR's protocol says."""
    if "mode" not in message:  # a client whose first message is vosk's
        yield from vosk_events(message)
        return
    if message.get("error"):
        yield Problem(code_of(message["error"]))
    elif message["mode"].endswith("online"):
        yield Partial(message["text"])
    elif message["text"]:
        pairs = json.loads(message.get("timestamp", "[]"))
        yield Final(message["text"], tuple(map(tuple, pairs)))
    if message["is_final"]:
        yield End()


def online_events(message: Json) -> Iterator[Event]:
    """The same in mode online, which has no final texts: the pieces are the text."""
    for event in funasr_events(message):
        yield Final(event.text) if isinstance(event, Partial) else event


def funasr(mode: str) -> Dialect:
    """FunASR's protocol in one of its modes."""
    return Dialect(
        path="/",
        events_of=online_events if mode == "online" else funasr_events,
        first=[{"mode": mode, "wav_name": "matrix", "is_speaking": True}],
        last=[{"is_speaking": False}],
        examples=FUNASR_EXAMPLES if mode == "2pass" else (),
    )


def vosk_events(message: Json) -> Iterator[Event]:
    """What a reply of vosk's protocol says. The end is the end of the connection."""
    if "error" in message:
        yield Problem(message["error"]["code"])
    elif message.get("partial"):
        yield Partial(message["partial"])
    elif message.get("text"):
        words = message.get("result", ())
        yield Final(message["text"], tuple((ms(word["start"]), ms(word["end"])) for word in words))


def code_of(error: Json | str) -> str:
    """The code of an error. In an acknowledgement it is a text."""
    return str(error["code"]) if isinstance(error, Mapping) else ""


def ms(seconds: float) -> int:
    """Milliseconds of seconds."""
    return round(seconds * 1000)


VOSK = Dialect(
    path="/vosk",
    events_of=vosk_events,
    first=[{"config": {"sample_rate": 16000, "punctuate": True, "itn": True}}],
    last=[{"eof": 1}],
    ends_by_closing=True,
    examples=[VOSK_EXAMPLE, {"eof": 1}, {"reset": 1}],
)
