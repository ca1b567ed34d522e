"""Bounded and stoppable waits of a pull."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import TypeVar

from paraserve.errors import ModelPullError, PullStoppedError

Result = TypeVar("Result")


def check_stop(stop: Event) -> None:
    """Raise if a pull is to stop.

    Raises:
        PullStoppedError: the event is set.
    """
    if stop.is_set():
        raise PullStoppedError("stopped: what was fetched is kept, and the next pull goes on from there")


def pause(seconds: float, stop: Event) -> None:
    """Wait, but not longer than until the pull is to stop.

    Raises:
        PullStoppedError: the event is set.
    """
    stop.wait(seconds)
    check_stop(stop)


def within(seconds: float | None, host: str, call: Callable[[], Result]) -> Result:
    """Return the result of a call that may take so many seconds, whatever it waits for.

    The look-up of a host's name cannot be interrupted, so the call is left behind in a thread that ends by itself.

    Args:
        seconds: None for no bound.
        host: named in the error.
        call: its errors are passed on.

    Raises:
        ModelPullError: there was no result in time.
    """
    if seconds is None:
        return call()
    result: Future[Result] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            result.set_exception(error)

    Thread(target=run, daemon=True, name=f"ask {host}").start()
    try:
        return result.result(seconds)
    except TimeoutError:
        raise ModelPullError(f"{host} does not answer within {seconds:g} s") from None
