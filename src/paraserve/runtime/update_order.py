"""Updates of a live utterance in the order of its audio, with spaces between the texts of segments."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from paraserve.inference.text.final_text import space_between_segments
from paraserve.options import StreamConfig
from paraserve.runtime.understanding import notice_about
from paraserve.types import Heard, Notice, Update


class OrderedUpdates:
    """Emits updates in the order in which they were put, each once it and all before it are complete.

    Updates are put with what was heard in the segment that they end. `knows` is what the loaded model knows.
    """

    def __init__(self, config: StreamConfig, emit: Callable[[Update], None], knows: str = "") -> None:
        self._emit = emit
        self._knows = knows
        self._heard = Heard()
        self._is_two_pass = config.mode == "2pass"
        # FunASR's servers write no space between segments.
        self._is_spaced = not config.realtime_punctuation
        self._final_until_ms = config.final_until_ms
        self._has_empty_finals = config.empty_finals
        self._queue: deque[Update | asyncio.Task[Update]] = deque()
        self._seq = 0
        self._last_text = ""  # the last text that no later update replaces
        self._partial_segment = -1  # index of the segment of the last partial text

    def put(self, update: "Update | asyncio.Task[Update]") -> None:
        """Queue an update, or a task that returns one."""
        self._queue.append(update)
        if isinstance(update, asyncio.Task):
            update.add_done_callback(self._flush)
        self._flush()

    def closing(self, at_ms: int, mark: str = "") -> Update:
        """Return the last update of an utterance that has no more words; `at_ms` is the end of the audio.

        `mark` stands behind the last partial text, where no final one replaces it.
        """
        kind: Literal["offline", "online"] = "offline" if self._is_two_pass else "online"
        index = max(0, self._partial_segment)
        return Update(kind, mark, segment_index=index, start_ms=at_ms, end_ms=at_ms, due_ms=at_ms, last=True)

    def _flush(self, _: object = None) -> None:
        while self._queue:
            head = self._queue[0]
            if isinstance(head, asyncio.Task):
                if not head.done() or head.cancelled() or head.exception() is not None:
                    return
                head = head.result()
            self._queue.popleft()
            self._send(head)

    def _send(self, update: Update) -> None:
        is_first = update.kind == "offline" or update.segment_index != self._partial_segment
        replaces_nothing = update.kind == "offline" and update.segment_index != self._partial_segment
        if self._is_known(update):
            self._last_text = update.text if update.kind == "offline" and update.text else self._last_text
            if not update.last:
                return
            update = replace(self.closing(update.end_ms), segment_index=update.segment_index)
        self._heard += update.heard
        notice = self._notice(update)
        has_news = bool(update.text or update.tail or update.last or update.is_committed or notice)
        if not has_news and (replaces_nothing or update.kind == "online") and not self._is_empty_final(update):
            return
        text = update.text
        if is_first and self._is_spaced:
            # Clients join the texts of segments without a separator.
            text = space_between_segments(self._last_text, text, is_final=self._is_two_pass) + text
        if update.kind == "online" and text:
            self._partial_segment = update.segment_index
        if update.kind == "offline" or not self._is_two_pass:
            self._last_text = text or self._last_text
        self._emit(replace(update, text=text, seq=self._seq, heard=self._heard, notice=notice))
        self._seq += 1

    def _is_empty_final(self, update: Update) -> bool:
        return self._has_empty_finals and update.kind == "offline"

    def _is_known(self, update: Update) -> bool:
        """Tell whether the client has the final text of this part of the audio, from another connection.

        The middle of a segment counts: its edges may lie elsewhere where the audio before it was not heard.
        """
        if not self._is_two_pass or update.start_ms == update.end_ms:
            return False
        known_ms = update.start_ms if update.kind == "online" else (update.start_ms + update.end_ms) // 2
        return known_ms < self._final_until_ms

    def _notice(self, update: Update) -> Notice | None:
        """Return the notice about the segment, with the last update about the utterance before that.

        A notice that the update has already is the least important one.
        """
        if not self._is_spaced:
            return None  # FunASR's servers give none
        of_all = notice_about(self._heard, self._knows) if update.last else None
        return of_all or notice_about(update.heard, self._knows) or update.notice
