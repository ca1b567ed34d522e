"""Steps of a conversation with a server.

A conversation is a generator. It yields what is to be done next and is sent the outcome. `Jobs` and `Client` do the
steps on the calling thread, `AsyncJobs` and `AsyncClient` on an event loop, so both follow the same conversations.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is that below the server's URL.

    The body is `json`, or `content`, or a form of the texts `form` with the file `file`, a name and its bytes from
    the start. `extra_s` is time that the server may take beyond the usual, since it waits for something. A request
    that `is_costly` for the server is not repeated because its answer is late.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, object] | None = None
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    file: tuple[str, BinaryIO] | None = None
    extra_s: float = 0.0
    is_costly: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """True for an answer that is no error."""
        return 200 <= self.status < 300

    def json(self) -> object:
        """Return the body's JSON, None if it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No answer came. `code` names the case for programs.

    It `is_lasting` if none will come the next time either, and `is_late` if the connection stood and time ran out.
    """

    reason: str
    code: str = "no_connection"
    is_lasting: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request. The outcome is an `Answer` or `NoAnswer`."""

    request: Request


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for some seconds. There is no outcome."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """Call a function that may block, since it reads a file. The outcome is what it returns."""

    function: Callable[[], Any]


Step: TypeAlias = Send | Pause | Call
Conversation: TypeAlias = Generator[Step, Any, T]
