"""Webhooks from the database to real receivers, which verify them with the library of Standard Webhooks."""

import asyncio
import contextlib
import itertools
import json
import resource
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Delivery, JobRequest, NewJob, Quotas
from paraserve.runtime.jobs.webhooks.webhook_sender import Outcome, WebhookSender
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.poster import Poster
from support.remote_hosts import Answer, RemoteHost, answer, remote_host

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OK = answer(status=200)
WITHIN_S = 20.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[JobStore]:
    opened = await JobStore.open(tmp_path / "jobs.sqlite")
    yield opened
    await opened.close()


TLS = ssl.create_default_context()
"""Made once: it takes longer than a message."""


@contextlib.asynccontextmanager
async def sending(
    store: JobStore,
    *,
    owner: str = "a",
    give_up_s: float = 3600.0,
    post_timeout_s: float = 5.0,
    allow: str = "127.0.0.1",
) -> AsyncIterator[Counter[Outcome]]:
    """Send webhooks meanwhile. Waits are a hundredth of the real ones."""
    outcomes: Counter[Outcome] = Counter()
    sender = WebhookSender(
        store.webhooks,
        Poster(AddressGuard([allow]), TLS),
        SECRET,
        owner=owner,
        give_up_s=give_up_s,
        retry_s=0.05,
        post_timeout_s=post_timeout_s,
        on_outcome=lambda outcome: outcomes.update([outcome]),
    )
    running = asyncio.create_task(sender.run())
    try:
        yield outcomes
    finally:
        sender.close()
        await asyncio.wait_for(running, WITHIN_S)


async def add_message(store: JobStore, url: str, job_id: str = "job-1", filename: str = "a.wav") -> None:
    """Submit a job with a callback, and cancel it: that is the shortest way to a message."""
    job = NewJob(job_id, "", JobRequest(filename=filename), job_id, 10, callback_url=url)
    await store.submit([job], Quotas())
    await store.cancel(job_id, None)


async def deliveries_when(
    store: JobStore, is_there: Callable[[Delivery], bool], job_id: str = "job-1"
) -> list[Delivery]:
    async with asyncio.timeout(WITHIN_S):
        while not all(map(is_there, found := await store.deliveries(job_id))):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return list(found)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():  # noqa: ASYNC110 - receivers count, they do not signal
            await asyncio.sleep(0.02)


def is_delivered(delivery: Delivery) -> bool:
    return delivery.state == "delivered"


def is_given_up(delivery: Delivery) -> bool:
    return delivery.state == "given up"


def verified(host: RemoteHost) -> list[tuple[str, dict]]:
    """The ids and bodies of what a receiver got, after the check of their signatures."""
    return [(asked.headers["webhook-id"], Webhook(SECRET).verify(asked.body, asked.headers)) for asked in host.asked]


async def hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def in_turn(*answers: Answer) -> Answer:
    """Each answer once, then the last one for ever."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def write(writer: asyncio.StreamWriter) -> None:
        found = next(left)
        if isinstance(found, bytes):
            writer.write(found)
            await writer.drain()
        else:
            await found(writer)

    return write


async def test_a_message_is_received_once_and_signed(store: JobStore):
    async with remote_host({"/hook": OK}) as host, sending(store) as outcomes:
        await add_message(store, host.url("/hook?of=me"), filename="录音\ud800.wav")
        [delivery] = await deliveries_when(store, is_delivered)
        await asyncio.sleep(0.2)
    [asked] = host.asked
    [(message_id, told)] = verified(host)
    assert (asked.method, asked.target) == ("POST", "/hook?of=me")
    assert asked.headers["content-type"] == "application/json"
    assert (message_id, asked.body.decode()) == (delivery.id, delivery.body)
    assert told["type"] == delivery.event == "job.cancelled"
    assert told["data"]["id"] == "job-1"
    assert (delivery.status, delivery.attempts) == (200, 1)
    assert outcomes == {"delivered": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(asked.body, asked.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(asked.body.replace(b"job-1", b"job-2"), asked.headers)


async def test_a_receiver_that_fails_gets_it_in_the_end(store: JobStore):
    """It fails, redirects, closes without an answer, breaks off, and hangs."""
    broken = b"HTTP/1.1 200"
    redirect = answer(status=307, location="/other")
    answers = {"/hook": in_turn(answer(status=500), redirect, b"", broken, hang, OK), "/other": OK}
    async with remote_host(answers) as host, sending(store, post_timeout_s=0.5) as outcomes:
        await add_message(store, host.url("/hook"))
        [delivery] = await deliveries_when(store, is_delivered)
        await until(lambda: outcomes == {"failed": 5, "delivered": 1})
    assert [asked.target for asked in host.asked] == ["/hook"] * 6
    assert {message_id for message_id, _ in verified(host)} == {delivery.id}
    assert (delivery.attempts, delivery.status) == (6, 200)


async def test_a_receiver_that_is_not_there_yet_gets_it(store: JobStore):
    async with remote_host({"/hook": OK}) as host:
        port = host.port
    async with sending(store):
        await add_message(store, f"http://127.0.0.1:{port}/hook")
        [delivery] = await deliveries_when(store, lambda delivery: delivery.attempts > 0)
        assert delivery.state == "waiting"
        assert "failed" in delivery.error
        async with remote_host({"/hook": OK}, port=port) as host:
            await deliveries_when(store, is_delivered)
            assert len(host.asked) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_each_2xx_is_a_receipt(store: JobStore, status: int):
    async with remote_host({"/hook": answer(status=status)}) as host, sending(store):
        await add_message(store, host.url("/hook"))
        [delivery] = await deliveries_when(store, is_delivered)
        assert delivery.status == status


async def test_a_receiver_that_is_gone_is_not_asked_again(store: JobStore):
    async with remote_host({"/hook": answer(status=410)}) as host, sending(store) as outcomes:
        await add_message(store, host.url("/hook"))
        [delivery] = await deliveries_when(store, is_given_up)
        await asyncio.sleep(0.3)
        assert len(host.asked) == 1
    assert (delivery.status, delivery.attempts) == (410, 1)
    assert "410" in delivery.error
    assert outcomes == {"given up": 1}


async def test_a_message_is_given_up_after_its_time(store: JobStore):
    async with remote_host({"/hook": answer(status=500)}) as host, sending(store, give_up_s=0.5) as outcomes:
        await add_message(store, host.url("/hook"))
        [delivery] = await deliveries_when(store, is_given_up)
        assert len(host.asked) == delivery.attempts > 1
        await until(lambda: outcomes["given up"] == 1)


async def test_an_address_that_is_not_allowed_is_never_called(store: JobStore):
    async with remote_host({"/hook": OK}) as host, sending(store, allow="10.0.0.0/8", give_up_s=0.3):
        await add_message(store, host.url("/hook"))
        [delivery] = await deliveries_when(store, is_given_up)
        assert "not public" in delivery.error
        assert not host.asked


async def test_a_slow_receiver_does_not_hold_up_others(store: JobStore):
    """More messages wait for the one that hangs than are sent at once to all."""
    async with remote_host({"/hook": hang}) as slow, remote_host({"/hook": OK}) as quick:
        for number in range(60):
            await add_message(store, slow.url("/hook"), f"slow-{number}")
        async with sending(store, post_timeout_s=2 * WITHIN_S):
            await until(lambda: bool(slow.asked))
            for number in range(20):
                await add_message(store, quick.url("/hook"), f"quick-{number}")
            await until(lambda: len(quick.asked) >= 20)  # long before the slow one has taken too long
            assert len(slow.asked) <= 4
        assert Counter(asked.headers["webhook-id"] for asked in quick.asked).most_common(1)[0][1] == 1


async def test_a_receiver_that_is_away_is_not_asked_by_each_message(store: JobStore):
    async with remote_host({"/hook": answer(status=503)}) as host:
        for number in range(40):
            await add_message(store, host.url("/hook"), f"job-{number}")
        async with sending(store):
            await until(lambda: len(host.asked) >= 8)
            assert len(host.asked) < 30
            host.answers["/hook"] = OK
            for number in range(40):
                await deliveries_when(store, is_delivered, f"job-{number}")


async def test_what_is_being_sent_at_the_end_is_sent_again_by_another(store: JobStore):
    async with remote_host({"/hook": in_turn(hang, OK)}) as host:
        async with sending(store):
            await add_message(store, host.url("/hook"))
            await until(lambda: bool(host.asked))
        async with sending(store, owner="b"):
            [delivery] = await deliveries_when(store, is_delivered)
        assert [message_id for message_id, _ in verified(host)] == [delivery.id] * 2
        assert delivery.attempts == 1


async def test_a_full_disk_only_delays(store: JobStore):
    """The database cannot note who sends a message, so nobody sends it."""
    async with remote_host({"/hook": OK}) as host:
        await add_message(store, host.url("/hook"))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            async with sending(store):
                await asyncio.sleep(0.5)
                assert not host.asked
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
                await deliveries_when(store, is_delivered)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert len(host.asked) == 1


async def test_several_processes_send_each_message_once(store: JobStore):
    async with remote_host({"/hook": OK}) as host:
        for number in range(30):
            await add_message(store, host.url("/hook"), f"job-{number}")
        async with sending(store, owner="a") as first, sending(store, owner="b") as second:
            for number in range(30):
                await deliveries_when(store, is_delivered, f"job-{number}")
            await until(lambda: first["delivered"] + second["delivered"] == 30)
        assert len(host.asked) == 30
        assert len({json.loads(asked.body)["data"]["id"] for asked in host.asked}) == 30
