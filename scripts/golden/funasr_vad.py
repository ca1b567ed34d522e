"""funasr_onnx's FSMN-VAD behind two functions, for the scripts beside this one that make or compare references."""

import contextlib
import io
from typing import Any

import numpy as np
from funasr_onnx.utils.e2e_vad import E2EVadModel
from funasr_onnx.vad_bin import Fsmn_vad, Fsmn_vad_online

Events = list[list[Any]]


class Reference:
    """One model directory, with options replaced where a call says so."""

    def __init__(self, model_dir: str, *, quantize: bool = False) -> None:
        self.offline_model = Fsmn_vad(model_dir, quantize=quantize, intra_op_num_threads=1)
        self.online_model = Fsmn_vad_online(model_dir, quantize=quantize, intra_op_num_threads=1)
        self.model_conf = dict(self.offline_model.vad_scorer_config)

    def segments(self, samples: np.ndarray, options: dict[str, Any]) -> list[list[int]]:
        """[start, end] in ms, of the whole recording."""
        conf = {**self.model_conf, **options}
        self.offline_model.vad_scorer_config = conf
        self.offline_model.max_end_sil = conf["max_end_silence_time"]
        with contextlib.redirect_stdout(io.StringIO()):
            (segments,) = self.offline_model(samples, param_dict={"in_cache": []})
        return [[int(start), int(end)] for start, end in segments]

    def events(self, samples: np.ndarray, step_samples: int, options: dict[str, Any]) -> Events:
        """[index of the step, "start" or "end", ms] of a stream fed in equal steps."""
        conf = {**self.model_conf, **options}
        self.online_model.max_end_sil = conf["max_end_silence_time"]
        state: dict[str, Any] = {"in_cache": [], "vad_scorer": E2EVadModel(conf), "is_final": False}
        events: Events = []
        for index, at in enumerate(range(0, len(samples), step_samples)):
            state["is_final"] = at + step_samples >= len(samples)
            with contextlib.redirect_stdout(io.StringIO()):
                found = self.online_model(samples[at : at + step_samples], param_dict=state)
            for start, end in found[0] if found else []:
                events += [[index, kind, int(ms)] for kind, ms in (("start", start), ("end", end)) if ms >= 0]
        return events
