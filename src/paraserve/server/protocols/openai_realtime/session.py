"""A transcription session: all that its client has chosen, and what that asks of the recognition."""

from dataclasses import dataclass

from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities
from paraserve.options import (
    NO_OVERRIDES,
    AudioFormat,
    RecognitionOptions,
    SemanticEndpoint,
    StreamConfig,
    VadOverrides,
)
from paraserve.server.protocols.funasr.hotwords import check_hotwords
from paraserve.server.protocols.prompt_hotwords import prompt_hotwords
from paraserve.server.protocols.requests import LiveSettings

PCM_RATE = 24_000
"""Hz. OpenAI's only one for PCM."""
USUAL_AUDIO = AudioFormat(sample_rate=PCM_RATE)
COMMITTED_BY_CLIENTS = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""OpenAI's models without turn detection. Clients that ask for them commit, and do not say so in the session."""
ENDPOINTS = {
    "low": SemanticEndpoint(complete_ms=800, incomplete_ms=2400),
    "medium": SemanticEndpoint(),
    "high": SemanticEndpoint(complete_ms=240, incomplete_ms=800),
    "auto": SemanticEndpoint(),
}
"""Silence that ends a turn by `eagerness`. The longest ones are within those that OpenAI names."""


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """The detector ends turns: at silence, with `eagerness` (a key of `ENDPOINTS`) also by what was said."""

    vad: VadOverrides = NO_OVERRIDES
    eagerness: str | None = None


@dataclass(frozen=True, slots=True)
class RealtimeSession:
    """The client's choices, None where it has not chosen.

    `asked_turns` None asks for no turn detection. It counts if `has_asked_turns`; `turns` is what counts in all.
    `noise_reduction` is "near_field" or "far_field", its strength is from 0 to 1.
    """

    audio: AudioFormat = USUAL_AUDIO
    model: str | None = None
    language: str | None = None
    languages: tuple[str, ...] = ()
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    delay: str | None = None
    noise_reduction: str | None = None
    noise_strength: float | None = None
    asked_turns: TurnDetection | None = TurnDetection()
    has_asked_turns: bool = False
    has_logprobs: bool = False

    @property
    def turns(self) -> TurnDetection | None:
        """Return who ends turns, None where the client does by its commits."""
        if not self.has_asked_turns and self.model in COMMITTED_BY_CLIENTS:
            return None
        return self.asked_turns

    def hotwords(self, abilities: Abilities) -> tuple[Hotword, ...]:
        """Return the keywords, and the names in the prompt where the model takes no prompt.

        Raises:
            ProtocolError: there are too many, or one is too long.
        """
        words = check_hotwords(tuple(Hotword(word.strip()) for word in self.keywords if word.strip()), "keywords")
        if not self.prompt or abilities.prompt or not abilities.hotwords:
            return words
        return check_hotwords((*words, *prompt_hotwords(self.prompt)), "prompt")

    def options(self, abilities: Abilities) -> RecognitionOptions:
        """Return the options of the recognition on models with these abilities. Raises what `hotwords` raises."""
        only = self.languages[0] if len(self.languages) == 1 else None
        return RecognitionOptions(
            hotwords=self.hotwords(abilities),
            language=self.language or only,
            prompt=self.prompt if abilities.prompt else None,
            model=self.model,
            noise_suppression=self.noise_reduction is not None,
        )

    def settings(self, session_id: str, abilities: Abilities) -> LiveSettings:
        """Return the settings of the recognition. Raises what `hotwords` raises."""
        turns = self.turns
        stream = StreamConfig(
            audio=self.audio,
            vad=NO_OVERRIDES if turns is None else turns.vad,
            session_id=session_id,
            options=self.options(abilities),
            endpoint=None if turns is None or turns.eagerness is None else ENDPOINTS[turns.eagerness],
            empty_finals=True,  # each turn has a text, also one without words
        )
        return LiveSettings(stream, speech_events=turns is not None)
