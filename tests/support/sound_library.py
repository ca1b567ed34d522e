"""A sound library whose microphone gives the audio of a file."""

import os
from pathlib import Path

from support.live_stub import speech

LIBRARY = """
import os, threading, time
class PortAudioError(Exception): pass
class RawInputStream:
    def __init__(self, samplerate, channels, dtype, blocksize, callback):
        assert (samplerate, channels, dtype) == (16000, 1, "int16")
        if os.environ["MICROPHONE"] == "none":
            raise PortAudioError(os.environ.get("MICROPHONE_ERROR", "Error querying device -1"))
        data = open(os.environ["MICROPHONE"], "rb").read()
        frames = [memoryview(data)[i : i + 2 * blocksize] for i in range(0, len(data), 2 * blocksize)]
        self.thread = threading.Thread(target=self.record, args=(frames, callback))
    def record(self, frames, callback):
        for frame in frames:
            callback(frame, len(frame) // 2, None, None)
            time.sleep(0.02)
    def __enter__(self): self.thread.start()
    def __exit__(self, *_): self.thread.join()
"""


def fake_microphone(folder: Path) -> dict[str, str]:
    """Environment with a sound library whose microphone gives what the stub of a live server understands."""
    library = folder / "lib"
    library.mkdir()
    (library / "sounddevice.py").write_text(LIBRARY)
    (folder / "microphone.pcm").write_bytes(speech(2.5))
    path = os.pathsep.join([str(library), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "MICROPHONE": str(folder / "microphone.pcm")}
