"""Settings of live clients. They are part of `Settings`."""

from typing import Literal

from pydantic import BaseModel, NonNegativeInt

from paraserve.setting_fields import Group


class LiveSettingGroup(BaseModel):
    """Settings of live clients."""

    max_live: NonNegativeInt | Literal["auto"] = Group.LIVE.setting(
        0,
        "Live connections at once. More are refused: 1013. 0 = 8 per CPU. `auto` = as many as get their final texts "
        "in time while all of them talk: two and a half times `live_rating`, measured where that is not given. "
        "Newcomers are also refused while they would make the others late.",
    )
    live_rating: NonNegativeInt | Literal["auto"] = Group.LIVE.setting(
        0,
        "Live clients that may talk at once with all partial texts in time, for autoscalers: "
        "`paraserve_live_rating`. `auto` = measured in a second or two at the start. 0 = measured only where "
        "`max_live` is `auto`, not known otherwise.",
    )
    max_live_per_address: NonNegativeInt | Literal["half"] = Group.LIVE.setting(
        "half",
        "Live connections at once of one client address, counted like `max_connections_per_address`. More are "
        "refused: 1013. `half` = half of those let in. 0 = no limit.",
    )
    max_session_s: float = Group.LIVE.setting(
        8 * 3600.0, "A longer live connection gets its last result and is closed: 1008.", unit="seconds", gt=0
    )
    live_idle_timeout_s: float = Group.LIVE.setting(
        300.0,
        "A live client that sends no audio for this long gets its last result and is closed: 1008. 0 = never.",
        unit="seconds",
        ge=0,
    )
    final_timeout_s: float = Group.LIVE.setting(
        300.0,
        "A live utterance whose last text takes longer, from the utterance's end on, gets the error `final_timeout` "
        "in its place. 0 = no limit.",
        unit="seconds",
        ge=0,
    )
    resume_window_s: float = Group.LIVE.setting(
        60.0,
        "A live client that asked to resume may return this long after its connection broke, counted from the last "
        "sign of life, and goes on as if nothing had happened. 0 = never.",
        unit="seconds",
        ge=0,
    )
    max_frame_bytes: int = Group.LIVE.setting(
        32 * 1024**2,
        "Larger WebSocket messages close the connection: 1009. Larger ones of gRPC end the call: RESOURCE_EXHAUSTED.",
        unit="bytes",
        gt=0,
    )
    ping_interval_s: float = Group.LIVE.setting(
        20.0, "Time between two pings of a live client.", unit="seconds", gt=0
    )
    ping_timeout_s: float = Group.LIVE.setting(
        20.0,
        "A live client that does not answer a ping, and sends nothing else, for this long is gone.",
        unit="seconds",
        gt=0,
    )
    send_timeout_s: float = Group.LIVE.setting(
        10.0, "A live client that takes no result for this long is closed: 1013.", unit="seconds", gt=0
    )

    endpoint_complete_ms: int = Group.LIVE.setting(
        400, "With `semantic_endpoint`: ms of silence that end a complete sentence.", ge=200, le=60_000
    )
    endpoint_incomplete_ms: int = Group.LIVE.setting(
        1200, "With `semantic_endpoint`: ms of silence that end half a sentence.", ge=200, le=60_000
    )
