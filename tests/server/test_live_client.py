"""Our live client and a real server, with what goes wrong between them."""

import asyncio
import os
import signal
import socket

import numpy as np
import pytest
import soundfile

from paraserve_client import Live, LiveOptions, Reconnect

FRAME_SAMPLES = 960


def letters(text):
    """Without marks and spaces: segments are punctuated one by one."""
    return "".join(character for character in text if character.isalnum())


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def speak(live, samples, frame_s=0.02):
    """At three times the speed of speech, or another."""
    for start in range(0, len(samples), FRAME_SAMPLES):
        await live.send(samples[start : start + FRAME_SAMPLES])
        await asyncio.sleep(frame_s)
    await live.finish()


@pytest.mark.slow
async def test_a_restart_in_the_middle_loses_and_repeats_nothing(
    process_factory, demo_dir, server, data_dir, tmp_path
):
    """The server is told to stop after the first text; the next one takes over where that ended."""
    samples, _ = soundfile.read(data_dir / "mixed_long.wav", dtype="float32")
    expected = server.post("/transcribe", (data_dir / "mixed_long.wav").read_bytes()).json()["text"]
    port, reconnect = free_port(), Reconnect(attempts=100, first_s=0.1, longest_s=0.2)
    texts = []
    options = ("--bundle", demo_dir, "--port", port)
    with process_factory(tmp_path / "first", *options) as first:
        async with Live(f"ws://127.0.0.1:{port}", reconnect=reconnect) as live:
            sender = asyncio.create_task(speak(live, samples.astype(np.float32)))
            async for update in live:
                if update.text and not update.is_partial:
                    texts.append(update)
                    break
            os.kill(first.process.pid, signal.SIGTERM)
            assert await asyncio.to_thread(first.wait, 30) == 0
            with process_factory(tmp_path / "second", *options):
                texts += [update async for update in live if update.text and not update.is_partial]
                await sender
    assert letters("".join(update.text for update in texts)) == letters(expected)
    edges = [edge for update in texts for pair in update.timestamps for edge in pair]
    assert edges == sorted(edges)
    assert [update.segment_index for update in texts] == list(range(len(texts)))


async def test_timing_says_which_audio_a_result_needed(server, data_dir):
    """Never more than was sent; a segment's text needs the silence after its last word."""
    samples, _ = soundfile.read(data_dir / "mixed_long.wav", dtype="float32")
    options = LiveOptions(extra={"timing": True})
    async with Live(server.url.replace("http", "ws"), options=options) as live:
        await live.send(samples)
        await live.finish()
        updates = [update async for update in live]
    due_ms = [update.raw["due_ms"] for update in updates]
    assert due_ms == sorted(due_ms)
    assert all(0 < one <= len(samples) // 16 for one in due_ms)
    assert all(
        due > update.timestamps[-1][1] for due, update in zip(due_ms, updates, strict=True) if update.timestamps
    )
