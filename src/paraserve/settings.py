"""All settings, read once at the edge. Below it only plain values travel."""

import tomllib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Literal

from pydantic import NonNegativeInt, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from paraserve.environment import given_settings
from paraserve.errors import ParaserveError
from paraserve.job_setting_group import JobSettingGroup
from paraserve.live_setting_group import LiveSettingGroup
from paraserve.protocol_setting_group import ProtocolSettingGroup
from paraserve.setting_fields import Group, ModelEntry
from paraserve.setting_groups import ListeningSettings, ModelSettings, SubtitleSettings, TextSettings
from paraserve.text_files import read_text_file
from paraserve.user_folders import expanded


def _read_file(settings_cls: type[BaseSettings], path: str) -> PydanticBaseSettingsSource:
    try:
        values = tomllib.loads(read_text_file(expanded(path)))
    except (OSError, ValueError) as error:
        raise ParaserveError(f"the settings file {path} cannot be read: {error}", code="invalid_settings") from None
    return InitSettingsSource(settings_cls, values)


def bundle_name(bundle: str) -> str:
    """Return the name of a model that has none of its own: that of its bundle, or of its folder."""
    return PurePath(bundle).name or bundle


EMPTY_IS_A_CHOICE = frozenset(("online_model_dir", "vad_dir", "punc_dir", "lm_dir", "itn_dir"))
"""Settings whose empty value in the environment differs from no value: it removes a part."""


class Settings(
    JobSettingGroup,
    ProtocolSettingGroup,
    LiveSettingGroup,
    TextSettings,
    SubtitleSettings,
    ModelSettings,
    ListeningSettings,
    BaseSettings,
):
    """Flags win over the environment (`PARASERVE_<NAME>`), that over the file `config`, that over the defaults here.

    An empty variable of the environment counts as none, except for `EMPTY_IS_A_CHOICE`.

    Flags, `--help`, docs/configuration.md and docs/settings.schema.json are made of these fields: see
    `scripts/docs-settings`. Settings of one group stand together.

    Raises:
        ParaserveError: the file cannot be read.
    """

    model_config = SettingsConfigDict(env_prefix="PARASERVE_", frozen=True, extra="forbid")

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
    upload_min_bytes_per_s: int = Group.UPLOADS.setting(
        1000,
        "Least rate of an upload. One that stays below it for `upload_idle_timeout_s` is refused: 408. 0 = none.",
        unit="bytes",
        ge=0,
    )
    upload_timeout_s: float = Group.UPLOADS.setting(
        8 * 3600.0, "Longest time to receive an upload. Slower ones are refused: 408.", unit="seconds", gt=0
    )
    max_duration_s: int = Group.UPLOADS.setting(
        12 * 3600, "Longer recordings are refused: 422.", unit="seconds", gt=0
    )
    request_timeout_s: float = Group.UPLOADS.setting(
        6 * 3600.0,
        "An upload that takes longer, from its first byte to its text, is ended: 504. A client may set less by its "
        "field `timeout`. Recordings of live clients have as much from their end on. 0 = no limit.",
        unit="seconds",
        ge=0,
    )
    max_uploads: int = Group.UPLOADS.setting(64, "Uploads at once. More are refused: 503.", ge=1)
    max_uploads_per_address: NonNegativeInt | Literal["half"] = Group.UPLOADS.setting(
        "half",
        "Uploads at once of one client address, counted like `max_connections_per_address`. More are refused: 429. "
        "`half` = half of `max_uploads`. 0 = no limit.",
    )

    max_per_key: int = Group.UPLOADS_AND_LIVE.setting(
        0,
        "Uploads and live connections at once of an API key's name. More are refused: 429 or 1013. 0 = no limit.",
        ge=0,
    )
    limits_store: str = Group.UPLOADS_AND_LIVE.setting(
        "memory",
        "Where limits of API keys are counted: `memory` = by each server process for itself, or the URL of a Redis "
        "(`redis://HOST`, extra `redis`) that all processes and hosts share.",
    )
    limits_away: Literal["open", "closed"] = Group.UPLOADS_AND_LIVE.setting(
        "open",
        "While the Redis of `limits_store` does not answer: `open` = each process counts for itself, `closed` = "
        "requests are refused: 503.",
    )
    max_requests_per_minute: int = Group.UPLOADS_AND_LIVE.setting(
        0, "Uploads, live connections and jobs of an API key's name that may begin in a minute. 0 = no limit.", ge=0
    )
    max_audio_s_per_minute: int = Group.UPLOADS_AND_LIVE.setting(
        0,
        "Seconds of audio in uploads and live connections of an API key's name in a minute. 0 = no limit.",
        unit="seconds",
        ge=0,
    )
    max_memory_bytes: NonNegativeInt | Literal["auto"] = Group.UPLOADS_AND_LIVE.setting(
        "auto",
        "While a server process and its decode processes hold more memory, uploads and live connections are refused: "
        "503 or 1013. `auto` = nine tenths of the machine's memory, or of the container's if that is less, shared by "
        "`workers`. 0 = no limit.",
        unit="bytes",
    )

    decode_workers: int = Group.DECODING.setting(
        4,
        "Processes that decode recordings, started when needed. A recording holds one until its last segment is "
        "recognized, others wait.",
        ge=1,
    )
    live_decode_workers: int = Group.DECODING.setting(
        16,
        "Live clients at once whose audio is compressed: each has a decode process, of about 50 MB, while it speaks. "
        "More are refused: 1013.",
        ge=0,
    )
    decode_memory_bytes: int = Group.DECODING.setting(
        1536 * 1024**2, "Address space of each decode process.", unit="bytes", gt=0
    )

    drain_timeout_s: float = Group.SHUTDOWN.setting(
        30.0, "Time for requests and live sessions in progress to end after SIGTERM.", unit="seconds", ge=0
    )

    log_level: Literal["debug", "info", "warning", "error"] = Group.LOGS.setting(
        "info", "Least level that is logged, on stderr."
    )
    log_format: Literal["auto", "human", "json"] = Group.LOGS.setting(
        "auto",
        "`json` = one JSON object a line. `human` = lines for people, with colours in a terminal unless the "
        "environment has `NO_COLOR`. `auto` = `human` where stderr is a terminal.",
    )
    log_transcripts: bool = Group.LOGS.setting(default=False, description="Log recognized texts too, at level info.")
    slow_request_s: float = Group.LOGS.setting(
        30.0, "An upload that takes longer is logged with the times of its stages. 0 = all.", unit="seconds", ge=0
    )
    slow_result_s: float = Group.LOGS.setting(
        2.0, "A live result that takes longer, from its audio on, is logged likewise. 0 = all.", unit="seconds", ge=0
    )

    otel: bool = Group.TRACES.setting(
        default=False,
        description="Send traces to a collector of OpenTelemetry (extra `otel`). Where it is, and what share of the "
        "requests is traced, is in the `OTEL_*` variables of the environment.",
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

    @model_validator(mode="before")
    @classmethod
    def _let_tables_stand_alone(cls, values: dict[str, Any]) -> dict[str, Any]:
        has_tables = values.get("models") not in (None, {}, "", "{}")  # as JSON in the environment and in flags
        return {**values, "bundle": ()} if has_tables and "bundle" not in values else values

    @model_validator(mode="after")
    def _check_models(self) -> "Settings":
        entries = self.model_entries
        if not any(entry.load == "start" for entry in entries.values()):
            raise ValueError("a model has to be loaded at the start")
        names = [bundle_name(bundle) for bundle in self.bundle]
        if len(names) > len(set(names)):
            raise ValueError("two bundles have one name: give them names in [models.NAME]")
        for name in filter(None, (self.fallback, *(entry.fallback for entry in entries.values()))):
            if name not in entries:
                raise ValueError(f"fallback = {name!r} is no model: expected one of {', '.join(entries)}")
        return self

    @model_validator(mode="after")
    def _check_tls(self) -> "Settings":
        if bool(self.certfile) != bool(self.keyfile):
            raise ValueError("certfile and keyfile go together")
        return self

    @model_validator(mode="after")
    def _check_wyoming_key(self) -> "Settings":
        if self.wyoming and self.api_keys_file and not self.wyoming_api_key_file:
            raise ValueError(
                "Wyoming's clients send no API key: wyoming_api_key_file must name the one they count as"
            )
        return self

    @model_validator(mode="after")
    def _check_supervision(self) -> "Settings":
        if self.is_recycled and not self.supervise:
            raise ValueError("workers and worker_max_* need supervise")
        return self

    @property
    def model_entries(self) -> dict[str, ModelEntry]:
        """All models by name, each with its bundle: those of `bundle`, then those of `models`."""
        entries = {bundle_name(bundle): ModelEntry(bundle=bundle) for bundle in self.bundle}
        for name, entry in self.models.items():
            there = entries.get(name)
            bundle = entry.bundle or (name if there is None else there.bundle)
            entries[name] = entry.model_copy(update={"bundle": bundle})
        return entries

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
    def merge_length_ms(self) -> int:
        """Longest merged segment in ms."""
        return round(self.merge_length_s * 1000)


def checked_settings(flags: Mapping[str, object]) -> Settings:
    """Return the settings of flags, environment, file and defaults; a flag that is None was not given.

    Raises:
        ParaserveError: a value is not valid; names the setting.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic converts and checks
    except ValidationError as error:
        problems = "; ".join(_problem(detail) for detail in error.errors())
        raise ParaserveError(problems, code="invalid_settings") from None


def _problem(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0])
    return f"setting {name} = {detail['input']!r}: {message} (environment: PARASERVE_{name.upper()})"
