"""Requests that are sent until they succeed, and what is expected of their answers."""

from itertools import count

from paraserve_client.errors import ProtocolError, RequestTimeoutError
from paraserve_client.http.answer_errors import failure_of
from paraserve_client.http.resending import Retries
from paraserve_client.http.steps import Answer, Conversation, NoAnswer, Pause, Request, Send


def answered(request: Request, retries: Retries) -> Conversation[Answer]:
    """Send a request until it succeeds.

    Raises:
        RequestTimeoutError: no answer came in time to a costly request.
        ParaserveError: it is refused, or all attempts were in vain.
    """
    for attempt in count(1):
        outcome = yield Send(request)
        if request.is_costly and isinstance(outcome, NoAnswer) and outcome.is_late:
            raise RequestTimeoutError(outcome.reason, code="answer_timeout")
        failure = failure_of(outcome)
        if failure is None:
            break
        wait_s = retries.wait_s(attempt, outcome)
        if wait_s is None:
            raise failure
        yield Pause(wait_s)
    answer: Answer = outcome
    return answer


def text_of(answer: Answer) -> str:
    """Return the text of an answer.

    Raises:
        ProtocolError: it is not UTF-8.
    """
    try:
        return answer.body.decode()
    except UnicodeDecodeError:
        raise not_understood("text") from None


def not_understood(expected: str) -> ProtocolError:
    """Return the error for an answer that is something else than expected."""
    return ProtocolError(f"the server answered with something else than {expected}", code="invalid_answer")
