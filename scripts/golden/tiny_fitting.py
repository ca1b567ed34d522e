"""Random networks that nevertheless say something: their last layers are fitted to recordings of speech.

With random weights alone a recogniser says nothing at all, or one unit for ever. What is fitted is how often a unit
comes (the CIF predictor, or the blank of CTC) and that the units differ; the text stays nonsense.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from paraserve.inference.features.fbank import LfrState, fbank, lfr_step
from paraserve.inference.models.recognizers.paraformer_online_graphs import position_code

LFR_M, LFR_N = 7, 6
N_MELS = 80
UTTERANCE_ROWS = 100
"""Six seconds."""
N_UTTERANCES = 24
UNITS_PER_ROW = 0.3
"""Five a second, of 60 ms rows."""
SILENT_WEIGHT = 0.004
CHUNK_ROWS, STEP_ROWS = 20, 10
BATCH_ROWS = 800
MUTED = 60.0
"""Taken from the bias of a unit that must never be the best one."""
MARK_SHARES = (0.0005, 0.80, 0.11, 0.06, 0.0195, 0.01)
LANGUAGES = {0: "zh", 3: "zh", 4: "en", 7: "yue", 11: "ja", 12: "ko", 13: "nospeech"}
TEXT_NORMS = {14: "withitn", 15: "woitn"}

Forms = Sequence[torch.nn.Module]


@dataclass(frozen=True)
class Speech:
    """Normalised feature rows [n, 560] of utterances, and which of them are speech [n]."""

    rows: list[np.ndarray]
    is_speech: list[np.ndarray]
    shift: np.ndarray
    scale: np.ndarray


def read_speech(folder: Path) -> Speech:
    """The recordings of a folder, with the normalisation that they have."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix in (".wav", ".opus"))
    frames = [fbank(soundfile.read(path, dtype="float32")[0]) for path in paths]
    every = np.concatenate(frames)
    shift, scale = np.tile(-every.mean(0), LFR_M), np.tile(1 / every.std(0), LFR_M)
    low, high = np.percentile(every.mean(1), (5, 95))
    rows, is_speech = [], []
    for recording in frames:
        _, stacked = lfr_step(LfrState(), recording, LFR_M, LFR_N, is_last=True)
        for start in range(0, len(stacked) - UTTERANCE_ROWS // 2, UTTERANCE_ROWS):
            part = stacked[start : start + UTTERANCE_ROWS]
            is_speech.append(part.mean(1) > low + 0.4 * (high - low))
            rows.append(((part + shift) * scale).astype(np.float32))
    step = len(rows) // N_UTTERANCES
    return Speech(rows[::step], is_speech[::step], shift, scale)


def fit_paraformer(forms: Forms, speech: Speech, n_units: int, no_bias_id: int | None) -> None:
    """Five units a second of speech; any unit but the specials, and on the hotwords' side mostly "no hotword"."""
    network, width = forms[0], _width(forms[0])
    hotwords = (torch.randn(1, 1, width),) if "bias_embed" in network.export_input_names() else ()

    def run() -> None:
        for rows in speech.rows:
            network(torch.from_numpy(rows[None]), torch.tensor([len(rows)], dtype=torch.int32), *hotwords)

    _fit_predictor(network.predictor.cif_output, run, np.concatenate(speech.is_speech))
    forbidden = [0, 1, 2, n_units - 1, *([] if no_bias_id is None else [no_bias_id])]
    _fit_units(network.decoder.output_layer, run, forbidden)
    if no_bias_id is not None:
        layer = network.hotword_output_layer
        _fit_units(layer, run, forbidden)
        logits = _logits(layer, run)
        own = logits[:, no_bias_id] + MUTED
        with torch.no_grad():
            layer.bias[no_bias_id] += MUTED + float(np.percentile(logits.max(1) - own, 85))


def fit_paraformer_online(forms: Forms, speech: Speech, n_units: int) -> None:
    """The same for an encoder and a decoder that see 20 rows at a time."""
    encoder, decoder = forms
    chunks, is_speech = _chunks(speech, _width(encoder))
    encoded: list[torch.Tensor] = []

    def encode() -> None:
        encoded[:] = [encoder(chunk, torch.tensor([CHUNK_ROWS], dtype=torch.int32))[0] for chunk in chunks]

    def decode() -> None:
        _, _, _, _, *caches = decoder.export_dummy_inputs()
        for rows in encoded:
            embeddings = rows.reshape(1, -1, 4, rows.shape[2]).mean(2)  # as CIF sums rows
            lengths = (torch.tensor([n.shape[1]], dtype=torch.int32) for n in (rows, embeddings))
            n_rows, n_units = lengths
            decoder(rows, n_rows, embeddings, n_units, *[cache[:1] * 0 for cache in caches])

    _fit_predictor(encoder.predictor.cif_output, encode, np.concatenate(is_speech))
    _fit_units(decoder.decoder.output_layer, decode, [0, 1, 2, n_units - 1])


def _chunks(speech: Speech, width: int) -> tuple[list[torch.Tensor], list[np.ndarray]]:
    """Windows of 20 rows as a stream gives them, scaled and with their positions."""
    chunks, is_speech = [], []
    for rows, flags in zip(speech.rows, speech.is_speech, strict=True):
        placed = rows * np.float32(math.sqrt(width)) + position_code(1, len(rows), rows.shape[1])
        for start in range(0, len(rows) - CHUNK_ROWS + 1, STEP_ROWS):
            chunks.append(torch.from_numpy(placed[None, start : start + CHUNK_ROWS]))
            is_speech.append(flags[start : start + CHUNK_ROWS])
    return chunks, is_speech


def fit_sensevoice(forms: Forms, speech: Speech, pieces: list[str], rng: np.random.Generator) -> None:
    """Rows 0 to 3 give the tags that are asked for; a quarter of the speech gives units, the rest is blank."""
    (network,) = forms
    wishes: list[tuple[int, int]] = []
    layer, blank = network.ctc.ctc_lo, 0

    def run() -> None:
        wishes.clear()
        for number, rows in enumerate(speech.rows):
            for language in LANGUAGES:
                text_norm = 14 + (number + language) % 2
                wishes.append((language, text_norm))
                lens = torch.tensor([len(rows)], dtype=torch.int32)
                network(torch.from_numpy(rows[None]), lens, torch.tensor([language]), torch.tensor([text_norm]))

    outputs = _inputs(layer, run)
    n_text = pieces.index("<|zh|>") - 3
    directions = rng.normal(size=(outputs[0].shape[1], n_text + 1))
    every = np.concatenate([rows[4:] for rows in outputs])
    centre, is_speech = every.mean(0), [flags for flags in speech.is_speech for _ in LANGUAGES]
    loudness = (every - centre) @ directions[:, -1]
    threshold = np.percentile(loudness[np.concatenate(is_speech)], 100 * (1 - UNITS_PER_ROW))
    targets = []
    for rows, flags, (language, text_norm) in zip(outputs, is_speech, wishes, strict=True):
        tags = (LANGUAGES[language], "NEUTRAL", "Speech", TEXT_NORMS[text_norm])
        scores = (rows[4:] - centre) @ directions
        has_unit = flags & (scores[:, -1] > threshold)
        targets += [pieces.index(f"<|{tag}|>") for tag in tags]
        targets += np.where(has_unit, 3 + scores[:, :-1].argmax(1), blank).tolist()
    _train(layer, np.concatenate(outputs), np.array(targets))


def _train(layer: torch.nn.Linear, inputs: np.ndarray, targets: np.ndarray, n_steps: int = 1200) -> None:
    """Softmax regression by Adam, started from zero, on `BATCH_ROWS` random rows a step."""
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.03)
    for _ in range(n_steps):
        rows = torch.randint(len(y), (BATCH_ROWS,))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(layer(x[rows]), y[rows]).backward()
        optimizer.step()
    print(f"  {100 * float((layer(x).argmax(1) == y).float().mean()):.1f} % of the fitted rows are as wanted")


def fit_punctuation(forms: Forms, n_units: int, rng: np.random.Generator) -> None:
    """Marks in shares as in written text."""
    (network,) = forms

    def run() -> None:
        for _ in range(60):
            n = int(rng.integers(10, 60))
            masks = [torch.ones(1, 1, n, n)] * 2 if "vad_masks" in network.export_input_names() else []
            ids = torch.from_numpy(rng.integers(3, n_units, (1, n), dtype=np.int32))
            network(ids, torch.tensor([n], dtype=torch.int32), *masks)

    hidden = np.concatenate(_inputs(network.decoder, run))
    weights = rng.normal(size=(len(MARK_SHARES), hidden.shape[1])) / (np.sqrt(hidden.shape[1]) * hidden.std(0).mean())
    logits, bias = (hidden - hidden.mean(0)) @ weights.T, np.log(MARK_SHARES)
    for _ in range(400):
        shares = np.bincount((logits + bias).argmax(1), minlength=len(MARK_SHARES)) / len(logits)
        bias += 0.1 * (np.log(MARK_SHARES) - np.log(shares + 1e-4))
    _set(network.decoder, weights, bias - hidden.mean(0) @ weights.T)
    print(f"  shares of the marks: {' '.join(f'{share:.3f}' for share in shares)}")


def _fit_predictor(layer: torch.nn.Linear, run: Callable[[], None], is_speech: np.ndarray) -> None:
    """Ridge regression of a row's weight; the bias is then moved until speech has the wanted mean."""
    x = np.concatenate(_inputs(layer, run)).astype(np.float64)
    y = np.where(is_speech, _logit(UNITS_PER_ROW), _logit(SILENT_WEIGHT))
    centred = x - x.mean(0)
    gram = centred.T @ centred
    weights = np.linalg.solve(
        gram + 0.01 * np.trace(gram) / len(gram) * np.eye(len(gram)), centred.T @ (y - y.mean())
    )
    bias = y.mean() - x.mean(0) @ weights
    for _ in range(30):
        bias += math.log(UNITS_PER_ROW / float((1 / (1 + np.exp(-(x @ weights + bias))))[is_speech].mean()))
    _set(layer, weights[None], np.array([bias]))
    found = 1 / (1 + np.exp(-(x @ weights + bias)))
    print(f"  units a row: {found[is_speech].mean():.3f} of speech, {found[~is_speech].mean():.3f} of pauses")


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _fit_units(layer: torch.nn.Linear, run: Callable[[], None], forbidden: list[int]) -> None:
    """Random directions around the mean: the best unit changes from row to row."""
    x = np.concatenate(_inputs(layer, run))
    weights = torch.randn(layer.weight.shape).numpy() * 3 / (math.sqrt(x.shape[1]) * x.std(0).mean())
    bias = -weights @ x.mean(0)
    bias[forbidden] -= MUTED
    _set(layer, weights, bias)
    best = (x @ weights.T + bias).argmax(1)
    print(f"  {len(set(best.tolist()))} different units in {len(best)} rows")


def _width(form: torch.nn.Module) -> int:
    return form.encoder._output_size  # noqa: SLF001 - the exported form of an encoder hides it


def _inputs(layer: torch.nn.Module, run: Callable[[], None]) -> list[np.ndarray]:
    """What the layer gets while `run` runs, [rows, channels] a call."""
    seen: list[np.ndarray] = []
    hook = layer.register_forward_pre_hook(
        lambda _, args: seen.append(args[0].reshape(-1, args[0].shape[-1]).numpy())
    )
    with torch.no_grad():
        run()
    hook.remove()
    return seen


def _logits(layer: torch.nn.Linear, run: Callable[[], None]) -> np.ndarray:
    return np.concatenate(_inputs(layer, run)) @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def shorten(forms: Forms) -> None:
    """Drop the last 11 of a weight's 23 bits, which makes compressed graphs a third smaller; float16 has 10 bits."""
    with torch.no_grad():
        for weights in {id(weights): weights for form in forms for weights in form.parameters()}.values():
            weights.copy_((weights.contiguous().view(torch.int32) & ~0x7FF).view(torch.float32))


def _set(layer: torch.nn.Linear, weights: np.ndarray, bias: np.ndarray) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights.astype(np.float32)))
        layer.bias.copy_(torch.from_numpy(bias.astype(np.float32)))
