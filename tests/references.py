"""Committed references of FunASR's own package: which graph they are of, and which samples went in."""

import hashlib
import zlib
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
import soundfile

from paraserve.types import Features, Samples, SegmentAudio


def reference_graph(shared_dir: Path, reference: dict) -> Path:
    """The graph file, which must be that of the reference."""
    graph = shared_dir / "tiny_models" / reference["model"] / reference["graph"]
    assert hashlib.sha256(graph.read_bytes()).hexdigest() == reference["sha256"], "not the file of the reference"
    return graph


def read_clip(shared_dir: Path, clip: dict) -> Samples:
    """The clip's samples, which must be those of the reference."""
    with soundfile.SoundFile(shared_dir / clip["file"]) as sound:
        sound.seek(clip["start"])
        samples = sound.read(clip["n"], dtype="float32")
    crc = zlib.crc32(np.round(samples * 32768).astype("<i4").tobytes())
    assert crc == clip["crc"], "the decoder gives other samples than it gave for the reference"
    return samples


def reference_audio(samples: Samples, *, is_int8: bool) -> SegmentAudio:
    """What a graph gets: int8 ones with random weights notice the last bit of a feature, so they get Kaldi's own."""
    return SegmentAudio(samples, kaldi_fbank(samples) if is_int8 else None)


def kaldi_fbank(samples: Samples) -> Features:
    """Log-mel energies (n_frames, 80) as FunASR's package computes them."""
    options = knf.FbankOptions()
    options.frame_opts.window_type = "hamming"
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    options.energy_floor = 0.0
    extractor = knf.OnlineFbank(options)
    extractor.accept_waveform(16_000, (samples * np.float32(32768)).tolist())
    frames = [extractor.get_frame(t) for t in range(extractor.num_frames_ready)]
    return np.array(frames, np.float32).reshape(-1, 80)
