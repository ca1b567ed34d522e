"""All protocols, and the check that each gives the same text."""

from collections.abc import Callable, Mapping

from paraserve.selftest import recording
from paraserve.selftest.own_server import Target
from paraserve.selftest.protocols.grpc_protocols import GRPC
from paraserve.selftest.protocols.http_protocols import HTTP_PROTOCOLS
from paraserve.selftest.protocols.live_protocols import live_checks
from paraserve.selftest.protocols.wyoming_protocol import wyoming
from paraserve.selftest.verdicts import expect

PROTOCOLS: Mapping[str, Callable[[Target], str]] = {
    **HTTP_PROTOCOLS,
    **dict(live_checks()),
    **GRPC,
    "wyoming": wyoming,
}
"""Each returns the text of the recording."""
PARTIAL_TEXTS = "funasr-online"
"""Its text is that of a smaller model, which hears less well."""
LEAST_LIKENESS, LEAST_LIKENESS_OF_PARTIALS = 0.9, 0.5
"""Of a bundle whose text is not known. Live speech is cut into segments in another way than a recording."""


def check_protocol(name: str, target: Target, expected: str, *, is_known: bool) -> str:
    """Recognize the recording over a protocol, and return what was heard in words.

    Args:
        name: of the protocol.
        target: the server.
        expected: the text.
        is_known: it is known to the letter, not what the server has said before.

    Raises:
        CheckFailedError: the text is another one, or none comes.
        NotRunError: the protocol cannot be tried.
    """
    text = PROTOCOLS[name](target)
    if name != PARTIAL_TEXTS and is_known:
        recording.expect_text(text, expected)
        return f"the text of {recording.duration_s():.1f} s is right"
    least = LEAST_LIKENESS_OF_PARTIALS if name == PARTIAL_TEXTS else LEAST_LIKENESS
    share = recording.likeness(text, expected)
    expect(share >= least, f"{least:.0%} of the letters of {expected!r}", f"{share:.0%} in {text!r}")
    return f"{share:.0%} of the letters of {recording.duration_s():.1f} s are as in the reference"
