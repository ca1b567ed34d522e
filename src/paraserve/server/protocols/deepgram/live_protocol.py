"""Deepgram's live protocol: settings in the query, audio, a few text messages; results, events, then `Metadata`.

A connection is one utterance. `Finalize` commits the open segment, and `CloseStream` ends the utterance.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.inference.abilities import ChoiceOf, ModelChoice
from paraserve.inference.hotword_lists import ignored_warnings
from paraserve.server.error_table import error_row
from paraserve.server.protocols.deepgram.channel_speech import ChannelSpeech
from paraserve.server.protocols.deepgram.live_query import LiveQuery
from paraserve.server.protocols.deepgram.messages import Message, read_message
from paraserve.server.protocols.deepgram.results import (
    ANY_MODEL,
    MESSAGE_CODES,
    Place,
    error_message,
    final_result,
    interim_result,
    model_info,
    model_uuid,
    speech_started,
    timestamp,
    utterance_end,
)
from paraserve.server.protocols.events import (
    Acknowledged,
    AudioDamaged,
    AudioTold,
    Configured,
    Event,
    Failed,
    Finished,
    PartialText,
    SegmentText,
    SpeechChanged,
)
from paraserve.server.protocols.json_encoding import Json, object_text
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.option_warnings import OptionNames, not_honoured, option_warnings
from paraserve.server.protocols.requests import (
    Audio,
    BadMessage,
    Configure,
    EndUtterance,
    Frame,
    LiveSettings,
    Request,
    Returning,
)
from paraserve.speech_types import SpeechChange

KEYTERMS = OptionNames(hotwords="keyterms", itn="features", punctuate="features")


class DeepgramProtocol:
    """Messages of one connection; matches `LiveProtocol`. Times count from the start of the connection."""

    name = "Deepgram"

    def __init__(self, query: LiveQuery, request_id: str, choice_of: ChoiceOf = lambda _: ModelChoice()) -> None:
        self._query = query
        self._request_id = request_id
        self._choice_of = choice_of
        self._settings = query.settings
        self._is_begun = False
        self._to_confirm: deque[Json | None] = deque()  # answers to what is configured; the query has none
        self._digest = hashlib.sha256()
        self._created = datetime.now(UTC)
        self._warnings = NewWarnings(query.warnings)
        self._speech: dict[int, ChannelSpeech] = defaultdict(ChannelSpeech)
        self._n_channels = query.settings.stream.audio.channels
        self._audio_ms = 0
        self._model = query.settings.stream.options.model or ANY_MODEL

    @property
    def settings(self) -> LiveSettings:
        """Return what the query asks for, as messages have changed it."""
        return self._settings

    def read(self, frame: Frame) -> Sequence[Request]:
        """Read audio or a message. The first frame brings the settings of the query, too: they have a cost."""
        requests = [] if self._is_begun else [self._configure(None)]
        self._is_begun = True
        if isinstance(frame, bytes):
            return [*requests, self._audio(frame)]
        try:
            return [*requests, *self._obey(read_message(frame))]
        except ProtocolError as error:
            return [*requests, BadMessage(_about_message(error))]

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:  # noqa: ARG002 - has no key for it
        """Write results, events, errors and the last message."""
        return [object_text(body) for body in self._bodies(event)]

    def returning(self, frame: str) -> Returning | None:  # noqa: ARG002 - has no words for it
        """Return None: the protocol knows no sessions."""
        return None

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code for the error: each one ends the connection but those about a text message."""
        return error_row(error).close_code or (None if error.code in MESSAGE_CODES else 1008)

    def _audio(self, data: bytes) -> Request:
        if not data:  # older clients end their audio so
            return EndUtterance(closes_connection=True)
        self._digest.update(data)
        # The replies tell how far the audio is, which `UtteranceEnd` depends on.
        return Audio(data, wants_reply=self._query.utterance_end_ms is not None)

    def _obey(self, message: Message) -> Iterator[Request]:
        self._warnings.add(message.warnings)
        if message.kind == "Finalize":
            yield Audio(b"", commits=True)
        elif message.kind == "CloseStream":
            yield EndUtterance(closes_connection=True)
        elif message.kind == "Configure":
            yield self._changed(message)

    def _changed(self, message: Message) -> Request:
        """Change the settings as the message says, and return the request for them."""
        options = message.applied(self._settings.stream.options)
        self._settings = replace(self._settings, stream=replace(self._settings.stream, options=options))
        given = {"keyterms": message.hotwords, "features": message.switches}
        asked = {name for name, value in given.items() if value}
        self._warnings.add(option_warnings(options, self._choice_of(options.model).abilities, asked, KEYTERMS))
        terms = {} if message.hotwords is None else {"keyterms": [word.text for word in message.hotwords]}
        return self._configure({"type": "ConfigureSuccess", "request_id": self._request_id} | terms)

    def _configure(self, answer: Json | None) -> Request:
        self._to_confirm.append(answer)
        return Configure(self._settings)

    def _bodies(self, event: Event) -> Iterator[Json]:
        match event:
            case PartialText():
                yield from self._partial(event)
            case SegmentText():
                yield self._segment(event)
                yield from self._utterance_ends(event.due_ms)
            case SpeechChanged(change=change):
                yield from self._speech_changed(change)
            case Acknowledged(audio_ms=audio_ms):
                yield from self._utterance_ends(audio_ms)
            case AudioTold():
                self._note_told(event)
            case AudioDamaged():
                self._warnings.add([event.warning])
            case Configured():
                answer = self._to_confirm.popleft()
                yield from () if answer is None else (answer,)
            case Failed(error=error):
                yield error_message(error, self._request_id)
            case Finished():
                yield from self._utterance_ends()
                yield self._metadata()

    def _partial(self, event: PartialText) -> Iterator[Json]:
        speech = self._speech[event.channel or 0]
        speech.add_partial(event)
        if self._query.interim_results and (speech.text or speech.tail):
            yield interim_result(speech, event, self._place(event.channel), self._about(self._model))

    def _segment(self, event: SegmentText) -> Json:
        self._model = next((one.model for one in event.sentences if one.model), self._model)
        self._warnings.add(ignored_warnings(event.hotwords, "keyterm"))
        speech = self._speech[event.channel or 0]
        start_ms = speech.told_ms
        has_pause = speech.add_segment(event)
        place, about = self._place(event.channel), self._about(self._model)
        is_end = has_pause and self._query.tells_pauses
        return final_result(event, place, about, start_ms=start_ms, speech_final=is_end) | self._warnings.take()

    def _speech_changed(self, change: SpeechChange) -> Iterator[Json]:
        self._speech[change.channel or 0].add_change(change)
        yield from self._utterance_ends(change.due_ms)
        if change.kind == "started" and self._query.vad_events:
            yield speech_started(self._place(change.channel), change.at_ms)

    def _utterance_ends(self, audio_ms: int = 0) -> Iterator[Json]:
        """Tell of channels in which nothing was said for long enough, once there are `audio_ms` of audio."""
        self._audio_ms = max(self._audio_ms, audio_ms)
        if self._query.utterance_end_ms is None:
            return
        for channel, speech in self._speech.items():
            last_ms = speech.ended_utterance_ms(self._query.utterance_end_ms, self._audio_ms)
            if last_ms is not None:
                yield utterance_end(self._place(channel), last_ms)

    def _place(self, channel: int | None) -> Place:
        is_split = self._settings.stream.options.channel == "split"
        return Place(channel or 0, self._n_channels if is_split else 1)

    def _about(self, model: str) -> Json:
        return {"request_id": self._request_id, "model_info": model_info(model), "model_uuid": model_uuid(model)}

    def _note_told(self, told: AudioTold) -> None:
        self._n_channels = told.channels
        if self._query.asked_rate not in (None, told.sample_rate):
            problem = f"the audio is {told.name}, of {told.sample_rate} Hz"
            self._warnings.add([not_honoured("sample_rate", problem)])

    def _metadata(self) -> Json:
        model = model_uuid(self._model)
        body: Json = {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": self._digest.hexdigest(),
            "created": timestamp(self._created),
            "duration": self._audio_ms / 1000,
            "channels": self._n_channels,
            "models": [model],
            "model_info": {model: model_info(self._model)},
        }
        return body | self._warnings.take()


def _about_message(error: ProtocolError) -> ProtocolError:
    """Return the error as one of the message that it is in, which does not end the connection."""
    if error.code in MESSAGE_CODES:
        return error
    return ProtocolError(error.message, code="invalid_message", param=error.param)
