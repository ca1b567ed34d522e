"""Form and query fields of the upload routes, for the description of the API. `form_fields.py` reads them."""

from typing import Annotated, Literal

from pydantic import MISSING, Field

from paraserve.option_values import END_SILENCE_MS_RANGE, MERGE_S_RANGE, NOISE_THRESHOLD_RANGE, SEGMENT_MS_RANGE
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.subtitle_options import CHINESE_CHARS_RANGE, CUE_S_RANGE, LATIN_CHARS_RANGE, LINES_RANGE


class UploadForm(Documented):
    """Fields of every upload route. The recording comes in the field `file` or `audio`, or as the body."""

    file: bytes
    """The recording: audio, or video with sound, of any common format. The field may also be called `audio` or
    `audio_file`."""
    model: str = Field("auto", examples=["auto", "demo", "whisper-1"])
    """Model that answers, by a name or an alias of `/v1/models`. With `auto` the server chooses. Names that OpenAI's
    and FunASR's clients send, such as `whisper-1`, reach a model of that kind, or the one that the server chooses."""
    language: str = Field("auto", examples=["zh", "en", "Chinese", "zh-CN"])
    """Language of the recording, by code or name. With `auto` the model finds out. For SenseVoice and Whisper."""
    hotwords: str = Field("", examples=["阿里巴巴 魔搭:40", '{"阿里巴巴": 20}'])
    """Words to expect: with spaces, commas or line ends between them, a JSON list, or a JSON object with weights. A
    word may be `word:weight`, with a weight of 1 to 100, usually 20. For Paraformers and Whisper."""
    itn: bool = True
    """`false` leaves numbers, dates and times as spoken."""
    punctuate: bool = True
    """`false` leaves out punctuation."""
    replacements: str = Field("", examples=["魔打=>魔搭", '{"teh": "the"}', "teh=>the;wrold=>world"])
    """Texts to replace in what was recognized: `wrong=>right` with semicolons, commas or line ends between them, a
    JSON list of them, or a JSON object. Whole words, the longest first. Nothing behind the arrow leaves words out."""
    profanity: str = Field("", examples=["damn,hell", '["damn"]'])
    """Words and phrases to write as `***`: with commas or line ends between them, or a JSON list."""
    mask: str = Field("none", examples=["all", "phone,card"])
    """Numbers and addresses to write as stars: `phone`, `id_number`, `card`, `email`, several of them, `all` or
    `none`."""
    deterministic: bool = False
    """`true`: the text does not depend on what else the server is doing. Slower."""
    lm: bool = True
    """`false` goes without the language model, where there is one. It knows what is usual, and this may not be."""
    auto_gain: bool = False
    """`true` amplifies quiet speech, by up to 30 dB, before it is detected and recognized."""
    noise_suppression: bool = False
    """`true` takes steady noise out of the audio first. For speech that the noise nearly hides. The server needs the
    package webrtc-noise-gain for it."""
    audio_quality: bool = False
    """`true` adds level, noise, clipping and bandwidth of the audio to the answer: in JSON as `audio_quality`, beside
    other formats in the header `X-Paraserve-Audio-Quality`."""
    channel: Annotated[int, Field(ge=0, le=99_999)] | Literal["split"] | MISSING = MISSING
    """Channel of the file to take, from 0. `split` transcribes each of up to 8 channels for itself. Without it all
    channels are mixed."""
    track: int | MISSING = Field(MISSING, ge=0, le=99_999)
    """Audio track of the file to take, from 0. Without it the default track is taken, or the first with sound."""
    timeout: float | MISSING = Field(MISSING, gt=0, examples=[10])
    """Seconds after which the request is given up, counted from its first byte. The answer is 504 then. The server's
    own limit, the setting `request_timeout_s`, counts beside it."""
    store: bool = True
    """`false` neither takes the text from the result cache nor keeps it there. For jobs it does more."""
    no_cache: bool = False
    """`true` does as `store` false. The header `Cache-Control: no-cache` or `no-store` does so as well."""
    vad_tail_sil: int | MISSING = Field(MISSING, ge=END_SILENCE_MS_RANGE[0], le=END_SILENCE_MS_RANGE[1])
    """Milliseconds of silence that end a segment. Without it the detector's own count, usually 800."""
    max_single_segment_time: int | MISSING = Field(MISSING, ge=SEGMENT_MS_RANGE[0], le=SEGMENT_MS_RANGE[1])
    """Milliseconds after which speech is cut at a quiet moment, if the model takes so much. No word is lost there."""
    speech_noise_thres: float | MISSING = Field(MISSING, ge=NOISE_THRESHOLD_RANGE[0], le=NOISE_THRESHOLD_RANGE[1])
    """Difference of probabilities by which speech must exceed noise. Without it the detector's own counts."""
    merge_vad: bool | MISSING = MISSING
    """`true` merges neighbouring segments before recognition, as FunASR does. Default: the server's setting."""
    merge_length_s: float | MISSING = Field(MISSING, ge=MERGE_S_RANGE[0], le=MERGE_S_RANGE[1])
    """Longest merged segment in seconds. It asks for merging, too. Without it the server's setting, 15, counts."""
    prompt: str | MISSING = MISSING
    """Text that stands before the recording's. For Whisper. For a model that takes hotwords and no prompt, a list of
    names counts as hotwords."""
    subtitle_cue_s: float | MISSING = Field(MISSING, ge=CUE_S_RANGE[0], le=CUE_S_RANGE[1])
    """Longest time that a cue is shown, in seconds. Without it the server's setting, 7, counts. This field and those
    below are for formats with cues."""
    subtitle_lines: int | MISSING = Field(MISSING, ge=LINES_RANGE[0], le=LINES_RANGE[1])
    """Lines of a cue, at most. The server's setting is 2."""
    subtitle_latin_chars: int | MISSING = Field(MISSING, ge=LATIN_CHARS_RANGE[0], le=LATIN_CHARS_RANGE[1])
    """Characters of a line, at most, in scripts of normal width. The server's setting is 42."""
    subtitle_chinese_chars: int | MISSING = Field(MISSING, ge=CHINESE_CHARS_RANGE[0], le=CHINESE_CHARS_RANGE[1])
    """Characters of a line, at most, in scripts of wide characters. In a mixed line both shares count. The server's
    setting is 20."""
    subtitle_text: Literal["written", "spoken"] = "written"
    """`spoken`: the cues have numbers, dates and times as they were said."""
    encoding: str | MISSING = Field(MISSING, examples=["linear16", "mulaw"])
    """The recording is raw audio without a header: `linear16` (little-endian), `s16be`, `u8`, `s24le`, `s24be`,
    `s32le`, `s32be`, `f32le`, `f32be`, `mulaw` or `alaw`."""
    sample_rate: int | MISSING = Field(MISSING, ge=1_000, le=1_000_000)
    """Rate of raw audio in Hz. 16000 if nothing tells, 8000 for `mulaw` and `alaw`."""
    channels: int | MISSING = Field(MISSING, ge=1, le=64)
    """Channels of raw audio, interleaved. 1 if nothing tells."""


class TaskForm(UploadForm):
    """Fields of every upload route that has more than one task."""

    task: Literal["transcribe", "translate"] = "transcribe"
    """`translate` writes English, whatever language is spoken. For Whisper: other models refuse it."""


class AsrForm(TaskForm):
    """Fields of `/asr`, with those of whisper-asr-webservice. Its clients send the recording in `audio_file`."""

    output: Literal["txt", "vtt", "srt", "tsv", "json"] | MISSING = MISSING
    """Format of whisper-asr-webservice's answer, `txt` if it is not given. It counts in the query, or beside
    `audio_file`."""
    word_timestamps: bool = False
    """`true` adds words with times and probabilities to `output=json`."""
    encode: bool = True
    """`false`: the recording is raw audio, 16 bits little-endian, 16000 Hz, mono. A WAV is taken, too."""
    initial_prompt: str | MISSING = MISSING
    """Another name of `prompt`, which counts if both are given."""
    vad_filter: bool = True
    """Speech is always detected, so `false` gets a warning."""


class LanguageForm(Documented):
    """Fields of `/detect-language`. They mean what they mean for `/asr`."""

    file: bytes
    """The recording: audio, or video with sound. The field may also be called `audio` or `audio_file`."""
    model: str = Field("auto", examples=["auto", "demo"])
    """Model that answers, by a name or an alias of `/v1/models`."""
    encode: bool = True
    """`false`: the recording is raw audio, 16 bits little-endian, 16000 Hz, mono. A WAV is taken, too."""
    channel: Annotated[int, Field(ge=0, le=99_999)] | Literal["split"] | MISSING = MISSING
    """Channel of the file to take, from 0. `split` takes 30 seconds of each."""
    track: int | MISSING = Field(MISSING, ge=0, le=99_999)
    """Audio track of the file to take, from 0."""
    auto_gain: bool = False
    """`true` amplifies quiet speech first."""
    noise_suppression: bool = False
    """`true` takes steady noise out first."""
    timeout: float | MISSING = Field(MISSING, gt=0, examples=[10])
    """Seconds after which the request is given up, counted from its first byte."""
    store: bool = True
    """`false` neither takes the answer from the result cache nor keeps it there."""
    no_cache: bool = False
    """`true` does as `store` false."""
    encoding: str | MISSING = Field(MISSING, examples=["linear16", "mulaw"])
    """The recording is raw audio without a header, of this encoding."""
    sample_rate: int | MISSING = Field(MISSING, ge=1_000, le=1_000_000)
    """Rate of raw audio in Hz."""
    channels: int | MISSING = Field(MISSING, ge=1, le=64)
    """Channels of raw audio, interleaved."""


class TranscriptForm(TaskForm):
    """Fields of a transcript of our own, which jobs have, too."""

    format: Literal["json", "text", "srt", "vtt", "tsv", "ass", "ttml", "lrc"] = "json"
    """Format of the answer."""
    response_format: Literal["json", "text", "srt", "vtt", "tsv", "ass", "ttml", "lrc"] | MISSING = MISSING
    """Another name of `format`, which counts if both are given."""


class TranscribeForm(TranscriptForm):
    """Fields of `/transcribe` and `/recognize`."""

    stream: bool = False
    """`true` sends the transcript in events as sentences become final, with the progress, and the whole of it in the
    last one. For JSON. A header `Accept` with `text/event-stream` asks for it as well."""
    peaks: bool = False
    """`true` adds the loudest sample of each 100 ms to the JSON, for a waveform."""


class TranslationForm(UploadForm):
    """Fields of OpenAI's translation call."""

    temperature: float = Field(0, ge=0, le=1)
    """Recognition takes the most probable text, as with 0. Other values get a warning."""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    """Format of the answer."""


class OpenAIForm(TaskForm):
    """Fields of OpenAI's transcription call."""

    temperature: float = Field(0, ge=0, le=1)
    """Recognition takes the most probable text, as with 0. Other values get a warning."""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] = "json"
    """Format of the answer. `diarized_json` needs `channel=split`: each channel is a speaker."""
    granularities: list[Literal["segment", "word"]] | MISSING = Field(MISSING, alias="timestamp_granularities[]")
    """Times of `verbose_json`: `segment` (also without this field), `word`, or both. The name may also be
    `timestamp_granularities` or `timestamp_granularities[0]`."""
    include: list[Literal["logprobs"]] | MISSING = Field(MISSING, alias="include[]")
    """`logprobs` adds the probabilities of words to the answer, with `response_format=json`."""
    stream: bool = False
    """`true` sends the text in events as sentences become final, and the whole answer in the last one. Subtitles come
    as a whole."""
    chunking_strategy: str | MISSING = Field(
        MISSING, examples=["auto", '{"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 300}']
    )
    """`auto`, which is as without it, or an object for the detector: `threshold` is the probability from which audio
    counts as speech, `silence_duration_ms` the silence that ends a segment, `prefix_padding_ms` the audio before
    speech. As JSON, or with a field for each key: `chunking_strategy[type]`."""
    keywords: list[str] | MISSING = Field(MISSING, alias="keywords[]", examples=[["阿里巴巴"]])
    """Words and phrases to expect, like `hotwords` without weights."""
    languages: list[str] | MISSING = Field(MISSING, alias="languages[]", examples=[["zh"]])
    """Languages that the recording may have. One counts as `language`, several get a warning."""
    known_speaker_names: list[str] | MISSING = Field(MISSING, alias="known_speaker_names[]")
    """Voices are not compared: refused."""
    known_speaker_references: list[str] | MISSING = Field(MISSING, alias="known_speaker_references[]")
    """Voices are not compared: refused."""
