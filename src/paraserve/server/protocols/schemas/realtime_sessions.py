"""Sessions of OpenAI's Realtime API, in GA's shape and in the one before it (beta)."""

from typing import Any, Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented

Include = list[Literal["item.input_audio_transcription.logprobs"]]


class RealtimeFormat(Documented):
    """The audio of appends, mono."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    """16-bit little-endian PCM, or G.711 with mu-law or A-law."""
    rate: int | MISSING | None = Field(MISSING, ge=4000, le=192_000)
    """Sample rate in Hz. Default 24000 for PCM, 8000 for G.711. OpenAI takes no other."""


class RealtimeTranscription(Documented):
    """Choices about the texts. A key that is absent in an update stays as it is."""

    model: str | MISSING | None = MISSING
    """Model that answers, by a name or an alias of `/v1/models`. OpenAI's names leave the choice to the server."""
    language: str | MISSING | None = MISSING
    """Code or name of the language that is spoken. Absent: the model finds out."""
    languages: list[str] | MISSING | None = MISSING
    """Languages that may be spoken. One is like `language`; several have no effect."""
    prompt: str | MISSING | None = Field(MISSING, max_length=65_536)
    """Text before the audio. Where the model takes none, the names in it are hotwords."""
    keywords: list[str] | MISSING | None = Field(MISSING, max_length=1000)
    """Words to expect."""
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | MISSING | None = MISSING
    """Has no effect: texts come as soon as they are known."""


class RealtimeNoiseReduction(Documented):
    """Takes steady noise out of the audio first."""

    type: Literal["near_field", "far_field"] | MISSING = MISSING
    """Both do the same here."""
    strength: float | MISSING | None = Field(MISSING, ge=0, le=1)
    """Only 1, the default, has an effect."""


class RealtimeTurnDetection(Documented):
    """The detector ends turns. Without any, the client's commits do."""

    type: Literal["server_vad", "semantic_vad"] | MISSING | None = MISSING
    """`server_vad`, the default: by silence. `semantic_vad`: by silence and by what was said."""
    threshold: float | MISSING | None = Field(MISSING, ge=0, le=1)
    """Probability from which audio counts as speech. Absent: the model's own."""
    prefix_padding_ms: int | MISSING | None = Field(MISSING, ge=0, le=5000)
    """Audio before the speech that belongs to its turn. Absent: the model's own."""
    silence_duration_ms: int | MISSING | None = Field(MISSING, ge=0, le=60_000)
    """Silence that ends a turn. Absent: the model's own."""
    eagerness: Literal["low", "medium", "high", "auto"] | MISSING | None = MISSING
    """How soon a turn ends with `semantic_vad`: `high` is the soonest. Default `auto`, which is `medium`."""
    create_response: Literal[False] | MISSING | None = MISSING
    """No responses are made, so `true` is refused."""
    interrupt_response: bool | MISSING | None = MISSING
    """Has no effect: no responses are made."""
    idle_timeout_ms: int | MISSING | None = MISSING
    """Has no effect: no responses are made."""


class RealtimeInput(Documented):
    """The audio and what is done with it."""

    format: RealtimeFormat | MISSING = MISSING
    """The audio of appends."""
    transcription: RealtimeTranscription | MISSING = MISSING
    """Choices about the texts."""
    noise_reduction: RealtimeNoiseReduction | MISSING | None = MISSING
    """Null, the default: none."""
    turn_detection: RealtimeTurnDetection | MISSING | None = MISSING
    """Null: the client's commits end turns. Absent: `server_vad`, but for the models `gpt-realtime-whisper` and
    `gpt-live-transcribe`, whose clients commit."""


class RealtimeAudio(Documented):
    """The audio of the client."""

    input: RealtimeInput | MISSING = MISSING
    """The audio and what is done with it."""


class RealtimeSession(Documented):
    """A transcription session."""

    type: Literal["transcription"]
    """Sessions of other types, in which the server speaks, are refused."""
    audio: RealtimeAudio | MISSING = MISSING
    """The audio of the client."""
    include: Include | MISSING | None = MISSING
    """`item.input_audio_transcription.logprobs` gives the probabilities of words."""
    id: str | MISSING = MISSING
    """Id of the session, from the server."""
    object: Literal["realtime.transcription_session"] | MISSING = MISSING
    """Kind of the object, from the server."""
    expires_at: int | MISSING | None = MISSING
    """Not used."""


class RealtimeBetaSession(Documented):
    """A transcription session in beta's shape."""

    input_audio_format: Literal["pcm16", "g711_ulaw", "g711_alaw"] | MISSING = MISSING
    """16-bit PCM of 24 kHz, or G.711 of 8 kHz."""
    input_audio_transcription: RealtimeTranscription | MISSING = MISSING
    """Choices about the texts."""
    input_audio_noise_reduction: RealtimeNoiseReduction | MISSING | None = MISSING
    """Null, the default: none."""
    turn_detection: RealtimeTurnDetection | MISSING | None = MISSING
    """As in `RealtimeInput`."""
    include: Include | MISSING | None = MISSING
    """`item.input_audio_transcription.logprobs` gives the probabilities of words."""
    modalities: list[str] | MISSING = MISSING
    """Not used: there are texts only."""
    client_secret: Any | MISSING = MISSING
    """Not used in messages."""
    id: str | MISSING = MISSING
    """Id of the session, from the server."""
    object: Literal["realtime.transcription_session"] | MISSING = MISSING
    """Kind of the object, from the server."""
    expires_at: int | MISSING | None = MISSING
    """Not used."""
