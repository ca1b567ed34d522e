"""Client secrets over HTTP, in both shapes of OpenAI's Realtime API."""

from typing import Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.realtime_sessions import (
    RealtimeBetaSession,
    RealtimeNoiseReduction,
    RealtimeSession,
    RealtimeTranscription,
    RealtimeTurnDetection,
)
from paraserve.server.protocols.schemas.warnings import WithWarnings


class SecretTime(Documented):
    """How long a client secret is good."""

    anchor: Literal["created_at"] | MISSING = MISSING
    """Always `created_at`."""
    seconds: int | MISSING | None = Field(MISSING, ge=10, le=7200)
    """Seconds from now on. Default: the setting `client_secret_ttl_s`."""


class ClientSecretRequest(Documented):
    """What the secret is for."""

    expires_after: SecretTime | MISSING | None = MISSING
    """How long it is good."""
    session: RealtimeSession | MISSING | None = MISSING
    """Choices of connections to `/v1/realtime` with it, at most 4096 bytes."""


class ClientSecretAnswer(WithWarnings):
    """A client secret."""

    value: str
    """The token. It stands wherever an API key does in a WebSocket handshake."""
    expires_at: int
    """When it expires, in seconds since 1970."""
    session: RealtimeSession
    """Choices of connections with it."""


class RequestedSecret(Documented):
    """What the request says about the secret."""

    expires_at: SecretTime | MISSING | None = MISSING
    """How long it is good."""


class TranscriptionSessionRequest(Documented):
    """Choices of connections to `/v1/realtime` with the secret."""

    client_secret: RequestedSecret | MISSING | None = MISSING
    """What the secret is like."""
    input_audio_format: Literal["pcm16", "g711_ulaw", "g711_alaw"] | MISSING = MISSING
    """16-bit PCM of 24 kHz, or G.711 of 8 kHz."""
    input_audio_transcription: RealtimeTranscription | MISSING = MISSING
    """Choices about the texts."""
    input_audio_noise_reduction: RealtimeNoiseReduction | MISSING | None = MISSING
    """Null, the default: none."""
    turn_detection: RealtimeTurnDetection | MISSING | None = MISSING
    """Null: the client's commits end turns."""
    include: list[Literal["item.input_audio_transcription.logprobs"]] | MISSING | None = MISSING
    """`item.input_audio_transcription.logprobs` gives the probabilities of words."""
    modalities: list[str] | MISSING = MISSING
    """Not used: there are texts only."""


class GivenSecret(Documented):
    """A client secret."""

    value: str
    """The token. It stands wherever an API key does in a WebSocket handshake."""
    expires_at: int
    """When it expires, in seconds since 1970."""


class TranscriptionSessionAnswer(RealtimeBetaSession, WithWarnings):
    """Choices of connections with a client secret, and the secret."""

    client_secret: GivenSecret
    """The secret."""
