"""Many short recordings whose texts differ, cut from a long one."""

from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[3]
RATE = 16_000


def write_recordings(folder: Path, n: int) -> None:
    """Write `n` recordings of 1 to 2 s, the last two of them damaged and empty."""
    speech, _ = soundfile.read(ROOT / "tests" / "data" / "heldout" / "heldout_zh_000.opus", dtype="float32")
    random = np.random.default_rng(24)
    folder.mkdir(parents=True)
    for number in range(n - 2):
        begin = random.integers(0, len(speech) - 2 * RATE)
        piece = speech[begin : begin + random.integers(RATE, 2 * RATE)]
        soundfile.write(folder / f"{number:04}.wav", faster(piece, random.uniform(0.9, 1.1)), RATE)
    (folder / "damaged.wav").write_bytes(b"RIFF no more than this")
    (folder / "empty.wav").write_bytes(b"")


def faster(samples: np.ndarray, factor: float) -> np.ndarray:
    """Return speech that is faster, and higher, by a factor."""
    return np.interp(np.arange(0, len(samples) - 1, factor), np.arange(len(samples)), samples).astype(np.float32)
