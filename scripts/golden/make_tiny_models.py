"""Make tests/data/tiny_models: each of FunASR's model families with few small layers and random weights.

    PYTHONPATH=src python scripts/golden/make_tiny_models.py tests/data tests/data/tiny_models [KIND ...]

Needs an environment of its own: torch==2.13.0, onnx, onnxscript, onnxruntime==1.31.1, kaldi-native-fbank,
sentencepiece, soundfile, and what `import funasr` asks for (librosa, omegaconf, hydra-core, kaldiio, jamo, jaconv,
rapidfuzz, jieba, regex), then `pip install --no-deps funasr==1.4.16 torch_complex`.

The graphs come from FunASR's own classes, export and quantization, so that they have the nodes, inputs and outputs of
the published models; see tiny_networks.py and tiny_fitting.py.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import yaml
from tiny_fitting import (
    Forms,
    Speech,
    fit_paraformer,
    fit_paraformer_online,
    fit_punctuation,
    fit_sensevoice,
    read_speech,
    shorten,
)
from tiny_networks import KINDS, build, configuration, export_forms, write_graphs
from tiny_units import (
    paraformer_units,
    punctuation_units,
    sensevoice_pieces,
    write_pieces,
    write_spellings,
    write_tokens,
)

SEED = 20_261_129
NO_BIAS = "<unk>"
"""SeACo says by this unit that a row is no hotword."""


def main() -> None:
    """Make the kinds that are named, or all."""
    data, out, *kinds = sys.argv[1:]
    speech = read_speech(Path(data))
    for kind in kinds or KINDS:
        folder = Path(out) / kind
        folder.mkdir(parents=True, exist_ok=True)
        make(kind, folder, speech)
        for path in sorted(folder.iterdir()):
            print(f"  {path.name}: {path.stat().st_size} bytes")


def make(kind: str, folder: Path, speech: Speech) -> None:
    """One model directory."""
    print(kind)
    torch.manual_seed(SEED)
    config, units = configuration(kind), units_of(kind)
    no_bias_id = units.index(NO_BIAS)
    forms = export_forms(build(config, len(units)), config, no_bias_id)
    fit(kind, forms, speech, units)
    shorten(forms)
    write_graphs(forms, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), "utf-8")
    write_sides(kind, folder, speech, units)


def units_of(kind: str) -> list[str]:
    """The vocabulary of a kind."""
    if kind == "sensevoice":
        return sensevoice_pieces()
    if kind.startswith("ct-punc"):
        return punctuation_units()
    return paraformer_units(is_large=kind in ("paraformer", "paraformer-timestamp"))


def fit(kind: str, forms: Forms, speech: Speech, units: list[str]) -> None:
    """The last layers."""
    rng = np.random.default_rng(SEED)
    if kind == "sensevoice":
        fit_sensevoice(forms, speech, units, rng)
    elif kind == "paraformer-online":
        fit_paraformer_online(forms, speech, len(units))
    elif kind.startswith("ct-punc"):
        fit_punctuation(forms, len(units), rng)
    else:
        no_bias_id = units.index(NO_BIAS) if kind == "paraformer-contextual" else None
        fit_paraformer(forms, speech, len(units), no_bias_id)


def write_sides(kind: str, folder: Path, speech: Speech, units: list[str]) -> None:
    """Vocabulary, normalisation, spellings of hotwords."""
    write_tokens(folder, units)
    if kind == "sensevoice":
        write_pieces(folder, units)
    if not kind.startswith("ct-punc"):
        (folder / "am.mvn").write_text(mvn_text(speech), "utf-8")
    if kind.startswith("paraformer-contextual"):
        write_spellings(folder, units)


def mvn_text(speech: Speech) -> str:
    """am.mvn in Kaldi's form."""
    n = len(speech.shift)
    lines = [
        f"<{tag}> {n} {n}\n<LearnRateCoef> 0 [ {' '.join(f'{value:.6g}' for value in values)} ]\n"
        for tag, values in (("AddShift", speech.shift), ("Rescale", speech.scale))
    ]
    return f"<Nnet>\n<Splice> {n} {n}\n[ 0 ]\n{''.join(lines)}</Nnet>\n"


if __name__ == "__main__":
    main()
