"""All settings, read once at the edge. Below it only plain values travel."""

import tomllib
from typing import Literal

from pydantic import NonNegativeInt, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from paraserve.environment import given_settings
from paraserve.errors import ParaserveError
from paraserve.setting_fields import Device, Group, Origins
from paraserve.user_folders import expanded


def _read_file(settings_cls: type[BaseSettings], path: str) -> PydanticBaseSettingsSource:
    try:
        with expanded(path).open("rb") as file:
            values = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ParaserveError(f"the settings file {path} cannot be read: {error}", code="invalid_settings") from None
    return InitSettingsSource(settings_cls, values)


EMPTY_IS_A_CHOICE = frozenset(("online_model_dir", "vad_dir", "punc_dir", "itn_dir", "ws_origins"))
"""Settings whose empty value in the environment differs from no value: it removes a part, or all origins."""


class Settings(BaseSettings):
    """Flags win over the environment (`PARASERVE_<NAME>`), that over the file `config`, that over the defaults here.

    An empty variable of the environment counts as none, except for `EMPTY_IS_A_CHOICE`.

    Flags, `--help`, docs/configuration.md and docs/settings.schema.json are made of these fields: see
    `scripts/docs-settings`. Settings of one group stand together.

    Raises:
        ParaserveError: the file cannot be read.
    """

    model_config = SettingsConfigDict(env_prefix="PARASERVE_", frozen=True, extra="forbid")

    config: str = Group.FILE.setting("", "TOML file with settings by these names. Empty = none.")

    host: str = Group.LISTENING.setting(
        "127.0.0.1", "Address to listen on. Beyond the loopback, set `api_keys_file` too: anybody may reach the port."
    )
    port: int = Group.LISTENING.setting(10095, "TCP port. 0 takes a free one.", ge=0, le=65535)
    certfile: str = Group.LISTENING.setting(
        "", "TLS certificate (PEM file). Empty, or 0 as a flag = plain HTTP and WebSocket."
    )
    keyfile: str = Group.LISTENING.setting("", "Private key of `certfile` (PEM file).")

    api_keys_file: str = Group.ACCESS.setting(
        "",
        "File of API keys (`paraserve keys add`), read again when it changes. Empty = everybody may use the server.",
    )
    cors_origins: Origins = Group.ACCESS.setting(
        (), "Origins, such as `https://example.org`, whose pages may read HTTP answers in a browser. `*` = all."
    )
    ws_origins: Origins = Group.ACCESS.setting(
        ("*",),
        "Origins whose pages may open WebSockets, beside the server's own page. `*` = all, since FunASR's page is "
        "served from elsewhere. Empty = the server's own page alone. Programs, which send no origin, always may.",
    )

    bundle: str = Group.MODELS.setting(
        "demo",
        "Name of an embedded or pulled bundle (`paraserve models list`), or a folder with asr/ and optionally vad/, "
        "punc/, asr-online/ and punc-online/.",
    )
    models_dir: str = Group.MODELS.setting(
        "", "Folder of pulled bundles. Empty = paraserve/models in the user's cache folder (`XDG_CACHE_HOME`)."
    )
    model_dir: str | None = Group.MODELS.setting(
        None,
        "Recognizer in FunASR's file layout in place of the bundle's asr/ and asr-online/: a folder, the name of a "
        "pulled bundle, or a hub id.",
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
        "FunASR's hotword file: in each line words and their weight. Contextual models expect these words of every "
        "client. Empty = none.",
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

    workers: int = Group.PROCESSES.setting(
        1, "Server processes on the port, each with models and limits of its own.", ge=1
    )
    supervise: bool = Group.PROCESSES.setting(
        default=True,
        description="Run a small process beside the server processes that replaces one which dies, hangs or "
        "grows old. false = one process alone, as a debugger needs it.",
    )
    inference_timeout_s: float = Group.PROCESSES.setting(
        40.0,
        "Longest run of a model. Whoever waits for a longer one gets an error, and the process is replaced. It is "
        "replaced as well when it recognizes nothing for this long. 0 = no limit.",
        unit="seconds",
        ge=0,
    )
    worker_max_age_s: float = Group.PROCESSES.setting(
        0.0, "Age at which a server process gives way to a new one. 0 = never.", unit="seconds", ge=0
    )
    worker_max_memory_bytes: int = Group.PROCESSES.setting(
        0, "Memory at which a server process gives way to a new one. 0 = never.", unit="bytes", ge=0
    )

    mode: Literal["2pass", "offline"] = Group.PROTOCOL.setting(
        "2pass", "Which of FunASR's two servers to be for WebSocket clients."
    )
    protocol: Literal["compat", "strict"] = Group.PROTOCOL.setting(
        "compat", "`strict` reproduces the documented quirks of FunASR's servers."
    )

    merge_vad: bool = Group.UPLOADS.setting(
        default=False,
        description="Merge neighbouring speech segments before recognition, as FunASR's merge_vad does.",
    )
    merge_length_s: float = Group.UPLOADS.setting(15.0, "Longest merged segment.", unit="seconds", gt=0)
    max_upload_bytes: int = Group.UPLOADS.setting(2 * 1024**3, "Larger uploads are refused: 413.", unit="bytes", gt=0)
    upload_idle_timeout_s: float = Group.UPLOADS.setting(
        60.0, "Time without data after which an upload is refused: 408.", unit="seconds", gt=0
    )
    max_duration_s: int = Group.UPLOADS.setting(
        12 * 3600, "Longer recordings are refused: 422.", unit="seconds", gt=0
    )
    request_timeout_s: float = Group.UPLOADS.setting(
        6 * 3600.0,
        "An upload that takes longer, from its first byte to its text, is ended: 504. 0 = no limit.",
        unit="seconds",
        ge=0,
    )
    max_uploads: int = Group.UPLOADS.setting(64, "Uploads at once. More are refused: 503.", ge=1)

    max_per_key: int = Group.UPLOADS_AND_LIVE.setting(
        0,
        "Uploads and live connections at once of an API key's name. More are refused: 429 or 1013. 0 = no limit.",
        ge=0,
    )
    max_memory_bytes: int = Group.UPLOADS_AND_LIVE.setting(
        0,
        "While the server holds more memory (resident, without decode processes), uploads and live connections are "
        "refused: 503 or 1013. 0 = no limit.",
        unit="bytes",
        ge=0,
    )

    decode_workers: int = Group.DECODING.setting(
        4,
        "Processes that decode recordings, started when needed. A recording holds one until its last segment is "
        "recognized, others wait.",
        ge=1,
    )
    decode_memory_bytes: int = Group.DECODING.setting(
        1536 * 1024**2, "Address space of each decode process.", unit="bytes", gt=0
    )

    max_live: NonNegativeInt | Literal["auto"] = Group.LIVE.setting(
        0,
        "Live connections at once. More are refused: 1013. 0 = 8 per CPU. `auto` = as many as the machine carries "
        "while all of them talk, measured in a second or two at the start.",
    )
    max_session_s: float = Group.LIVE.setting(
        8 * 3600.0, "A longer live connection gets its last result and is closed: 1008.", unit="seconds", gt=0
    )
    max_frame_bytes: int = Group.LIVE.setting(
        32 * 1024**2, "Larger WebSocket messages close the connection: 1009.", unit="bytes", gt=0
    )
    ping_interval_s: float = Group.LIVE.setting(
        20.0, "Time between two pings of a live client.", unit="seconds", gt=0
    )
    ping_timeout_s: float = Group.LIVE.setting(
        60.0, "A live client that does not answer a ping for this long is gone.", unit="seconds", gt=0
    )
    send_timeout_s: float = Group.LIVE.setting(
        10.0, "A live client that takes no result for this long is closed: 1013.", unit="seconds", gt=0
    )

    drain_timeout_s: float = Group.SHUTDOWN.setting(
        30.0, "Time for requests and live sessions in progress to end after SIGTERM.", unit="seconds", ge=0
    )

    log_level: Literal["debug", "info", "warning", "error"] = Group.LOGS.setting(
        "info", "Least level that is logged. Logs are JSON lines on stderr."
    )
    log_transcripts: bool = Group.LOGS.setting(default=False, description="Log recognized texts too, at level info.")
    slow_request_s: float = Group.LOGS.setting(
        30.0, "An upload that takes longer is logged with the times of its stages. 0 = all.", unit="seconds", ge=0
    )
    slow_result_s: float = Group.LOGS.setting(
        2.0, "A live result that takes longer, from its audio on, is logged likewise. 0 = all.", unit="seconds", ge=0
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `given_settings` is stricter
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is none
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor these
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given in code, else in the environment, else in the file."""
        environment = given_settings(cls.model_fields, EMPTY_IS_A_CHOICE)
        path = str(init_settings().get("config", environment.get("config", "")))
        sources = [init_settings, InitSettingsSource(settings_cls, environment)]
        return *sources, *([_read_file(settings_cls, path)] if path else [])

    @model_validator(mode="after")
    def _check_tls(self) -> "Settings":
        if bool(self.certfile) != bool(self.keyfile):
            raise ValueError("certfile and keyfile go together")
        return self

    @model_validator(mode="after")
    def _check_supervision(self) -> "Settings":
        if self.is_recycled and not self.supervise:
            raise ValueError("workers and worker_max_* need supervise")
        return self

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of `device`."""
        return tuple(name.strip() for name in self.device.split(","))

    @property
    def is_cpu(self) -> bool:
        """True if models run on the CPU alone."""
        return self.devices[0] == "cpu"

    @property
    def is_supervised(self) -> bool:
        """True if another process starts server processes, watches and replaces them."""
        return self.supervise

    @property
    def is_recycled(self) -> bool:
        """True if server processes stand beside each other, or follow one another as a matter of course."""
        return self.workers > 1 or self.worker_max_age_s > 0 or self.worker_max_memory_bytes > 0

    @property
    def merge_ms(self) -> int | None:
        """Longest merged segment in ms, None without merging."""
        return round(self.merge_length_s * 1000) if self.merge_vad else None
