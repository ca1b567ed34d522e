"""A server over HTTP, for programs without an event loop."""

import time
from typing import TypeVar

import httpx2

from paraserve_client.http.http_client import answer_of, arguments, client_settings, no_answer
from paraserve_client.http.steps import Answer, Call, Conversation, NoAnswer, Pause, Send, Step

T = TypeVar("T")


class SyncConnection:
    """Does the steps of conversations with a server on the calling thread.

    Raises:
        ProtocolError: `url` is not that of an HTTP server.
    """

    def __init__(self, url: str, api_key: str, timeout_s: float, *, verify: bool) -> None:
        self.url = url
        self.timeout_s = timeout_s
        self.client = httpx2.Client(**client_settings(url, api_key, timeout_s, verify=verify))

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def do(self, conversation: Conversation[T]) -> T:
        """Do the steps of a conversation; return what comes of it.

        Raises:
            ParaserveError: the conversation's.
            OSError: a recording cannot be read.
        """
        outcome: object = None
        try:
            while True:
                outcome = self._step(conversation.send(outcome))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            conversation.close()

    def _step(self, step: Step) -> object:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        if isinstance(step, Call):
            return step.function()
        return self._send(step)

    def _send(self, step: Send) -> Answer | NoAnswer:
        request = step.request
        try:
            asked = arguments(request, self.timeout_s)
            return answer_of(self.client.request(request.method, request.path, **asked))
        except httpx2.TransportError as error:
            return no_answer(error, self.url)
