"""All settings, read once at the edge. Below it only plain values travel."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from paraserve.errors import ParaserveError

DEVICE = re.compile(r"cpu|cuda(:\d+)?")
Origins = Annotated[tuple[str, ...], NoDecode]
"""A list in a file, words with commas between them in the environment and on the command line."""


def _read_file(settings_cls: type[BaseSettings], path: str) -> PydanticBaseSettingsSource:
    try:
        with Path(path).expanduser().open("rb") as file:
            values = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ParaserveError(f"the settings file {path} cannot be read: {error}", code="invalid_settings") from None
    return InitSettingsSource(settings_cls, values)


class Settings(BaseSettings):
    """Flags win over the environment (`PARASERVE_<NAME>`), that over the file `config`, that over the defaults here.

    Raises:
        ParaserveError: the file cannot be read.
    """

    model_config = SettingsConfigDict(env_prefix="PARASERVE_", frozen=True, extra="forbid")

    config: str = ""
    """TOML file with settings by these names; empty = none."""
    host: str = "127.0.0.1"
    """Address to listen on. Outside the loopback anybody who reaches the port may use the server."""
    port: int = Field(10095, ge=0, le=65535)
    """TCP port; 0 takes a free one."""
    certfile: str = ""
    """TLS certificate (PEM); empty = plain HTTP and WebSocket."""
    keyfile: str = ""
    """Private key of `certfile`."""
    api_keys_file: str = ""
    """File of API keys (`paraserve keys add`), read again when it changes; empty = everybody may use the server."""
    cors_origins: Origins = ()
    """Pages of these origins (such as https://example.org) may read HTTP answers in a browser; "*" = all."""
    ws_origins: Origins = ("*",)
    """Pages of these origins may open WebSockets, beside the server's own; "*" = all, since FunASR's page is served
    from elsewhere. Programs, which send no origin, always may."""

    bundle: str = "demo"
    """Name of an embedded or pulled bundle, or a folder with asr/ and optionally vad/, punc/, asr-online/ and
    punc-online/."""
    models_dir: str = ""
    """Folder of pulled bundles; empty = paraserve/models in the user's cache folder."""
    model_dir: str | None = None
    """Recogniser in FunASR's file layout, in place of the bundle's asr/. This and the other `*_dir` of models take a
    folder, the name of a pulled bundle, or a hub id."""
    online_model_dir: str | None = None
    """Streaming recogniser in place of the bundle's asr-online/, which does not go with a `model_dir`; "" or "0" goes
    without: no partial texts."""
    vad_dir: str | None = None
    """Voice activity detector in place of the bundle's vad/; "" or "0" goes without."""
    punc_dir: str | None = None
    """Punctuation model in place of the bundle's punc/ and punc-online/; "" or "0" goes without."""
    itn_dir: str | None = None
    """"" or "0" switches inverse text normalisation off for all clients."""
    quantize: bool | None = None
    """True: model_quant.onnx, False: model.onnx, unset: whichever is there, quantized first. For both recognisers."""
    vad_quant: bool | None = None
    """As `quantize`, for the voice activity detector."""
    punc_quant: bool | None = None
    """As `quantize`, for punctuation."""
    hotword_file: str = ""
    """FunASR's hotword file, `words weight` a line: what contextual models expect of every client; empty = none."""
    device: str = "cpu"
    """"cpu" or "cuda:N"; several GPUs with commas between them, each with models of its own."""
    gpu_memory_bytes: int = Field(0, ge=0)
    """Memory that each graph's arena may take on a GPU; 0 = no limit."""
    optimize: bool = True
    """Load graphs rewritten for this machine's processor; their results are the same. False: as they are on disk."""
    cache_dir: str = ""
    """Folder of the rewritten graphs; empty = paraserve/graphs in the user's cache folder."""
    inference_threads: int = Field(0, ge=0)
    """Threads that run models; 0 = one per CPU, the CPUs shared out among `workers` (one per GPU)."""
    model_threads: int = Field(1, ge=1)
    """Threads inside each model run. Several inference threads of one are faster than one of several."""

    workers: int = Field(1, ge=1)
    """Server processes on the port, each with models and limits of its own."""
    worker_max_age_s: float = Field(0.0, ge=0)
    """A server process that is older is replaced by another; 0 = never."""
    worker_max_memory_bytes: int = Field(0, ge=0)
    """As `worker_max_age_s`, for one that holds more memory."""

    mode: Literal["2pass", "offline"] = "2pass"
    """Which of FunASR's two servers to be for WebSocket clients."""
    protocol: Literal["compat", "strict"] = "compat"
    """"strict" reproduces the documented quirks of FunASR's servers."""

    merge_vad: bool = False
    """Merge neighbouring speech segments of a file before recognition, as FunASR's merge_vad does."""
    merge_length_s: float = Field(15.0, gt=0)
    """Longest merged segment."""

    max_upload_bytes: int = Field(2 * 1024**3, gt=0)
    """Larger uploads are refused with 413."""
    upload_idle_timeout_s: float = Field(60.0, gt=0)
    """A client that sends nothing for this long in the middle of an upload is answered 408."""
    max_duration_s: int = Field(12 * 3600, gt=0)
    """Longer recordings are refused with 422."""
    max_uploads: int = Field(64, ge=1)
    """Uploads in progress at once; more are refused with 503."""
    max_per_key: int = Field(0, ge=0)
    """Uploads and live connections at once of one API key; more are refused with 429 or 1013. 0 = no limit."""
    max_memory_bytes: int = Field(0, ge=0)
    """While the server holds more memory than this, new uploads and live connections are refused with 503 or 1013.
    0 = no limit."""
    decode_workers: int = Field(4, ge=1)
    """Decode child processes, started when needed. A file holds one until its last segment is recognised."""
    decode_memory_bytes: int = Field(1536 * 1024**2, gt=0)
    """Address space of each decode child."""
    max_live: Annotated[int, Field(ge=0)] | Literal["auto"] = 0
    """Live connections at once; more are refused with 1013. 0 = 8 per CPU. "auto": as many as the machine carries
    while all of them talk, measured in a second or two at the start."""
    max_session_s: float = Field(8 * 3600.0, gt=0)
    """A live connection that lasts longer gets its last result and is closed with 1008."""
    max_frame_bytes: int = Field(32 * 1024**2, gt=0)
    """Larger WebSocket messages close the connection with 1009."""
    ping_interval_s: float = Field(20.0, gt=0)
    """Live clients are pinged so often."""
    ping_timeout_s: float = Field(60.0, gt=0)
    """A live client that does not answer a ping for this long is gone."""
    send_timeout_s: float = Field(10.0, gt=0)
    """A live client that makes no room for a result for this long is closed with 1013."""
    drain_timeout_s: float = Field(30.0, ge=0)
    """How long requests and live sessions in progress may take to end after SIGTERM."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Logs are JSON lines on stderr."""
    log_transcripts: bool = False
    """Log what was said, too, at level info. Never otherwise."""
    slow_request_s: float = Field(30.0, ge=0)
    """An upload that takes longer is logged with the times of its stages; 0 = every one."""
    slow_result_s: float = Field(2.0, ge=0)
    """As `slow_request_s`, for a result of a live client, from the arrival of its audio on."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is none
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor these
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, the environment, the file."""
        path = str(init_settings().get("config", env_settings().get("config", "")))
        return init_settings, env_settings, *([_read_file(settings_cls, path)] if path else [])

    @field_validator("cors_origins", "ws_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_tls(self) -> "Settings":
        if bool(self.certfile) != bool(self.keyfile):
            raise ValueError("certfile and keyfile go together")
        return self

    @field_validator("device")
    @classmethod
    def _check_device(cls, value: str) -> str:
        kinds = {DEVICE.fullmatch(name.strip()) and name.strip().partition(":")[0] for name in value.split(",")}
        if len(kinds) > 1 or None in kinds:
            raise ValueError("expected cpu, cuda:N, or several of one kind with commas between them")
        return value

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of `device`."""
        return tuple(name.strip() for name in self.device.split(","))

    @property
    def is_cpu(self) -> bool:
        """Whether models run on the CPU alone."""
        return self.devices[0] == "cpu"

    @property
    def is_supervised(self) -> bool:
        """Whether server processes are started, and replaced, by another that watches them."""
        return self.workers > 1 or self.worker_max_age_s > 0 or self.worker_max_memory_bytes > 0

    @property
    def merge_ms(self) -> int | None:
        """Longest merged segment in ms, None without merging."""
        return round(self.merge_length_s * 1000) if self.merge_vad else None
