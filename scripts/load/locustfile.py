"""Load of a deployed server with all kinds of users, and a verdict: docs/load.md."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import locust.stats
from locust import LoadTestShape, events
from locust.env import Environment
from locust.event import EventHook
from locust.runners import WorkerRunner

import timetable
from load_options import add_options, check_options, conditions, stages_of
from load_report import report
from paced_users import LEAD_S, USERS, Events, Jobs, Live, PacedUser, Realtime, Uploads

__all__ = ["Events", "Jobs", "Live", "Realtime", "TimetableLoad", "Uploads"]
LAST_REPORT_S = 5.0
"""Time in which the last counts of all workers reach the master."""


class TimetableLoad(LoadTestShape):
    """All users of the options, until their timetables have ended and every answer is there.

    `--ramp` and the rates are in the timetables: a load grows as users send more often.
    """

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there are, None at the end."""
        assert self.runner is not None
        options = options_of(self.runner.environment)
        for user in USERS:
            user.fixed_count = user.count(options)
        n_users = sum(user.fixed_count for user in USERS)
        elapsed_s = float(self.get_run_time())  # type: ignore[no-untyped-call]
        over_s = elapsed_s - LEAD_S - timetable.length_s(stages_of(options))
        is_over = over_s > LAST_REPORT_S and (self.runner.user_count == 0 or over_s > options.timeout_s)
        return None if is_over else (n_users, min(100, n_users))


def init(environment: Environment, **_: Any) -> None:
    """Refuse options that cannot be."""
    # Two digits, as Locust keeps them, are too few to tell 996 ms from a limit of 1 s.
    locust.stats.bucket_response_time = to_ms
    try:
        check_options(options_of(environment))
    except (ValueError, OSError) as error:
        raise SystemExit(f"locust: {error}") from error


def test_start(environment: Environment, **_: Any) -> None:
    """Begin the timetables."""
    PacedUser.prepare(options_of(environment), environment.host)


def test_stop(environment: Environment, **_: Any) -> None:
    """Judge a load that was begun on Locust's page."""
    if not options_of(environment).headless and not isinstance(environment.runner, WorkerRunner):
        print(f"\n{judge(environment)}\n", flush=True)


def quitting(environment: Environment, **_: Any) -> None:
    """Judge a load without a page: the last counts of all workers are there. The verdict is printed at the end."""
    if options_of(environment).headless and not isinstance(environment.runner, WorkerRunner):
        verdict = judge(environment)
        environment.events.quit.add_listener(  # type: ignore[no-untyped-call]
            lambda **_: print(verdict, flush=True)
        )


def judge(environment: Environment) -> str:
    """Return the verdict in words, and make it the exit code: 1 where a target is missed."""
    options = options_of(environment)
    text, is_met = report(environment.stats, options, [user.measure for user in USERS])
    has_defects = environment.runner is not None and bool(environment.runner.exceptions)
    environment.process_exit_code = 0 if is_met and not has_defects else 1
    return f"{conditions(options, environment.host or PacedUser.host)}\n\n{text}"


def options_of(environment: Environment) -> Namespace:
    """Return all options, Locust's too."""
    assert isinstance(environment.parsed_options, Namespace)
    return environment.parsed_options


def to_ms(response_time: float) -> int:
    """Round a wait to whole milliseconds."""
    return round(response_time)


LISTENERS: dict[EventHook, Callable[..., None]] = {
    events.init_command_line_parser: add_options,
    events.init: init,
    events.test_start: test_start,
    events.test_stop: test_stop,
    events.quitting: quitting,
}
for event, listener in LISTENERS.items():
    event.add_listener(listener)  # type: ignore[no-untyped-call]
