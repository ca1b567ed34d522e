"""Hotwords of contextual Paraformers against FunASR's own package, the same model files on both sides.

The reference is committed (scripts/golden/make_hotword_reference.py); the models are in ../shared. On purpose a
hotword that the vocabulary cannot spell is left out, as FunASR's C++ runtime does; its Python package takes `<unk>`
for what it does not know (those cases are in tests/unit/inference/test_hotwords.py).
"""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.graphs.session import open_session
from paraserve.inference.models.model_files import read_units as read_tokens
from paraserve.inference.models.recognizers.paraformer import load_paraformer
from paraserve.inference.models.recognizers.paraformer_hotwords import Hotwords, read_segments
from paraserve.inference.text.units import Vocabulary
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio
from support.references import reference_graph

REFERENCES = json.loads((Path(__file__).parent / "data" / "hotwords.json").read_text("utf-8"))
GRAPH_ALONE = HotwordRule(bonus=0)
"""Hotwords reach the graph alone, as in FunASR's package."""
NAMES = [f"{r['model']} {r['graph']}" for r in REFERENCES]


@pytest.mark.parametrize("reference", REFERENCES, ids=NAMES)
def test_vectors_equal_funasr(reference, shared_dir):
    """One vector a hotword and one for none of them, to the sixth digit."""
    directory = shared_dir / "tiny_models" / reference["model"]
    encoder = open_session(directory / reference["graph"].replace("model", "model_eb"))
    hotwords = Hotwords(encoder, Vocabulary(read_tokens(directory)), read_segments(directory / "seg_dict"))
    for words, vectors in reference["vectors"].items():
        found = hotwords.vectors(tuple(map(Hotword, words.split())))
        assert found.shape[:2] == (1, len(vectors))
        np.testing.assert_allclose(found[0, :, :8], vectors, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("reference", REFERENCES, ids=NAMES)
def test_ids_equal_funasr(reference, shared_dir):
    """Token ids of every clip with every list of hotwords."""
    graph = reference_graph(shared_dir, reference)
    model = load_paraformer(graph.parent, quantize="quant" in graph.stem)
    samples, _ = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="float32")
    for clip in reference["clips"]:
        audio = SegmentAudio(samples[clip["start"] : clip["start"] + clip["n"]])
        words = tuple(map(Hotword, clip["hotwords"]))
        (hypothesis,) = model.recognize([audio], RecognitionOptions(hotwords=words, hotword_rule=GRAPH_ALONE))
        assert list(hypothesis.token_ids) == clip["ids"]
        assert clip["ids"]


@pytest.mark.parametrize("kind", ["paraformer-contextual-tiny", "paraformer-contextual-v1-tiny"])
def test_hotwords_reach_the_graph(kind, shared_dir):
    """They change what the model thinks of a segment; more of them than a batch can share change nothing else."""
    model = load_paraformer(shared_dir / "tiny_models" / kind, quantize=False)
    samples, _ = soundfile.read(shared_dir / "golden" / "vad_example.wav", stop=64_000, dtype="float32")
    batch = [SegmentAudio(samples), SegmentAudio(samples[16_000:])]
    plain = model.recognize(batch, RecognitionOptions())
    biased = model.recognize(batch, RecognitionOptions(hotwords=(Hotword("阿里巴巴"), Hotword("北京"))))
    assert [h.score for h in plain] != [h.score for h in biased]
    many = RecognitionOptions(hotwords=tuple(Hotword(chr(0x4E00 + n)) for n in range(60)))
    alone = [model.recognize([audio], many)[0] for audio in batch]
    assert [h.token_ids for h in model.recognize(batch, many)] == [h.token_ids for h in alone]
