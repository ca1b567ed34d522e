"""Pool of child processes that decode audio: asked before use, killed at their limits, replaced when they die.

A child gets a recording as an open descriptor, so there is no file to clean up. Its samples come back in blocks, only
as fast as they are read.
"""

import asyncio
import contextlib
import io
import os
import shutil
import stat
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from paraserve.errors import AudioError, DecoderUnavailableError, ShuttingDownError
from paraserve.inference.audio.decoder_messages import DecodeRequest, LiveRequest
from paraserve.runtime.decoding.child import DecodeChild, unavailable
from paraserve.runtime.decoding.decoded_recording import DecodedBlocks, DecodedRecording
from paraserve.runtime.decoding.live_decoder import LiveDecoder
from paraserve.runtime.decoding.plain_recording import open_plain_recording

DEFAULT_MEMORY_LIMIT_BYTES = 1 << 30
"""Address space limit of a child, which uses 0.2 GiB when idle and 0.3 GiB with ordinary files."""


class DecodePool:
    """Decodes up to `workers` recordings at once; others wait in order of arrival. Use it from one event loop.

    Args:
        workers: most children that decode at once.
        live_workers: most live clients whose audio a child decodes, beside the recordings.
        memory_limit_bytes: address space of each child.
        stall_timeout_s: seconds without a block after which a child counts as stuck and is killed.
        on_wait: called with the seconds that each recording waited for a child.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        live_workers: int = 16,
        memory_limit_bytes: int = DEFAULT_MEMORY_LIMIT_BYTES,
        stall_timeout_s: float = 30.0,
        on_wait: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._on_wait = on_wait
        self._memory_limit_bytes = memory_limit_bytes
        self._stall_timeout_s = stall_timeout_s
        self._workers = workers
        self._slots = asyncio.Semaphore(workers)
        self._live_workers = self._free_live = live_workers
        self._idle: list[DecodeChild] = []
        self._children: set[DecodeChild] = set()
        self._reaping: set[asyncio.Task[int]] = set()
        self._is_started = self._is_closed = False

    @contextlib.asynccontextmanager
    async def open(
        self,
        file: BinaryIO | Path,
        *,
        channel: int | None = None,
        track: int | None = None,
        max_duration_ms: int,
    ) -> "AsyncIterator[DecodedBlocks]":
        """Open a recording, to be iterated over for blocks of at most 30 s (float32, mono, 16 kHz).

        An uncompressed wav is read here, anything else in a child. Leaving the context before the end stops the
        decoding. The file's position is neither used nor changed.

        Args:
            file: an open file, or a path.
            channel: the one to decode (0-based); None mixes all down.
            track: the audio track to decode (0-based); None takes the default one, or the first with sound.
            max_duration_ms: longest recording.

        Raises:
            UnsupportedFormatError: not a container or codec that we decode.
            AudioTooLongError: longer than `max_duration_ms`; here or while iterating.
            DecoderError: the recording crashed two children, took too long or too much memory, or nothing could be
                decoded.
            AudioError: the recording cannot be used for another reason; `code` says which.
            DecoderUnavailableError: no child could be started, or two of them were ended from outside.
            ShuttingDownError: the pool is closed.
            OSError: the path cannot be opened.
        """
        if self._is_closed:
            raise ShuttingDownError("the server is shutting down")
        request = DecodeRequest(channel, track, max_duration_ms)
        with _opened(file) as source:
            plain = await open_plain_recording(source, request)
            if plain is not None:
                with contextlib.closing(plain):
                    yield plain
                return
            async with self._child_recording(source, request) as recording:
                yield recording

    @contextlib.asynccontextmanager
    async def _child_recording(self, file: BinaryIO, request: DecodeRequest) -> "AsyncIterator[DecodedRecording]":
        asked_s = time.monotonic()
        async with self._slots:
            waited_ms = (time.monotonic() - asked_s) * 1000
            with await _with_descriptor(file) as source:
                recording = DecodedRecording(
                    lambda: self._hire(request, source.fileno()), self._discard, self._stall_timeout_s
                )
                try:
                    await recording.begin()
                    recording.wait_ms += waited_ms
                    self._on_wait(recording.wait_ms / 1000)
                    yield recording
                finally:
                    if recording.child is not None:
                        self._give_back(recording.child, is_clean=recording.is_finished)

    @property
    def memory_bytes(self) -> int:
        """Memory of all children, idle ones too, without what they share with other processes."""
        return sum(child.memory_bytes for child in self._children)

    @contextlib.asynccontextmanager
    async def open_live(self, request: LiveRequest) -> "AsyncIterator[LiveDecoder]":
        """Take a child for the audio of a live client, which comes in pieces. Leaving the context ends it.

        Raises:
            DecoderUnavailableError: as many are taken as there may be, or no child could be started.
            ShuttingDownError: the pool is closed.
        """
        if not self._free_live:
            message = f"the audio of {self._live_workers} live clients is being decoded: try again later, or send PCM"
            raise DecoderUnavailableError(message)
        self._free_live -= 1
        decoder = None
        try:
            child = await self._hire(request)
            decoder = LiveDecoder(child, is_split=request.channel == "split", stall_timeout_s=self._stall_timeout_s)
            yield decoder
        finally:
            self._free_live += 1
            if decoder is not None:
                self._give_back(decoder.child, is_clean=decoder.is_finished)

    def start(self) -> None:
        """Start a child for the first recording, and from now on one ahead of the next while all others decode."""
        self._is_started = True
        self._idle.append(self._new_child())

    async def close(self) -> None:
        """Kill all children and wait until they are gone. Recordings being read fail with ShuttingDownError."""
        self._is_closed = True
        for child in list(self._children):
            self._discard(child)
        await asyncio.gather(*self._reaping)

    async def _hire(self, request: DecodeRequest | LiveRequest, descriptor: int | None = None) -> DecodeChild:
        """Send the request to an idle child that is well, or to a new one."""
        child = await self._idle_child() or self._new_child()
        try:
            child.send(request, descriptor)
        except OSError as error:
            self._discard(child)
            raise unavailable(error) from error
        self._prefetch()
        return child

    def _prefetch(self) -> None:
        """Start the next recording's child, which takes 0.2 s, if there may be one more and none is idle."""
        if self._is_started and not (self._idle or self._is_closed) and len(self._children) < self._workers:
            with contextlib.suppress(DecoderUnavailableError):  # whoever needs it will be told
                self._idle.append(self._new_child())

    async def _idle_child(self) -> DecodeChild | None:
        while self._idle:
            child = self._idle.pop()
            try:
                is_well = await child.answers()
            except BaseException:
                self._discard(child)
                raise
            if is_well:
                return child
            was_alive = child.is_alive
            self._discard(child)
            if was_alive:
                return None  # the others may be stuck too, and each would take its time
        return None

    def _new_child(self) -> DecodeChild:
        if self._is_closed:
            raise ShuttingDownError("the server is shutting down")
        child = DecodeChild(self._memory_limit_bytes)
        self._children.add(child)
        return child

    def _give_back(self, child: DecodeChild, *, is_clean: bool) -> None:
        if is_clean and not self._is_closed:
            self._idle.append(child)
        else:
            self._discard(child)

    def _discard(self, child: DecodeChild) -> None:
        if child in self._children:
            self._children.remove(child)
            task = asyncio.create_task(child.kill())
            self._reaping.add(task)
            task.add_done_callback(self._reaping.discard)


def _opened(file: BinaryIO | Path) -> BinaryIO | contextlib.nullcontext[BinaryIO]:
    """Return the file in a context that closes it only if it was opened here."""
    return _open_path(file) if isinstance(file, Path) else contextlib.nullcontext(file)


async def _with_descriptor(file: BinaryIO) -> BinaryIO | contextlib.nullcontext[BinaryIO]:
    """Return the file with a descriptor, in a context that closes it only if it was copied here."""
    if _has_descriptor(file):
        return contextlib.nullcontext(file)
    try:
        return await asyncio.to_thread(_copy_to_memory, file)
    except OSError as error:
        raise unavailable(error) from error


def _open_path(path: Path) -> BinaryIO:
    # Without O_NONBLOCK a FIFO would block the open, and then the child.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise AudioError(f"{path} is not a regular file", code="not_a_file", param="file")
    return file


def _has_descriptor(file: BinaryIO) -> bool:
    if getattr(file, "_rolled", True) is False:
        return False  # a spooled file in memory, which to ask for its descriptor would write to the disk
    try:
        file.fileno()
    except io.UnsupportedOperation:
        return False
    file.flush()  # bytes that its writer has buffered belong to the recording
    return True


def _copy_to_memory(file: BinaryIO) -> BinaryIO:
    """Return a copy in memory, with a descriptor, of an `io.BytesIO` or the like. Nothing is written to disk."""
    copy = os.fdopen(os.memfd_create("recording"), "w+b")
    position = file.tell()
    file.seek(0)
    shutil.copyfileobj(file, copy)
    file.seek(position)
    copy.flush()
    return copy
