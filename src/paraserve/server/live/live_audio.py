"""The audio of one live utterance to samples: PCM and WAV here, anything else by a decode child."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import TracebackType

from paraserve.errors import AudioError
from paraserve.inference.audio.decoder_messages import LiveRequest
from paraserve.inference.audio.file_signatures import (
    CONTINUED_WEBM,
    HEAD_BYTES,
    demuxer_of,
    file_format,
    is_undecided,
)
from paraserve.inference.audio.pcm import PcmReader
from paraserve.options import AudioFormat
from paraserve.runtime.decoding.live_decoder import LiveDecoder
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.types import ChannelChoice, Samples

WAV, WEBM = "WAV", "WebM or Matroska"
NAMES = {"opus": "Ogg", "oga": "Ogg", "webm": WEBM, "mkv": WEBM, "mka": WEBM, "m4a": "MP4"}
FORMATS = {name.lower(): name for name in ("Ogg", "FLAC", "MP3", "AAC", "AMR", "MP4", "AU", "CAF", "AIFF", "WMA")}
FORMATS |= NAMES
"""Names in `wav_format`, in small letters, and those of `file_signatures.py`."""


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """The format that the audio itself tells: its name, its rate in Hz and its channels."""

    name: str
    sample_rate: int
    channels: int


class LiveAudio:
    """Reader of the bytes of one utterance, opened and closed by `async with`.

    The first bytes tell what they are. `header` is there once the audio has told its own format. `name` is that of
    compressed audio, None for PCM.

    Args:
        audio: the format of audio that tells none.
        channel: the channel to take; "split" gives samples of (n_samples, n_channels).
        stated: the client's name for the format of a file, where it has one.
        before: `name` of the utterance before, in which a recorder may have begun what goes on in this one.
        pool: decodes what is not PCM.
    """

    @property
    def damaged_packets(self) -> int:
        """Number of packets of compressed audio so far that were missing or could not be decoded."""
        return 0 if self._decoder is None else self._decoder.damaged_packets

    def __init__(
        self,
        audio: AudioFormat,
        channel: ChannelChoice,
        pool: DecodePool,
        *,
        stated: str | None = None,
        before: str | None = None,
    ) -> None:
        self.header: AudioHeader | None = None
        self.name: str | None = None
        self._audio = audio
        self._channel = channel
        self._stated = stated
        self._before = before
        self._pool = pool
        self._head = bytearray()
        self._pcm: PcmReader | None = None
        self._decoder: LiveDecoder | None = None
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "LiveAudio":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    async def push(self, data: bytes) -> AsyncIterator[Samples]:
        """Yield the samples that these bytes complete, in blocks of any length, perhaps empty.

        Raises:
            AudioError: the audio cannot be used; its class and code say why.
            DecoderUnavailableError: it is compressed, and no child can decode it now.
        """
        if self._pcm is None and self._decoder is None:
            self._head += data
            if is_undecided(self._head):
                return
            data = await self._decide()
        async for samples in self._read(data):
            yield samples

    async def finish(self) -> AsyncIterator[Samples]:
        """Yield the last samples. Raises what `push` raises."""
        if self._pcm is None and self._decoder is None:
            async for samples in self._read(await self._decide()):
                yield samples
        if self._pcm is not None:
            yield self._pcm.flush()
        elif self._decoder is not None:
            with self._named_errors(self._decoder):
                async for samples in self._decoder.finish():
                    yield samples
            self._note_stream(self._decoder)

    async def _decide(self) -> bytes:
        """Choose the reader; return the bytes that it has not read yet."""
        head = bytes(self._head)
        self._head.clear()
        found = file_format(head[:HEAD_BYTES])
        if found is None and self._before == WEBM and head.startswith(CONTINUED_WEBM):
            found = WEBM
        if found is None and (self._stated is None or not head or head.startswith(b"RIFF")):
            self._pcm = PcmReader(self._audio, self._channel)
            return head
        self.name = found or FORMATS.get((self._stated or "").lower()) or self._stated
        request = LiveRequest(demuxer_of(self.name), self._channel)
        self._decoder = await self._exits.enter_async_context(self._pool.open_live(request))
        return head

    async def _read(self, data: bytes) -> AsyncIterator[Samples]:
        if self._pcm is not None:
            samples = self._pcm.push(data)
            layout = self._pcm.header
            if layout is not None and self.header is None:
                self.header = AudioHeader(WAV, layout.sample_rate, layout.channels)
            yield samples
        elif self._decoder is not None:
            with self._named_errors(self._decoder):
                async for samples in self._decoder.push(data):
                    self._note_stream(self._decoder)
                    yield samples

    def _note_stream(self, decoder: LiveDecoder) -> None:
        if self.header is None and decoder.info is not None:
            self.header = AudioHeader(self.name or "", decoder.info.sample_rate, decoder.info.channels)

    @contextlib.contextmanager
    def _named_errors(self, decoder: LiveDecoder) -> Iterator[None]:
        """Name the format in an error about a stream that gave no audio at all, and say what to do."""
        try:
            yield
        except AudioError as error:
            if decoder.has_given:
                raise
            message = (
                f"the audio is {self.name}, which could not be decoded as it arrived ({error.message}): send raw "
                "audio, or the whole file in mode offline with its name in wav_format"
            )
            raise type(error)(message, code=error.code, param="wav_format") from None
