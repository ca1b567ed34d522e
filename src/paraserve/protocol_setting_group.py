"""Settings of clients that speak neither HTTP nor FunASR's protocol. They are part of `Settings`."""

from pydantic import BaseModel

from paraserve.setting_fields import Group


class ProtocolSettingGroup(BaseModel):
    """Settings of clients that speak neither HTTP nor FunASR's protocol."""

    grpc_port: int = Group.CLIENTS.setting(
        0,
        "Port of gRPC, which NVIDIA Riva's clients speak too, on the same host and with the same certificate (extra "
        "`grpc`). 0 = none.",
        ge=0,
        le=65_535,
    )
    wyoming: str = Group.CLIENTS.setting(
        "",
        "Where clients of the Wyoming protocol, such as Home Assistant, are served (`tcp://127.0.0.1:10300` or "
        "`unix:///PATH`, extra `wyoming`). Empty = nowhere.",
    )
    client_secret_ttl_s: float = Group.CLIENTS.setting(
        600.0,
        "A client secret, which a page uses in place of an API key, is good for this long where its request names no "
        "time.",
        unit="seconds",
        ge=10,
        le=7200,
    )
    client_secret_file: str = Group.CLIENTS.setting(
        "",
        "File with a key (`openssl rand -hex 32`) that signs client secrets, the same on all hosts behind one "
        "address. Empty = a new key at each start.",
    )
