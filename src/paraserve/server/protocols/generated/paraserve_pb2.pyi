from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TranscribeRequest(_message.Message):
    __slots__ = ("audio_data", "sample_rate", "language", "hotwords", "model", "fields")
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AUDIO_DATA_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    audio_data: bytes
    sample_rate: int
    language: str
    hotwords: _containers.RepeatedScalarFieldContainer[str]
    model: str
    fields: _containers.ScalarMap[str, str]
    def __init__(self, audio_data: _Optional[bytes] = ..., sample_rate: _Optional[int] = ..., language: _Optional[str] = ..., hotwords: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., fields: _Optional[_Mapping[str, str]] = ...) -> None: ...

class TranscribeResponse(_message.Message):
    __slots__ = ("text", "confidence", "sentences", "language", "duration_ms", "warnings", "facts")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    confidence: float
    sentences: _containers.RepeatedCompositeFieldContainer[Sentence]
    language: str
    duration_ms: int
    warnings: _containers.RepeatedCompositeFieldContainer[FieldWarning]
    facts: _struct_pb2.Struct
    def __init__(self, text: _Optional[str] = ..., confidence: _Optional[float] = ..., sentences: _Optional[_Iterable[_Union[Sentence, _Mapping]]] = ..., language: _Optional[str] = ..., duration_ms: _Optional[int] = ..., warnings: _Optional[_Iterable[_Union[FieldWarning, _Mapping]]] = ..., facts: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class StreamRequest(_message.Message):
    __slots__ = ("settings", "audio", "end_utterance", "commit", "clear")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    END_UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    CLEAR_FIELD_NUMBER: _ClassVar[int]
    settings: Settings
    audio: bytes
    end_utterance: EndUtterance
    commit: Commit
    clear: Clear
    def __init__(self, settings: _Optional[_Union[Settings, _Mapping]] = ..., audio: _Optional[bytes] = ..., end_utterance: _Optional[_Union[EndUtterance, _Mapping]] = ..., commit: _Optional[_Union[Commit, _Mapping]] = ..., clear: _Optional[_Union[Clear, _Mapping]] = ...) -> None: ...

class EndUtterance(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Commit(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Clear(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Settings(_message.Message):
    __slots__ = ("mode", "wav_name", "wav_format", "audio_fs", "channels", "channel", "chunk_size", "vad_tail_sil", "max_single_segment_time", "speech_noise_thres", "merge_vad", "merge_length_s", "hotwords", "itn", "punctuate", "svs_lang", "svs_itn", "deterministic", "lm", "model", "task", "replacements", "profanity", "mask", "speech_events", "partial_punctuation", "semantic_endpoint", "auto_gain", "noise_suppression", "audio_quality")
    class ReplacementsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODE_FIELD_NUMBER: _ClassVar[int]
    WAV_NAME_FIELD_NUMBER: _ClassVar[int]
    WAV_FORMAT_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CHUNK_SIZE_FIELD_NUMBER: _ClassVar[int]
    VAD_TAIL_SIL_FIELD_NUMBER: _ClassVar[int]
    MAX_SINGLE_SEGMENT_TIME_FIELD_NUMBER: _ClassVar[int]
    SPEECH_NOISE_THRES_FIELD_NUMBER: _ClassVar[int]
    MERGE_VAD_FIELD_NUMBER: _ClassVar[int]
    MERGE_LENGTH_S_FIELD_NUMBER: _ClassVar[int]
    HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    ITN_FIELD_NUMBER: _ClassVar[int]
    PUNCTUATE_FIELD_NUMBER: _ClassVar[int]
    SVS_LANG_FIELD_NUMBER: _ClassVar[int]
    SVS_ITN_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    LM_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    REPLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    PROFANITY_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SPEECH_EVENTS_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_PUNCTUATION_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    AUTO_GAIN_FIELD_NUMBER: _ClassVar[int]
    NOISE_SUPPRESSION_FIELD_NUMBER: _ClassVar[int]
    AUDIO_QUALITY_FIELD_NUMBER: _ClassVar[int]
    mode: str
    wav_name: str
    wav_format: str
    audio_fs: int
    channels: int
    channel: str
    chunk_size: _containers.RepeatedScalarFieldContainer[int]
    vad_tail_sil: int
    max_single_segment_time: int
    speech_noise_thres: float
    merge_vad: bool
    merge_length_s: float
    hotwords: _containers.RepeatedScalarFieldContainer[str]
    itn: bool
    punctuate: bool
    svs_lang: str
    svs_itn: bool
    deterministic: bool
    lm: bool
    model: str
    task: str
    replacements: _containers.ScalarMap[str, str]
    profanity: _containers.RepeatedScalarFieldContainer[str]
    mask: str
    speech_events: bool
    partial_punctuation: bool
    semantic_endpoint: bool
    auto_gain: bool
    noise_suppression: bool
    audio_quality: bool
    def __init__(self, mode: _Optional[str] = ..., wav_name: _Optional[str] = ..., wav_format: _Optional[str] = ..., audio_fs: _Optional[int] = ..., channels: _Optional[int] = ..., channel: _Optional[str] = ..., chunk_size: _Optional[_Iterable[int]] = ..., vad_tail_sil: _Optional[int] = ..., max_single_segment_time: _Optional[int] = ..., speech_noise_thres: _Optional[float] = ..., merge_vad: _Optional[bool] = ..., merge_length_s: _Optional[float] = ..., hotwords: _Optional[_Iterable[str]] = ..., itn: _Optional[bool] = ..., punctuate: _Optional[bool] = ..., svs_lang: _Optional[str] = ..., svs_itn: _Optional[bool] = ..., deterministic: _Optional[bool] = ..., lm: _Optional[bool] = ..., model: _Optional[str] = ..., task: _Optional[str] = ..., replacements: _Optional[_Mapping[str, str]] = ..., profanity: _Optional[_Iterable[str]] = ..., mask: _Optional[str] = ..., speech_events: _Optional[bool] = ..., partial_punctuation: _Optional[bool] = ..., semantic_endpoint: _Optional[bool] = ..., auto_gain: _Optional[bool] = ..., noise_suppression: _Optional[bool] = ..., audio_quality: _Optional[bool] = ...) -> None: ...

class StreamEvent(_message.Message):
    __slots__ = ("configured", "partial", "segment", "speech_change", "audio_format", "error", "finished", "cleared", "warnings")
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    SPEECH_CHANGE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FORMAT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    CLEARED_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    configured: Configured
    partial: PartialText
    segment: SegmentText
    speech_change: SpeechChange
    audio_format: AudioFormat
    error: Error
    finished: UtteranceFinished
    cleared: Cleared
    warnings: _containers.RepeatedCompositeFieldContainer[FieldWarning]
    def __init__(self, configured: _Optional[_Union[Configured, _Mapping]] = ..., partial: _Optional[_Union[PartialText, _Mapping]] = ..., segment: _Optional[_Union[SegmentText, _Mapping]] = ..., speech_change: _Optional[_Union[SpeechChange, _Mapping]] = ..., audio_format: _Optional[_Union[AudioFormat, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., finished: _Optional[_Union[UtteranceFinished, _Mapping]] = ..., cleared: _Optional[_Union[Cleared, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[FieldWarning, _Mapping]]] = ...) -> None: ...

class Configured(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PartialText(_message.Message):
    __slots__ = ("text", "tail", "segment_index", "tokens", "due_ms", "is_last", "is_committed", "channel", "facts")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TAIL_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_INDEX_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    IS_COMMITTED_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    tail: str
    segment_index: int
    tokens: _containers.RepeatedCompositeFieldContainer[Token]
    due_ms: int
    is_last: bool
    is_committed: bool
    channel: int
    facts: _struct_pb2.Struct
    def __init__(self, text: _Optional[str] = ..., tail: _Optional[str] = ..., segment_index: _Optional[int] = ..., tokens: _Optional[_Iterable[_Union[Token, _Mapping]]] = ..., due_ms: _Optional[int] = ..., is_last: _Optional[bool] = ..., is_committed: _Optional[bool] = ..., channel: _Optional[int] = ..., facts: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class SegmentText(_message.Message):
    __slots__ = ("text", "spoken", "sentences", "segment_index", "start_ms", "end_ms", "due_ms", "is_last", "is_committed", "channel", "facts")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SPOKEN_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_INDEX_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    IS_COMMITTED_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    spoken: str
    sentences: _containers.RepeatedCompositeFieldContainer[Sentence]
    segment_index: int
    start_ms: int
    end_ms: int
    due_ms: int
    is_last: bool
    is_committed: bool
    channel: int
    facts: _struct_pb2.Struct
    def __init__(self, text: _Optional[str] = ..., spoken: _Optional[str] = ..., sentences: _Optional[_Iterable[_Union[Sentence, _Mapping]]] = ..., segment_index: _Optional[int] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., due_ms: _Optional[int] = ..., is_last: _Optional[bool] = ..., is_committed: _Optional[bool] = ..., channel: _Optional[int] = ..., facts: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Sentence(_message.Message):
    __slots__ = ("text", "start_ms", "end_ms", "tokens", "spoken", "language", "emotion", "events", "model", "channel")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SPOKEN_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    EMOTION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_ms: int
    end_ms: int
    tokens: _containers.RepeatedCompositeFieldContainer[Token]
    spoken: str
    language: str
    emotion: str
    events: _containers.RepeatedScalarFieldContainer[str]
    model: str
    channel: int
    def __init__(self, text: _Optional[str] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., tokens: _Optional[_Iterable[_Union[Token, _Mapping]]] = ..., spoken: _Optional[str] = ..., language: _Optional[str] = ..., emotion: _Optional[str] = ..., events: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., channel: _Optional[int] = ...) -> None: ...

class Token(_message.Message):
    __slots__ = ("text", "start_ms", "end_ms", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_ms: int
    end_ms: int
    confidence: float
    def __init__(self, text: _Optional[str] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., confidence: _Optional[float] = ...) -> None: ...

class SpeechChange(_message.Message):
    __slots__ = ("kind", "at_ms", "channel")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[SpeechChange.Kind]
        STARTED: _ClassVar[SpeechChange.Kind]
        ENDED: _ClassVar[SpeechChange.Kind]
    KIND_UNSPECIFIED: SpeechChange.Kind
    STARTED: SpeechChange.Kind
    ENDED: SpeechChange.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    kind: SpeechChange.Kind
    at_ms: int
    channel: int
    def __init__(self, kind: _Optional[_Union[SpeechChange.Kind, str]] = ..., at_ms: _Optional[int] = ..., channel: _Optional[int] = ...) -> None: ...

class AudioFormat(_message.Message):
    __slots__ = ("name", "sample_rate", "channels")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    sample_rate: int
    channels: int
    def __init__(self, name: _Optional[str] = ..., sample_rate: _Optional[int] = ..., channels: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "param", "request_id", "ends_utterance", "retry_after_s")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ENDS_UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    param: str
    request_id: str
    ends_utterance: bool
    retry_after_s: int
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., param: _Optional[str] = ..., request_id: _Optional[str] = ..., ends_utterance: _Optional[bool] = ..., retry_after_s: _Optional[int] = ...) -> None: ...

class UtteranceFinished(_message.Message):
    __slots__ = ("problem",)
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    problem: str
    def __init__(self, problem: _Optional[str] = ...) -> None: ...

class Cleared(_message.Message):
    __slots__ = ("ends_utterance",)
    ENDS_UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    ends_utterance: bool
    def __init__(self, ends_utterance: _Optional[bool] = ...) -> None: ...

class FieldWarning(_message.Message):
    __slots__ = ("code", "param", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    param: str
    message: str
    def __init__(self, code: _Optional[str] = ..., param: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
