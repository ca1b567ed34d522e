"""A session as the server tells it, in both shapes."""

from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.openai_realtime.session import RealtimeSession, TurnDetection
from paraserve.server.protocols.openai_realtime.session_reading import LOGPROBS, SEMANTIC_VAD
from paraserve.server.protocols.server_vad import SERVER_VAD

OBJECT = "realtime.transcription_session"
GA_NAMES = {"int16": "audio/pcm", "mulaw": "audio/pcmu", "alaw": "audio/pcma"}
BETA_NAMES = {"int16": "pcm16", "mulaw": "g711_ulaw", "alaw": "g711_alaw"}


def ga_session(session: RealtimeSession, session_id: str) -> Json:
    """Return GA's `session` object."""
    name = GA_NAMES[session.audio.encoding]
    rate = {"rate": session.audio.sample_rate} if name == "audio/pcm" else {}
    given = {
        "format": {"type": name} | rate,
        "transcription": _transcription(session),
        "noise_reduction": _noise_reduction(session),
        "turn_detection": _turn_detection(session.turns),
    }
    about = {"type": "transcription", "object": OBJECT, "id": session_id}
    return about | {"audio": {"input": given}, "include": _include(session)}


def beta_session(session: RealtimeSession, session_id: str) -> Json:
    """Return beta's `session` object."""
    return {
        "object": OBJECT,
        "id": session_id,
        "modalities": ["text"],
        "input_audio_format": BETA_NAMES[session.audio.encoding],
        "input_audio_transcription": _transcription(session),
        "input_audio_noise_reduction": _noise_reduction(session),
        "turn_detection": _turn_detection(session.turns),
        "include": _include(session),
    }


def _transcription(session: RealtimeSession) -> Json:
    """Return what the client has chosen. Typed clients take no null in place of most keys."""
    names = ("model", "language", "prompt", "delay")
    chosen: Json = {name: value for name in names if (value := getattr(session, name)) is not None}
    lists = {"languages": list(session.languages), "keywords": list(session.keywords)}
    return chosen | {name: values for name, values in lists.items() if values}


def _noise_reduction(session: RealtimeSession) -> Json | None:
    if session.noise_reduction is None:
        return None
    strength = {} if session.noise_strength is None else {"strength": session.noise_strength}
    return {"type": session.noise_reduction} | strength


def _turn_detection(turns: TurnDetection | None) -> Json | None:
    """Return what the client has chosen. What it has not is the model's own, which has no number here."""
    if turns is None:
        return None
    if turns.eagerness is not None:
        return {"type": SEMANTIC_VAD, "eagerness": turns.eagerness}
    vad, chosen = turns.vad, Json(type=SERVER_VAD)
    if vad.speech_noise_threshold is not None:
        chosen["threshold"] = round((vad.speech_noise_threshold + 1) / 2, 6)
    if vad.start_padding_ms is not None:
        chosen["prefix_padding_ms"] = vad.start_padding_ms
    if vad.max_end_silence_ms is not None:
        chosen["silence_duration_ms"] = vad.max_end_silence_ms
    return chosen


def _include(session: RealtimeSession) -> list[str] | None:
    return [LOGPROBS] if session.has_logprobs else None
