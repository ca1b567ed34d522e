"""Riva's settings as ours, and its results, without a server."""

import json

import pytest

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.options import AudioFormat
from paraserve.server.protocols.call_messages import END_OF_REQUESTS
from paraserve.server.protocols.events import Failed, PartialText, SegmentText
from paraserve.server.protocols.generated.riva_asr_pb2 import (
    EndpointingConfig,
    RecognitionConfig,
    SpeakerDiarizationConfig,
    SpeechContext,
    StreamingRecognitionConfig,
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
)
from paraserve.server.protocols.generated.riva_common_pb2 import ALAW, FLAC, LINEAR_PCM, RequestId
from paraserve.server.protocols.requests import Audio, BadMessage, Configure, EndUtterance
from paraserve.server.protocols.riva.live_protocol import RivaProtocol
from paraserve.server.protocols.riva.recognition_config import config_warnings, live_settings, upload_fields
from paraserve.types import Sentence, Token


def request(config=None, *, interim_results=True, **fields):
    settings = StreamingRecognitionConfig(config=config or RecognitionConfig(), interim_results=interim_results)
    return StreamingRecognizeRequest(streaming_config=settings, **fields).SerializeToString()


def results(frames):
    return [result for frame in frames for result in StreamingRecognizeResponse.FromString(frame).results]


def test_defaults_are_riva_s():
    """No marks unless they are asked for; numbers are written."""
    options = live_settings(RecognitionConfig(), "id").stream.options
    assert (options.punctuate, options.itn, options.language, options.hotwords) == (False, True, None, ())
    assert upload_fields(RecognitionConfig(), b"")["punctuate"] == "false"


CONFIG = RecognitionConfig(
    encoding=ALAW,
    sample_rate_hertz=8000,
    audio_channel_count=2,
    language_code="zh-CN",
    enable_automatic_punctuation=True,
    verbatim_transcripts=True,
    enable_separate_recognition_per_channel=True,
    model="demo",
    speech_contexts=[
        SpeechContext(phrases=["usual", " "]),
        SpeechContext(phrases=["of the clients"], boost=4),
        SpeechContext(phrases=["most"], boost=500),
        SpeechContext(phrases=["not"], boost=-1),
    ],
    endpointing_config=EndpointingConfig(stop_history=600),
)
WEIGHTS = {"usual": 20.0, "of the clients": 20.0, "most": 100.0}


def test_live_settings():
    """Every field that has an effect."""
    settings = live_settings(CONFIG, "id")
    stream, options = settings.stream, settings.stream.options
    assert stream.audio == AudioFormat(8000, 2, "alaw")
    assert (options.language, options.punctuate, options.itn, options.channel, options.model) == (
        "zh", True, False, "split", "demo",
    )  # fmt: skip
    assert options.hotwords == tuple(Hotword(*pair) for pair in WEIGHTS.items())
    assert stream.vad.max_end_silence_ms == 600
    assert live_settings(RecognitionConfig(encoding=FLAC), "id").file_format == "flac"


def test_upload_fields():
    """The same for a recording; a file tells its own format."""
    fields = upload_fields(CONFIG, b"raw audio")
    assert json.loads(fields.pop("hotwords")) == WEIGHTS
    assert fields == {
        "language": "zh", "model": "demo", "itn": "false", "punctuate": "true", "channel": "split",
        "vad_tail_sil": "600", "encoding": "alaw", "sample_rate": "8000", "channels": "2",
    }  # fmt: skip
    assert "encoding" not in upload_fields(CONFIG, b"fLaC and more")


@pytest.mark.parametrize(
    ("config", "param"),
    [
        (RecognitionConfig(language_code="klingon"), "language_code"),
        (RecognitionConfig(sample_rate_hertz=-1), "sample_rate_hertz"),
        (RecognitionConfig(audio_channel_count=99), "audio_channel_count"),
        (RecognitionConfig(model="m" * 65), "model"),
        (RecognitionConfig(endpointing_config=EndpointingConfig(stop_history=-5)), "endpointing_config.stop_history"),
        (RecognitionConfig(speech_contexts=[SpeechContext(phrases=["w" * 101])]), "speech_contexts"),
    ],
)
def test_values_that_cannot_be_used(config, param):
    """Each is refused by its name."""
    with pytest.raises(ProtocolError) as refused:
        live_settings(config, "id")
    assert refused.value.param == param


def test_fields_without_an_effect():
    """Each is named in a warning."""
    config = RecognitionConfig(
        encoding=99,
        max_alternatives=2,
        profanity_filter=True,
        diarization_config=SpeakerDiarizationConfig(enable_speaker_diarization=True),
        custom_configuration={"a": "b"},
        speech_contexts=[SpeechContext(phrases=["x"], boost=-3)],
        endpointing_config=EndpointingConfig(start_history=1, stop_threshold_eou=0.5),
    )
    assert {one.param for one in config_warnings(config)} == {
        "encoding", "max_alternatives", "profanity_filter", "diarization_config", "custom_configuration",
        "speech_contexts", "endpointing_config.start_history", "endpointing_config.stop_threshold_eou",
    }  # fmt: skip
    assert config_warnings(RecognitionConfig(encoding=LINEAR_PCM, max_alternatives=1)) == []


def test_model_without_the_abilities():
    """What it cannot do is a warning under Riva's name of the field."""
    protocol = RivaProtocol("id", lambda _: ModelChoice(Abilities(punctuates=False, leaves_numbers=False)))
    protocol.read(request(CONFIG))
    assert {"language_code", "speech_contexts", "verbatim_transcripts", "enable_automatic_punctuation"} <= {
        one.param for one in protocol.warnings
    }


def test_requests_in_order():
    """The settings first and once, then audio, then the end."""
    protocol = RivaProtocol("id")
    audio = StreamingRecognizeRequest(audio_content=b"12").SerializeToString()
    assert isinstance(protocol.read(audio)[0], BadMessage)
    assert isinstance(protocol.read(b"\xff\xff")[0], BadMessage)
    assert isinstance(protocol.read(request())[0], Configure)
    assert protocol.read(audio) == (Audio(b"12"),)
    assert isinstance(protocol.read(request())[0], BadMessage)
    assert protocol.read(END_OF_REQUESTS) == (EndUtterance(closes_connection=True),)


def test_results():
    """Interim results grow within a segment of their channel; the client's id comes back."""
    protocol = RivaProtocol("ours")
    protocol.read(request(RecognitionConfig(enable_word_time_offsets=True), id=RequestId(value="theirs")))
    (first,) = results(protocol.write(PartialText("ab", "cd", due_ms=500)))
    assert (first.alternatives[0].transcript, first.stability, first.audio_processed) == ("abcd", 0.5, 0.5)
    (other,) = results(protocol.write(PartialText("x", channel=1)))
    assert (other.alternatives[0].transcript, other.channel_tag) == ("x", 2)
    (second,) = results(protocol.write(PartialText("cde")))
    assert second.alternatives[0].transcript == "abcde"
    words = (Token("A", 0, 10, 0.5), Token("B", 10, 20, 1.0), Token("untimed"))
    (frame,) = protocol.write(SegmentText("A B.", (Sentence("A B.", 0, 20, words, language="en"),)))
    assert StreamingRecognizeResponse.FromString(frame).id.value == "theirs"
    (final,) = results([frame])
    (alternative,) = final.alternatives
    assert [(one.word, one.start_time, one.end_time) for one in alternative.words] == [("A", 0, 10), ("B", 10, 20)]
    assert (final.is_final, alternative.confidence, list(alternative.language_code)) == (
        True,
        pytest.approx(2.5 / 3),
        ["en"],
    )
    (again,) = results(protocol.write(PartialText("f")))
    assert again.alternatives[0].transcript == "f"


def test_nothing_to_say():
    """No result of an empty text, none of an interim one that nobody wants; an error is the call's status."""
    protocol = RivaProtocol("id")
    protocol.read(request(interim_results=False))
    error = ProtocolError("no")
    assert [*protocol.write(PartialText("a")), *protocol.write(SegmentText("")), *protocol.write(Failed(error))] == []
    assert protocol.error is error
