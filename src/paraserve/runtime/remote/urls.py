"""URLs of other hosts that clients may name. What has a doubtful form is refused, so that no two readers differ."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin

import idna

from paraserve.remote_errors import UrlNotAllowedError

MAX_URL_CHARS = 4096
URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:/?#@\\%]+))"  # neither user nor password, nor a zone
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:\#.*)?",
    re.IGNORECASE | re.ASCII,
)
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}
LAST_SYSTEM_PORT = 1023
TARGET_SAFE = "/?%:@!$&'()*+,;=~-._[]"


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """A URL in the one form that is checked and called. `target` is its path and query, `host` has no brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def read_http_url(url: str, param: str = "url") -> HttpUrl:
    """Return the parts of a URL that a client gave in the field `param`.

    Raises:
        UrlNotAllowedError: it is not of http or https, has a user name, or has a form that programs read differently.
    """
    if len(url) > MAX_URL_CHARS:
        raise UrlNotAllowedError(f"{param} has more than {MAX_URL_CHARS} characters", param=param)
    found = URL.fullmatch(url)
    if found is None or not url.isprintable() or " " in url or "\\" in url:
        raise UrlNotAllowedError(
            f"{param} is no URL of the form https://HOST/PATH, without user name and password", param=param
        )
    scheme = found["scheme"].lower()
    try:
        host = str(ipaddress.IPv6Address(found["v6"])) if found["v6"] else _read_name(found["name"])
        port = _read_port(found["port"], scheme)
    except ValueError as error:
        raise UrlNotAllowedError(f"{param}: {error}", param=param) from None
    target = quote((found["path"] or "/") + (found["query"] or ""), safe=TARGET_SAFE)
    return HttpUrl(scheme, host, port, target)


def redirected(url: HttpUrl, location: str, param: str = "url") -> HttpUrl:
    """Return where a redirect leads to.

    Raises:
        UrlNotAllowedError: a client may not name that URL either, or it leads from https to http.
    """
    try:
        joined = urljoin(str(url), location)
    except ValueError as error:
        raise UrlNotAllowedError(f"{param} is redirected to what is no URL", param=param) from error
    target = read_http_url(joined, param)
    if url.scheme == "https" and target.scheme == "http":
        raise UrlNotAllowedError(f"{param} is redirected from https to http", param=param)
    return target


def _read_name(name: str) -> str:
    """Return the name of a host in ASCII, or an IPv4 address of four decimal numbers."""
    ascii_name = name.lower() if name.isascii() else _in_ascii(name)
    labels = ascii_name.removesuffix(".").split(".")
    if not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{name} is no name of a host")
    host = ".".join(labels)
    if NUMBER.fullmatch(labels[-1]):  # an address, which systems also take as 127.1, 0x7f000001 or 0177.0.0.1
        return str(ipaddress.IPv4Address(host))
    return host


def _in_ascii(name: str) -> str:
    try:
        return idna.encode(name.lower()).decode("ascii")
    except UnicodeError:
        raise ValueError(f"{name} is no name of a host") from None


def _read_port(port: str | None, scheme: str) -> int:
    number = int(port) if port else DEFAULT_PORTS[scheme]
    if number <= LAST_SYSTEM_PORT and number not in DEFAULT_PORTS.values():
        raise ValueError(f"port {number} is one of other services: expected 80, 443, or one above {LAST_SYSTEM_PORT}")
    if number > 65535:
        raise ValueError(f"there is no port {number}")
    return number
