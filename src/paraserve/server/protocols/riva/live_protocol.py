"""Riva's `StreamingRecognize`: settings, then audio; interim and final results of one utterance."""

from collections.abc import Iterable, Sequence

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.inference.abilities import ChoiceOf, ModelChoice
from paraserve.server.error_table import error_row
from paraserve.server.protocols.call_messages import END_OF_REQUESTS, read_message
from paraserve.server.protocols.events import AudioDamaged, Event, Failed, PartialText, SegmentText
from paraserve.server.protocols.generated.riva_asr_pb2 import (
    StreamingRecognitionConfig,
    StreamingRecognitionResult,
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
)
from paraserve.server.protocols.generated.riva_common_pb2 import RequestId
from paraserve.server.protocols.option_warnings import detector_warnings, not_honoured, option_warnings
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
from paraserve.server.protocols.riva.recognition_config import (
    NAMES,
    asked_names,
    config_warnings,
    live_settings,
    named_as_here,
)
from paraserve.server.protocols.riva.results import final_result, interim_result
from paraserve.types import FieldWarning


class RivaProtocol:
    """Messages of one call; matches `LiveProtocol`. Errors are the status of the call, and each one ends it.

    `error` is the one that has been written, None so far. `warnings` are those of the whole call.
    """

    name = "Riva"

    def __init__(self, request_id: str, choice_of: ChoiceOf = lambda _: ModelChoice()) -> None:
        self.settings = LiveSettings()
        self.error: ParaserveError | None = None
        self.warnings: list[FieldWarning] = []
        self._request_id = request_id
        self._choice_of = choice_of
        self._asked: StreamingRecognitionConfig | None = None
        self._said: dict[int | None, str] = {}  # of the open segment, of each channel

    def read(self, frame: Frame) -> Sequence[Request]:
        """Read the settings, audio, or the end of the utterance."""
        if frame == END_OF_REQUESTS:
            return (EndUtterance(closes_connection=True),)
        try:
            return (self._read_request(read_message(StreamingRecognizeRequest, frame)),)
        except ProtocolError as error:
            return (BadMessage(error),)

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:  # noqa: ARG002 - has no field for it
        """Write a result. The call's status tells of errors."""
        match event:
            case PartialText(channel=channel):
                said = self._said[channel] = self._said.get(channel, "") + event.text
                return self._response(interim_result(event, said)) if self._wants_interim(event) else ()
            case SegmentText(channel=channel):
                self._said.pop(channel, None)
                return self._response(final_result(event, has_words=self._has_words)) if event.text else ()
            case AudioDamaged():
                self.warnings.append(event.warning)
            case Failed(error=error):
                self.error = self.error or error
        return ()

    def returning(self, frame: str) -> Returning | None:  # noqa: ARG002 - has no words for it
        """Return None: the protocol knows no sessions."""
        return None

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code for the error."""
        return error_row(error).close_code or 1008

    def _read_request(self, request: StreamingRecognizeRequest) -> Request:
        if request.runtime_config:
            self._warn([not_honoured("runtime_config", "it is for pipelines of Riva")])
        if request.HasField("streaming_config"):
            return self._configure(request)
        if self._asked is None:
            problem = "the first message must have streaming_config"
            raise ProtocolError(problem, code="invalid_message", param="streaming_config")
        return Audio(request.audio_content)

    def _configure(self, request: StreamingRecognizeRequest) -> Request:
        if self._asked is not None:
            problem = "only the first message may have streaming_config"
            raise ProtocolError(problem, code="invalid_message", param="streaming_config")
        self._asked = request.streaming_config
        self._request_id = request.id.value or self._request_id
        config = self._asked.config
        self.settings = live_settings(config, self._request_id)
        options = self.settings.stream.options
        choice = self._choice_of(options.model)
        choice.abilities.check_task(options)
        self._warn([*choice.warnings, *config_warnings(config)])
        self._warn(option_warnings(options, choice.abilities, asked_names(config), NAMES))
        self._warn(map(named_as_here, detector_warnings(options, choice.abilities)))
        return Configure(self.settings)

    def _warn(self, warnings: Iterable[FieldWarning]) -> None:
        self.warnings += [one for one in warnings if one not in self.warnings]

    @property
    def _has_words(self) -> bool:
        return self._asked is not None and self._asked.config.enable_word_time_offsets

    def _wants_interim(self, event: PartialText) -> bool:
        is_told = bool(event.text or event.tail)
        return is_told and self._asked is not None and self._asked.interim_results

    def _response(self, result: StreamingRecognitionResult) -> Sequence[Frame]:
        response = StreamingRecognizeResponse(results=[result], id=RequestId(value=self._request_id))
        return (response.SerializeToString(),)
