"""Messages to a job's callback_url: written with what they tell, each sender's alone, in order."""

import asyncio
import json

from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.job import Delivery, JobError
from support.new_jobs import LEASE_S, claimed, submit

URL = "https://example.org/hook"


async def claim(store: JobStore, owner: str = "sender", lease_s: float = LEASE_S) -> Delivery:
    delivery = await store.webhooks.claim_delivery(owner, lease_s)
    assert delivery is not None
    return delivery


async def ended(store: JobStore, end: str = "finish") -> str:
    """The id of a job with a callback_url that was begun and has ended."""
    job = await claimed(store, callback_url=URL)
    if end == "finish":
        await store.finish(job.id, job.lease, b"{}", 1000)
    elif end == "fail":
        await store.fail(job.id, job.lease, JobError("inference_failed", "模型"), retry_in_s=None, is_dead=True)
    else:
        await store.cancel(job.id, "")
        await store.end_cancelled(job.id, job.lease)
    return job.id


async def test_a_job_is_told_about_in_order(store: JobStore, other_store: JobStore) -> None:
    """Its end is not sent before its begin was received or given up; other jobs do not wait for it."""
    job_id = await ended(store)
    first = await claim(store)
    assert (first.job_id, first.number, first.event, first.url) == (job_id, 1, "job.running", URL)
    assert await other_store.webhooks.claim_delivery("another", LEASE_S) is None
    await store.webhooks.delivery_failed(first.id, "sender", 500, "no", 0)
    again = await claim(store)
    assert (again.id, again.body, again.attempts, again.status) == (first.id, first.body, 1, 500)
    other_job = await ended(other_store)
    assert (await claim(other_store)).job_id == other_job
    await store.webhooks.delivery_done(again.id, "sender", 204)
    second = await claim(store)
    assert (second.job_id, second.number, second.event) == (job_id, 2, "job.done")
    assert second.id != first.id


async def test_a_message_that_is_given_up_lets_the_next_go(store: JobStore) -> None:
    """Nothing is stuck behind a message that will not be received."""
    await ended(store)
    first = await claim(store)
    await store.webhooks.delivery_failed(first.id, "sender", None, "refused", None)
    assert (await claim(store)).event == "job.done"
    assert await store.webhooks.next_delivery_due_s() > 0


async def test_messages_tell_what_happened_and_no_texts(store: JobStore) -> None:
    """The type, the state, the error; the recording's words are for those with an API key."""
    for end, state in (("finish", "done"), ("fail", "failed"), ("cancel", "cancelled")):
        job_id = await ended(store, end)
        job = await store.get(job_id, None)
        begun, over = await store.deliveries(job_id)
        assert json.loads(begun.body)["data"]["state"] == "running"
        told = json.loads(over.body)
        assert (told["type"], told["data"]["id"], told["data"]["state"]) == (f"job.{state}", job_id, state)
        assert told["timestamp"] == told["data"]["ended"]
        assert (told["data"]["error"] or {}).get("message") == (job.error and job.error.message)
        assert told["data"]["is_dead_letter"] == (end == "fail")


async def test_a_queued_job_that_is_cancelled_is_told_about(store: JobStore) -> None:
    """Its end is its only message."""
    job = await submit(store, callback_url=URL)
    await store.cancel(job.id, "")
    (only,) = await store.deliveries(job.id)
    assert (only.event, only.state) == ("job.cancelled", "waiting")
    assert (await claim(store)).id == only.id


async def test_a_job_that_begins_again_is_not_told_twice(store: JobStore) -> None:
    """Retries and released attempts are no new begin."""
    job = await claimed(store, callback_url=URL)
    await store.release(job.id, job.lease)
    again = await store.claim("runner", LEASE_S)
    await store.fail(again.id, again.lease, JobError("x", "y"), retry_in_s=0)
    await store.claim("runner", LEASE_S)
    assert [delivery.event for delivery in await store.deliveries(job.id)] == ["job.running"]


async def test_a_sender_that_is_gone_loses_its_message(store: JobStore, other_store: JobStore) -> None:
    """Another one sends it under the same id, and the first can no longer say what became of it."""
    job_id = await ended(store)
    lost = await claim(store, "gone", 0)
    found = await claim(other_store, "heir")
    assert found.id == lost.id
    await store.webhooks.delivery_failed(lost.id, "gone", 500, "no", None)
    await store.webhooks.delivery_done(lost.id, "gone", 200)
    assert (await store.deliveries(job_id))[0].state == "waiting"
    await other_store.webhooks.delivery_done(found.id, "heir", 202)
    first = (await store.deliveries(job_id))[0]
    assert (first.state, first.status, first.attempts, first.error) == ("delivered", 202, 1, None)
    assert first.last_at_s >= first.created_s


async def test_a_postponed_message_counts_no_attempt(store: JobStore) -> None:
    """It is due later, for whoever comes first."""
    job_id = await ended(store)
    first = await claim(store)
    await store.webhooks.postpone_delivery(first.id, "sender", 50)
    assert await store.webhooks.claim_delivery("sender", LEASE_S) is None
    assert 0 < await store.webhooks.next_delivery_due_s() <= 50
    assert (await store.deliveries(job_id))[0].attempts == 0


async def test_whoever_waits_for_messages_hears_of_them(store: JobStore, other_store: JobStore) -> None:
    """From its own process and from others."""
    loop = asyncio.get_running_loop()
    for source in (store, other_store):
        while await store.webhooks.claim_delivery("sender", LEASE_S) is not None:
            pass
        began = loop.time()
        waiting = asyncio.create_task(store.webhooks.wait_for_delivery(20))
        await asyncio.sleep(0.02)
        await ended(source)
        await waiting
        assert loop.time() - began < 10


async def test_messages_that_meet_are_not_stuck(store: JobStore, other_store: JobStore, full: bool) -> None:
    """A job that ends while its first message is being noted as received: its last one is sent all the same."""
    for _ in range(50 if full else 5):
        job = await claimed(store, callback_url=URL)
        first = await claim(store)
        await asyncio.gather(
            store.webhooks.delivery_done(first.id, "sender", 200), other_store.finish(job.id, job.lease, b"{}", 1)
        )
        last = await claim(store)
        assert (last.job_id, last.event) == (job.id, "job.done")
        await store.webhooks.delivery_done(last.id, "sender", 200)
