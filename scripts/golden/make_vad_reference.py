"""Run funasr_onnx on the tiny VAD of make_tiny_vad.py; write what it says beside the model.

    python scripts/golden/make_vad_reference.py tests/golden/data/vad_tiny

Needs an environment of its own: numpy==1.26.4, onnxruntime, librosa, kaldi-native-fbank, jieba, scipy, pyyaml,
soundfile, then `pip install --no-deps funasr_onnx==0.4.3`. Writes reference.json (segments and events for every
option set and step size, fp32 and int8) and features.npz (rows of fbank, LFR 7/6 and the VAD's features).
"""

import json
import sys
from pathlib import Path

import numpy as np
import soundfile
from funasr_onnx.utils.frontend import WavFrontend
from funasr_vad import Reference

STEPS_MS = (60, 100, 200, 600, 1000)
OPTION_SETS = {
    "defaults": {},
    "short_end_silence": {"max_end_silence_time": 300},
    "long_end_silence": {"max_end_silence_time": 1500},
    "cut_at_1_s": {"max_single_segment_time": 1000},
    "cut_before_the_window_decides": {"max_single_segment_time": 100},
    "strict": {"speech_noise_thres": 0.95},
    "lenient": {"speech_noise_thres": -0.5},
    "ratio_2": {"speech_2_noise_ratio": 2.0},
    "two_silence_classes": {"silence_pdf_num": 2, "sil_pdf_ids": [0, 3], "speech_noise_thres": 0.2},
    "no_margins": {"lookback_time_start_point": 0, "lookahead_time_end_point": 0},
    "wide_margins": {"lookback_time_start_point": 600, "lookahead_time_end_point": 400},
    "no_extension": {"do_extend": 0},
    "long_window": {"window_size_ms": 400, "sil_to_speech_time_thres": 250, "speech_to_sil_time_thres": 100},
    "flipping_window": {"sil_to_speech_time_thres": 50, "speech_to_sil_time_thres": 180},
    "first_utterance": {"detect_mode": 0},
    "first_utterance_too_late": {"detect_mode": 0, "max_start_silence_time": 200},
}
FEATURE_ROWS = {
    "fbank": (0, 12, 1000, 1004, -4, None),
    "lfr": (0, 3, 200, 202, -3, None),
    "vad": (0, 4, 900, 902, -3, None),
}


def rows(features: np.ndarray, name: str) -> np.ndarray:
    """The first, some middle and the last rows."""
    a, b, c, d, e, f = FEATURE_ROWS[name]
    return np.concatenate((features[a:b], features[c:d], features[e:f])).astype(np.float32)


def main() -> None:
    """Write both files."""
    directory = Path(sys.argv[1])
    samples, _ = soundfile.read(directory / "recording.flac", dtype="float32")
    conf = {"fs": 16000, "window": "hamming", "n_mels": 80, "frame_length": 25, "frame_shift": 10, "dither": 0.0}
    fbank, n_frames = WavFrontend(**conf, lfr_m=1, lfr_n=1).fbank(samples)
    lfr, n_lfr = WavFrontend(**conf, lfr_m=7, lfr_n=6).lfr_cmvn(fbank)
    vad_frontend = WavFrontend(**conf, lfr_m=5, lfr_n=1, cmvn_file=str(directory / "am.mvn"))
    vad, n_vad = vad_frontend.lfr_cmvn(fbank)
    np.savez_compressed(
        directory / "features.npz",
        fbank=rows(fbank, "fbank"),
        lfr=rows(lfr, "lfr"),
        vad=rows(vad, "vad"),
        counts=np.array([n_frames, n_lfr, n_vad]),
    )
    reference = {"reference": "funasr_onnx 0.4.3", "graphs": {}}
    for name, quantize in (("fp32", False), ("int8", True)):
        model = Reference(str(directory), quantize=quantize)
        reference["graphs"][name] = {
            label: {
                "options": options,
                "segments": model.segments(samples, options),
                "events": {step_ms: model.events(samples, step_ms * 16, options) for step_ms in STEPS_MS},
            }
            for label, options in OPTION_SETS.items()
        }
    text = json.dumps(reference, separators=(",", ":")).replace('"options"', '\n"options"')
    (directory / "reference.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
