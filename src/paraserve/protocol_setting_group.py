"""Settings of clients that speak neither HTTP nor FunASR's protocol. They are part of `Settings`."""

from urllib.parse import urlsplit

from pydantic import BaseModel, field_validator

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
        "`unix:///PATH`). Empty = nowhere.",
    )
    wyoming_api_key_file: str = Group.CLIENTS.setting(
        "",
        "File with the API key that all clients of the Wyoming protocol count as, since they cannot send one. Needed "
        "with `api_keys_file`.",
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

    @field_validator("wyoming")
    @classmethod
    def _check_wyoming(cls, uri: str) -> str:
        if uri:
            wyoming_address(uri)
        return uri


def wyoming_address(uri: str) -> tuple[str, int] | str:
    """Return host and port of `tcp://HOST:PORT`, or the path of `unix:///PATH`.

    Raises:
        ValueError: it is neither.
    """
    parts = urlsplit(uri)
    if parts.scheme == "tcp" and parts.hostname and parts.port is not None and not parts.path:
        return parts.hostname, parts.port
    if parts.scheme == "unix" and parts.path and not parts.netloc:
        return parts.path
    raise ValueError(f"expected tcp://HOST:PORT or unix:///PATH, not {uri!r}")
