"""Make the committed test material for the VAD: a tiny seeded FSMN-VAD (fp32 and int8) and a synthetic recording.

    .venv/bin/python scripts/golden/make_tiny_vad.py tests/golden/data/vad_tiny

Needs the project's own environment (onnx, onnxruntime, soundfile). The network has the real one's graph, with
fewer channels; channel 0 carries loudness upwards and channel 1 its opposite, the rest is small seeded noise, so its
probabilities follow the recording. Results are those of make_vad_reference.py, which is run afterwards.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import soundfile
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

SEED = 20240607
SAMPLE_RATE = 16_000
DIM, HIDDEN, PROJECTION, CLASSES = 400, 12, 6, 5
LAYERS, LEFT_ORDER = 4, 20

CONFIG = """frontend: WavFrontendOnline
frontend_conf: {window: hamming, n_mels: 80, frame_length: 25, frame_shift: 10, dither: 0.0, lfr_m: 5, lfr_n: 1}
model: FsmnVADStreaming
model_conf:
    sample_rate: 16000
    detect_mode: 1
    snr_mode: 0
    max_end_silence_time: 800
    max_start_silence_time: 3000
    do_start_point_detection: True
    do_end_point_detection: True
    window_size_ms: 200
    sil_to_speech_time_thres: 150
    speech_to_sil_time_thres: 150
    speech_2_noise_ratio: 1.0
    do_extend: 1
    lookback_time_start_point: 200
    lookahead_time_end_point: 100
    max_single_segment_time: 60000
    snr_thres: -100.0
    noise_frame_num_used_for_snr: 100
    decibel_thres: -100.0
    speech_noise_thres: 0.6
    fe_prior_thres: 0.0001
    silence_pdf_num: 1
    sil_pdf_ids: [0]
    speech_noise_thresh_low: -0.1
    speech_noise_thresh_high: 0.3
    output_frame_probs: False
    frame_in_ms: 10
    frame_length_ms: 25
encoder: FSMN
encoder_conf: {input_dim: 400, fsmn_layers: 4, proj_dim: 6, lorder: 20, rorder: 0, output_dim: 5}
"""


def carry(rng: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
    """A matrix that hands channels 0 and 1 on and stirs in a little of everything."""
    weights = rng.normal(0, 0.06, (n_in, n_out))
    weights[:2, :] *= 0.3
    weights[:, :2] *= 0.3
    weights[0, 0] = weights[1, 1] = 1.0
    return weights


class Graph:
    """Collects nodes and constants under the names that they are given."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        """Add a constant."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Add a node with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", **attributes))
        return output

    def linear(self, x: str, name: str, weights: np.ndarray, bias: np.ndarray | None = None) -> str:
        """A matrix product, with a bias where there is one."""
        y = self.add("MatMul", [x, self.constant(f"{name}.weight", weights.astype(np.float32))], f"{name}.product")
        if bias is None:
            return y
        return self.add("Add", [y, self.constant(f"{name}.bias", bias.astype(np.float32))], f"{name}.sum")


def memory_block(graph: Graph, rng: np.random.Generator, x: str, layer: int) -> str:
    """Projection, a filter over the last 20 frames (the cache holds 19 of them), the way back up."""
    x = graph.linear(x, f"fsmn.{layer}.linear", carry(rng, HIDDEN, PROJECTION))
    rows = graph.add("Unsqueeze", [x, "axis3"], f"fsmn.{layer}.rows")
    columns = graph.add("Transpose", [rows], f"fsmn.{layer}.columns", perm=[0, 2, 1, 3])
    joined = graph.add("Concat", [f"in_cache{layer}", columns], f"fsmn.{layer}.joined", axis=2)
    graph.add("Slice", [joined, "minus19", "end", "axis2"], f"out_cache{layer}")
    taps = rng.normal(0, 0.05, (PROJECTION, 1, LEFT_ORDER, 1)).astype(np.float32)
    taps[:2, 0, -6:] += 0.1
    kernel = graph.constant(f"fsmn.{layer}.taps", taps)
    filtered = graph.add("Conv", [joined, kernel], f"fsmn.{layer}.filtered", group=PROJECTION)
    summed = graph.add("Add", [columns, filtered], f"fsmn.{layer}.summed")
    back = graph.add("Transpose", [summed], f"fsmn.{layer}.back", perm=[0, 2, 1, 3])
    y = graph.add("Squeeze", [back, "axis3"], f"fsmn.{layer}.memory")
    y = graph.linear(y, f"fsmn.{layer}.affine", carry(rng, PROJECTION, HIDDEN) * 0.8, rng.normal(0, 0.05, HIDDEN))
    return graph.add("Relu", [y], f"fsmn.{layer}.out")


def make_model(rng: np.random.Generator) -> onnx.ModelProto:
    """The network, opset 14 as FunASR exports it."""
    graph = Graph()
    for name, value in (("axis2", 2), ("axis3", 3), ("minus19", 1 - LEFT_ORDER), ("end", 2**31)):
        graph.constant(name, np.array([value], dtype=np.int64))
    first = rng.normal(0, 0.01, (DIM, HIDDEN))
    first[:, 0], first[:, 1] = 1.0 / DIM, -1.0 / DIM
    x = graph.linear("speech", "in_linear1", first, np.zeros(HIDDEN))
    x = graph.add("Relu", [graph.linear(x, "in_linear2", carry(rng, HIDDEN, HIDDEN), np.zeros(HIDDEN))], "in")
    for layer in range(LAYERS):
        x = memory_block(graph, rng, x, layer)
    last = rng.normal(0, 0.3, (HIDDEN, CLASSES))
    last[0], last[1] = 1.2, -1.2
    last[0, 0], last[1, 0] = -2.0, 2.0
    x = graph.linear(x, "out_linear2", last, np.array([1.4, 0.0, 0.0, 0.0, 0.0]))
    graph.add("Softmax", [x], "logits", axis=2)
    cache = [1, PROJECTION, LEFT_ORDER - 1, 1]
    floats = [("speech", [1, "feats_length", DIM]), *((f"in_cache{i}", cache) for i in range(LAYERS))]
    results = [("logits", [1, "T", CLASSES]), *((f"out_cache{i}", cache) for i in range(LAYERS))]
    body = helper.make_graph(
        graph.nodes,
        "fsmn-vad",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in floats],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in results],
        graph.constants,
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def make_cmvn(rng: np.random.Generator) -> str:
    """An am.mvn around the level of the recording."""
    shift = -11.2 + rng.normal(0, 0.3, DIM)
    scale = 0.4 + rng.normal(0, 0.01, DIM)
    sections = [
        f"<{tag}> {DIM} {DIM}\n<LearnRateCoef> 0 [ {' '.join(f'{v:.6g}' for v in values)} ]"
        for tag, values in (("AddShift", shift), ("Rescale", scale))
    ]
    return f"<Nnet>\n<Splice> {DIM} {DIM}\n[ 0 ]\n" + "\n".join(sections) + "\n</Nnet>\n"


def make_recording(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Voiced bursts of 0.08 to 2.5 s with pauses of 0.03 to 2 s, over faint noise; int16."""
    n = int(seconds * SAMPLE_RATE)
    samples = rng.normal(0, 0.0002, n)
    at = 4000
    while at < n:
        length = int(rng.choice([0.08, 0.2, 0.35, 0.6, 1.1, 2.5]) * rng.uniform(0.8, 1.2) * SAMPLE_RATE)
        t = np.arange(min(length, n - at)) / SAMPLE_RATE
        pitch = rng.uniform(90, 260) * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(1, 4) * t))
        phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
        voice = sum(np.sin(k * phase + rng.uniform(0, 6)) / k**1.2 for k in range(1, 25))
        loudness = rng.choice([0.004, 0.02, 0.08, 0.2])
        samples[at : at + len(t)] += (
            loudness * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)) * np.hanning(len(t)) ** 0.5
        )
        at += length + int(rng.choice([0.03, 0.12, 0.3, 0.5, 0.8, 1.2, 2.0]) * SAMPLE_RATE)
    return (np.clip(samples, -1, 1) * 32767).round().astype(np.int16)


def main() -> None:
    """Write the model directory and the recording."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    onnx.save(make_model(rng), out / "model.onnx")
    quantize_dynamic(
        out / "model.onnx",
        out / "model_quant.onnx",
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QUInt8,
    )
    (out / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (out / "am.mvn").write_text(make_cmvn(rng), encoding="utf-8")
    soundfile.write(out / "recording.flac", make_recording(rng, 24.0), SAMPLE_RATE)
    for path in sorted(out.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
