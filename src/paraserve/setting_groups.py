"""Fields of `Settings` that say where the server listens, whom it lets in, what it loads, and how subtitles look."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from paraserve.setting_fields import Bundles, Device, Entries, Group, Masks, ModelTable, Networks, Origins
from paraserve.subtitle_options import (
    CHINESE_CHARS_RANGE,
    CUE_S_RANGE,
    LATIN_CHARS_RANGE,
    LINES_RANGE,
    SubtitleOptions,
)

LmWeight = Annotated[float, Field(ge=0, le=10)]


class ListeningSettings(BaseModel):
    """The file of settings, and the door of the server: addresses, certificates, limits, keys and origins."""

    config: str = Group.FILE.setting("", "TOML file with settings by these names. Empty = none.")

    watch: bool = Group.FILE.setting(
        default=False,
        description="Reload when the settings file, the hotword file, the API keys, the certificate or a bundle "
        "changes, as SIGHUP does.",
    )

    host: str = Group.LISTENING.setting(
        "127.0.0.1", "Address to listen on. Beyond the loopback, set `api_keys_file` too: anybody may reach the port."
    )
    port: int = Group.LISTENING.setting(10095, "TCP port. 0 takes a free one.", ge=0, le=65535)
    uds: str = Group.LISTENING.setting(
        "",
        "Path of a Unix socket to listen on in place of `host` and `port`. Who may open it is trusted like a proxy.",
    )
    certfile: str = Group.LISTENING.setting(
        "", "TLS certificate (PEM file). Empty, or 0 as a flag = plain HTTP and WebSocket."
    )
    keyfile: str = Group.LISTENING.setting("", "Private key of `certfile` (PEM file).")
    trusted_proxies: Networks = Group.LISTENING.setting(
        ("127.0.0.1", "::1"),
        "Addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    )
    proxy_protocol: bool = Group.LISTENING.setting(
        default=False,
        description="Connections of `trusted_proxies` begin with a PROXY protocol header (version 1 or 2). They are "
        "closed without one.",
    )
    head_timeout_s: float = Group.LISTENING.setting(
        10.0,
        "Time for the head of a request, and for a TLS handshake. Slower ones are refused: 408.",
        unit="seconds",
        gt=0,
    )
    max_connections: int = Group.LISTENING.setting(
        0,
        "Open connections of each process. More are refused: 503. 0 = as many as its file descriptors allow, at most "
        "16384.",
        ge=0,
    )
    max_connections_per_address: int = Group.LISTENING.setting(
        256,
        "Open connections of one address, or of one IPv6 /64. More are refused: 429. 127.0.0.1, ::1, "
        "`trusted_proxies` and Unix sockets are exempt. 0 = no limit.",
        ge=0,
    )
    web_pages: bool = Group.LISTENING.setting(
        default=True,
        description="Serve the web pages at `/`, `/status` and `/docs`.",
    )

    api_keys_file: str = Group.ACCESS.setting(
        "",
        "File of API keys (`paraserve keys add`), read again when it changes. Empty = everybody may use the server.",
    )
    max_wrong_keys: int = Group.ACCESS.setting(
        30,
        "Unknown API keys that an address (of IPv6 a /64) may try in a minute. More are answered 429, a known one is "
        "still taken. 0 = no limit.",
        ge=0,
    )
    cors_origins: Origins = Group.ACCESS.setting(
        (), "Origins, such as `https://example.org`, whose pages may read HTTP answers in a browser. `*` = all."
    )
    ws_origins: Origins = Group.ACCESS.setting(
        (),
        "Origins whose pages may open WebSockets, beside the server's own page. `*` = all. Empty = on the loopback "
        "without keys: pages of this machine and pages opened from files, as FunASR's page is. Otherwise: all. "
        "Programs, which send no origin, always may.",
    )
    allowed_hosts: Origins = Group.ACCESS.setting(
        (),
        "Host names by which clients may call a server that listens on the loopback without keys, beside those of "
        "the loopback: a proxy's, for example. Others are refused: 421 or 1008. `*` = all.",
    )


class ModelSettings(BaseModel):
    """The models, the devices that run them, and their threads."""

    bundle: Bundles = Group.MODELS.setting(
        ("demo",),
        "Name of an embedded or pulled bundle (`paraserve models list`), or a folder with asr/ and optionally vad/, "
        "punc/, asr-online/ and punc-online/. Several are several models: the first answers clients that name none.",
    )
    models: ModelTable = Group.MODELS.setting(
        {},
        "Tables `[models.NAME]` of more models, with `bundle`, `aliases`, `languages`, `load`, `idle_unload_s` and "
        "`fallback`. Without `bundle` beside them they are the only ones.",
    )
    fallback: str = Group.MODELS.setting(
        "", "Name of the model that answers in place of one that cannot be loaded. Empty = clients get an error."
    )
    models_memory_bytes: int = Group.MODELS.setting(
        0,
        "Memory for all models together, counted by the sizes of their files. Models loaded on demand are unloaded, "
        "the longest unused first, so that another one has room. 0 = no limit.",
        unit="bytes",
        ge=0,
    )
    models_dir: str = Group.MODELS.setting(
        "", "Folder of pulled bundles. Empty = paraserve/models in the user's cache folder (`XDG_CACHE_HOME`)."
    )
    bundle_keys: str = Group.MODELS.setting(
        "",
        "File of public keys of minisign (`paraserve models keygen`), or one key itself. Bundles that none of them "
        "has signed are then neither loaded nor installed, but for the embedded one. Empty = all are.",
    )
    model_dir: str | None = Group.MODELS.setting(
        None,
        "Recognizer in FunASR's file layout in place of the bundle's asr/ and asr-online/: a folder, the name of a "
        "pulled bundle, or a hub id. Of several models this and the other parts change the first.",
    )
    online_model_dir: str | None = Group.MODELS.setting(
        None,
        "Streaming recognizer in place of the bundle's asr-online/, given like `model_dir`. Empty or 0 = none: live "
        "clients get no partial texts.",
    )
    vad_dir: str | None = Group.MODELS.setting(
        None, "Voice activity detector in place of the bundle's vad/, given like `model_dir`. Empty or 0 = none."
    )
    punc_dir: str | None = Group.MODELS.setting(
        None, "Punctuation model in place of the bundle's punc/ and punc-online/. Otherwise like `vad_dir`."
    )
    lm_dir: str | None = Group.MODELS.setting(
        None,
        "Language model in place of the bundle's lm/: a folder of `paraserve models lm` (G.fst) or FunASR's "
        "(TLG.fst, config.yaml, lexicon.txt). Only Paraformers use one. Empty or 0 = none.",
    )
    lm_weight: LmWeight | Literal["auto"] = Group.MODELS.setting(
        "auto",
        "Weight of the language model beside the recognizer, from 0 to 10: 1 / FunASR's `am_scale`. 0 = do without. "
        "`auto` = what the language model asks for, or 0.1. 0.3 to 0.5 suits one of texts like those that are said.",
    )
    itn_dir: str | None = Group.MODELS.setting(
        None, "Empty or 0 switches inverse text normalization off for all clients. Other values change nothing."
    )
    quantize: bool | None = Group.MODELS.setting(
        None,
        "Take model_quant.onnx (true) or model.onnx (false) of both recognizers. Not set = whichever is there, on a "
        "CPU the quantized one first.",
    )
    vad_quant: bool | None = Group.MODELS.setting(None, "Like `quantize`, for the voice activity detector.")
    punc_quant: bool | None = Group.MODELS.setting(None, "Like `quantize`, for punctuation.")
    hotword_file: str = Group.MODELS.setting(
        "",
        "FunASR's hotword file: in each line words and their weight. They are hotwords of every client, whose own "
        "win over the same word. Empty = none.",
    )
    hotword_bonus: float = Group.MODELS.setting(
        3.0,
        "Advantage of a hotword of weight 20 for each of its units, in nats. Of a hotword of one unit, two thirds. "
        "0 = only models that take hotwords themselves, such as contextual ones, have them.",
        ge=0,
        le=100,
    )
    hotword_cap: float = Group.MODELS.setting(
        4.0,
        "No unit of a hotword is written that is more than this less probable than the best one, in nats, whatever "
        "the weight. Larger values find more hotwords, and more of them where they were not said.",
        ge=0,
        le=100,
    )
    hotwords_in_graph: bool = Group.MODELS.setting(
        default=True,
        description="Contextual models take hotwords into their graph, beside the bonus that all Paraformers give.",
    )
    hotwords_in_partials: bool = Group.MODELS.setting(
        default=True, description="Partial texts of streaming models follow hotwords, as final texts do."
    )

    device: Device = Group.DEVICES.setting(
        "cpu",
        "`cpu`, or `cuda:N` (install the extra `gpu`), also several with commas between them, each with models of "
        "its own. A GPU that does not load is an error.",
    )
    gpu_memory_bytes: int = Group.DEVICES.setting(
        0, "Memory that the arena of each graph may take on a GPU. 0 = no limit.", unit="bytes", ge=0
    )
    optimize: bool = Group.DEVICES.setting(
        default=True,
        description="Rewrite graphs of 16 MB and more, and for a GPU all, once for this machine and keep them in "
        "`cache_dir`. false = load model files as they are on disk.",
    )
    cache_dir: str = Group.DEVICES.setting(
        "",
        "Folder of the rewritten graphs, which may be deleted. Where it cannot be written, models run as they are on "
        "disk, with a warning. Empty = paraserve/graphs in the user's cache folder (`XDG_CACHE_HOME`).",
    )
    inference_threads: int = Group.DEVICES.setting(
        0, "Threads that run models. 0 = two per GPU, or the CPUs that each of `workers` has.", ge=0
    )
    model_threads: int = Group.DEVICES.setting(
        1, "Threads inside a model run. More inference threads of one each are faster.", ge=1
    )
    batch_items: int = Group.DEVICES.setting(
        0, "Segments, chunks or steps that a model runs together, at most. 0 = as many as pay for it.", ge=0
    )
    batch_seconds: float = Group.DEVICES.setting(
        0.0,
        "Audio that a model runs together, at most, with the padding of shorter segments. 0 = as much as pays for "
        "it: 5 s on a CPU, 600 s on a GPU. int8 models run each segment alone on a CPU, whatever this says.",
        unit="seconds",
        ge=0,
    )

    @property
    def batch_frames(self) -> int:
        """`batch_seconds` in frames of 10 ms, at least 1 unless it is 0."""
        return max(1, round(self.batch_seconds * 100)) if self.batch_seconds else 0


class SubtitleSettings(BaseModel):
    """Limits of subtitles. A request may have others."""

    subtitle_cue_s: float = Group.SUBTITLES.setting(
        7.0, "Longest time that a cue of subtitles is shown.", unit="seconds", ge=CUE_S_RANGE[0], le=CUE_S_RANGE[1]
    )
    subtitle_lines: int = Group.SUBTITLES.setting(2, "Lines of a cue, at most.", ge=LINES_RANGE[0], le=LINES_RANGE[1])
    subtitle_latin_chars: int = Group.SUBTITLES.setting(
        42,
        "Characters of a line, at most, in scripts of normal width.",
        ge=LATIN_CHARS_RANGE[0],
        le=LATIN_CHARS_RANGE[1],
    )
    subtitle_chinese_chars: int = Group.SUBTITLES.setting(
        20,
        "Characters of a line, at most, in scripts of wide characters. In a mixed line both shares count.",
        ge=CHINESE_CHARS_RANGE[0],
        le=CHINESE_CHARS_RANGE[1],
    )

    @property
    def subtitles(self) -> SubtitleOptions:
        """The limits of subtitles whose client gives none."""
        cue_ms = round(self.subtitle_cue_s * 1000)
        return SubtitleOptions(cue_ms, self.subtitle_lines, self.subtitle_latin_chars, self.subtitle_chinese_chars)


class TextSettings(BaseModel):
    """Changes of the written text for all clients, beside those that they ask for."""

    replacements: Entries = Group.TEXT.setting(
        (),
        "Texts to replace in what was recognized, each as `wrong=>right`, in whole words and the longest first. A "
        "client's own count in place of these.",
    )
    replacements_file: str = Group.TEXT.setting(
        "", "File with one `wrong=>right` a line. Lines that begin with # are comments. Empty = none."
    )
    profanity: Entries = Group.TEXT.setting((), "Words and phrases to write as `***`.")
    profanity_file: str = Group.TEXT.setting("", "File with one word or phrase a line to write as `***`.")
    mask: Masks = Group.TEXT.setting(
        (),
        "Numbers and addresses to write as stars: `phone`, `id_number`, `card`, `email`, or `all`. Empty = none.",
    )
