"""Compare paraserve's FSMN-VAD with funasr_onnx on real recordings, option by option and step by step.

    PYTHONPATH=src python scripts/golden/compare_vad.py MODEL_DIR SPEECH_DIR [--clips 50] [--quantize]

Runs in the environment of make_vad_reference.py: there funasr_onnx and this project's `inference` modules both work.
SPEECH_DIR holds Opus files and utterances.jsonl with the fields file, offset_samples and n_samples; neighbouring
utterances make one clip of 10 to 40 s. Prints each difference and a summary; the exit status is 1 if there was one.
"""

import argparse
import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from funasr_vad import Events, Reference

from paraserve.inference.models.vad.fsmn_vad import FsmnVad, load_fsmn_vad

OPTION_SETS: list[dict[str, Any]] = [
    {},
    {"max_end_silence_time": 400},
    {"max_single_segment_time": 3000},
    {"max_end_silence_time": 500, "max_single_segment_time": 15000, "speech_noise_thres": 0.9},
    {"detect_mode": 0},
]
STEPS_MS = (60, 100, 200, 600, 1000)
FRAME_SAMPLES, WINDOW_SAMPLES = 160, 400


def read_clips(directory: Path, count: int, seed: int = 7) -> list[tuple[str, np.ndarray]]:
    """`count` seeded clips, named by file and offset; every third with faint noise and a pause inside."""
    rng = random.Random(seed)
    noise = np.random.default_rng(seed)
    lines = (directory / "utterances.jsonl").read_text(encoding="utf-8").splitlines()
    utterances = [json.loads(line) for line in lines]
    clips = []
    for number in range(count):
        first = rng.choice(utterances)
        length = rng.randrange(10, 40) * 16_000 + rng.randrange(16_000)
        path = directory / first["file"]
        samples, _ = soundfile.read(path, frames=length, start=first["offset_samples"], dtype="float32")
        if number % 3 == 0:
            middle = len(samples) // 2
            pause = np.zeros(rng.randrange(40_000), dtype=np.float32)
            samples = np.concatenate((samples[:middle], pause, samples[middle:]))
            samples = (samples + noise.normal(0, 0.003, len(samples))).astype(np.float32)
        clips.append((f"{first['file']}+{first['offset_samples']}", samples))
    return clips


def our_events(vad: FsmnVad, samples: np.ndarray, step_samples: int, options: Any) -> Events:
    """[index of the step, kind, ms] of a stream fed in equal steps."""
    state, events = vad.new_state(options=options), []
    for index, at in enumerate(range(0, len(samples), step_samples)):
        is_last = at + step_samples >= len(samples)
        state, step = vad.step(state, samples[at : at + step_samples], is_last=is_last)
        events += [[index, event.kind, event.at_ms] for event in step.events]
    return events


def loses_last_frame(n_samples: int, step_samples: int) -> bool:
    """Whether the reference loses the last frame: no frame is completed by its last call."""
    before = (n_samples - 1) // step_samples * step_samples
    return (n_samples - WINDOW_SAMPLES) // FRAME_SAMPLES == (before - WINDOW_SAMPLES) // FRAME_SAMPLES


def main() -> int:
    """Compare and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("speech_dir", type=Path)
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--quantize", action="store_true")
    args = parser.parse_args()
    vad = load_fsmn_vad(args.model_dir, quantize=args.quantize)
    reference = Reference(str(args.model_dir), quantize=args.quantize)
    clips = read_clips(args.speech_dir, args.clips)
    runs = differences = explained = n_events = 0
    for number, (name, samples) in enumerate(clips):
        # Every clip with the defaults, and with one other option set in turn.
        for options in (OPTION_SETS[0], OPTION_SETS[1 + number % (len(OPTION_SETS) - 1)]):
            ours_options = replace(vad.options, **options)
            pairs: list[tuple[Any, Any, int]] = [
                (
                    [[s.start_ms, s.end_ms] for s in vad.segment(samples, ours_options)],
                    reference.segments(samples, options),
                    0,
                )
            ]
            for step_ms in STEPS_MS:
                ours = our_events(vad, samples, step_ms * 16, ours_options)
                pairs.append((ours, reference.events(samples, step_ms * 16, options), step_ms))
            for ours, theirs, step_ms in pairs:
                runs += 1
                n_events += len(ours)
                if ours != theirs:
                    is_explained = step_ms > 0 and loses_last_frame(len(samples), step_ms * 16)
                    explained += is_explained
                    differences += not is_explained
                    note = " (the reference loses the last frame)" if is_explained else ""
                    print(f"{name} {options} step {step_ms or 'offline'}{note}:\n  ours   {ours}\n  theirs {theirs}")
    seconds = sum(len(samples) for _, samples in clips) / 16_000
    print(
        f"{len(clips)} clips, {seconds:.0f} s; {runs} runs, {n_events} segments and events; "
        f"{differences} runs differ, and {explained} more where the reference loses the last frame"
    )
    return int(differences > 0)


if __name__ == "__main__":
    sys.exit(main())
