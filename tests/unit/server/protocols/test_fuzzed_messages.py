"""Messages of all protocols by the thousand, damaged at random: requests or the typed error, in bounded time."""

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paraserve.errors import ProtocolError
from paraserve.inference.abilities import ModelChoice
from paraserve.server.protocols.deepgram.live_protocol import DeepgramProtocol
from paraserve.server.protocols.deepgram.live_query import LiveQuery
from paraserve.server.protocols.funasr.hotwords import parse_hotwords
from paraserve.server.protocols.funasr.live_messages import FunasrDialect
from paraserve.server.protocols.funasr.live_protocol import FunasrProtocol
from paraserve.server.protocols.openai_realtime.protocol import RealtimeProtocol
from paraserve.server.protocols.requests import BadMessage
from paraserve.server.protocols.vosk import VoskProtocol
from paraserve.server.protocols.wyoming.live_protocol import WyomingProtocol

PER_RUN = 5 * settings().max_examples
MAX_SECONDS = 30
"""Of processor time, for messages that take milliseconds: something quadratic takes minutes."""
FUNASR = json.dumps({
    "mode": "2pass", "wav_name": "a", "wav_format": "pcm", "audio_fs": 16000, "chunk_size": [5, 10, 5],
    "chunk_interval": 10, "encoder_chunk_look_back": 4, "decoder_chunk_look_back": 1, "is_speaking": True,
    "is_end": False, "hotwords": '{"阿里巴巴": 20, "hello world": 40}', "itn": True, "svs_lang": "auto",
    "svs_itn": True, "vad_tail_sil": 800, "max_single_segment_time": 60000, "speech_noise_thres": 0.6,
    "punctuate": True, "deterministic": False, "timing": True,
})  # fmt: skip
VOSK = json.dumps({
    "config": {"sample_rate": 8000, "words": True, "max_alternatives": 0, "phrase_list": ["one", "[unk]"]}, "eof": 1,
})  # fmt: skip
DEEPGRAM = json.dumps({"type": "Configure", "keyterms": ["a", "b"], "features": {"numerals": True}, "channel": 0})
WYOMING = json.dumps({
    "type": "transcribe", "version": "1.10.2", "data_length": 40, "data": {
        "name": "demo", "language": "zh", "vad_sensitivity": "relaxed", "context": {}, "rate": 16000, "width": 2,
        "channels": 1, "transcript_terms": ["a b"],
    },
}) + '\n{"transcript_names": ["one", "二"], "a": 1}'  # fmt: skip
REALTIME = json.dumps({
    "type": "session.update", "event_id": "e1", "session": {"type": "transcription", "audio": {"input": {
        "format": {"type": "audio/pcm", "rate": 24000}, "noise_reduction": {"type": "near_field", "strength": 1},
        "transcription": {"model": "demo", "language": "zh", "prompt": "a b", "keywords": ["a"], "delay": "low"},
        "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500},
    }}, "include": ["item.input_audio_transcription.logprobs"]},
})  # fmt: skip
APPEND = json.dumps({"type": "input_audio_buffer.append", "event_id": "e1", "audio": "AAAA" * 20})
MESSAGES = {"realtime": REALTIME, "vosk": VOSK, "deepgram": DEEPGRAM, "wyoming": WYOMING}
PIECES = (
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\\ud800",
    "\0",
    "null",
    "-",
    "1e999",
    "NaN",
    "9" * 400,
    "é",
    "𝟙",
    "﻿",
)
PROTOCOLS = {
    "funasr": lambda: FunasrProtocol(FunasrDialect(), "r"),
    "funasr offline strict": lambda: FunasrProtocol(FunasrDialect(is_offline=True, is_strict=True), "r"),
    "vosk": lambda: VoskProtocol("r"),
    "wyoming": lambda: WyomingProtocol("r", lambda _: ModelChoice()),
    "deepgram": lambda: DeepgramProtocol(LiveQuery(), "r"),
    "realtime": lambda: RealtimeProtocol("r"),
}


@st.composite
def damaged(draw, text: str) -> str:
    """A message with pieces put in, taken out and put in place of others."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 2, 5, 40])))
        text = text[:start] + draw(st.sampled_from(PIECES) | st.text(max_size=4)) + text[end:]
    return text


def read(protocol, text: str) -> None:
    """Requests come; what is wrong is an error with a code and a message that can be sent."""
    for request in protocol.read(text):
        if isinstance(request, BadMessage):
            assert request.error.code
            json.dumps({"message": request.error.message}, ensure_ascii=False).encode()


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
@settings(max_examples=PER_RUN)
@given(st.one_of(damaged(FUNASR), damaged(APPEND), *map(damaged, MESSAGES.values()), st.text(max_size=60)))
@example('{"hotwords":"{"}')
def test_damaged_messages(name, text):
    """Whatever comes is read or refused, and the next message is read."""
    protocol = PROTOCOLS[name]()
    read(protocol, text)
    read(protocol, MESSAGES.get(name, FUNASR))


@pytest.mark.slow
@settings(max_examples=PER_RUN)
@given(st.one_of(damaged('{"阿里巴巴": 20, "a b": "3"}'), damaged("阿里巴巴 20 hello，world,"), st.text(max_size=80)))
def test_damaged_hotwords(text):
    """Text of any kind is a list of words or refused."""
    try:
        words = parse_hotwords(text)
    except ProtocolError as error:
        error.message.encode("utf-8", "surrogatepass")
    else:
        assert all(word.text.strip() and 0 <= word.weight <= 100 for word in words)


@pytest.mark.slow
def test_hostile_sizes():
    """Deep, long and many-keyed messages are read or refused in bounded time."""
    started = time.process_time()
    texts = [
        "[" * 900_000,
        '{"a":' * 180_000,
        '{"audio_fs":' + "9" * 900_000 + "}",
        '{"wav_name":"' + "\\u0041" * 150_000 + '"}',
        json.dumps({f"k{n}": n for n in range(60_000)}),
        json.dumps({"hotwords": {f"k{n}": n for n in range(60_000)}}),
        json.dumps({"hotwords": "a " * 400_000}),
        json.dumps({"type": "Configure", "keyterms": ["a b"] * 100_000}),
        json.dumps({"type": "Configure", "features": {f"k{n}": True for n in range(60_000)}}),
        json.dumps({"config": {"phrase_list": ["a b"] * 100_000}}),
        json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 30_000_000}),
        '{"type":"input_audio_buffer.append","audio":' + "[" * 3_000_000,
        '{"type":"input_audio_buffer.append","audio":"' + '"audio":"' * 300_000 + '"}',
    ]
    for new in PROTOCOLS.values():
        for text in texts:
            read(new(), text)
    assert time.process_time() - started < MAX_SECONDS
