"""The embedded streaming recognizer keeps FunASR's contract of two graphs, whatever runs them."""

import numpy as np
import onnxruntime
import pytest
import yaml

SIZE, BLOCKS, MEMORY, TOKENS = 256, 3, 10, 1914


@pytest.fixture(scope="module")
def part(demo_dir):
    return demo_dir / "asr-online"


@pytest.fixture(scope="module")
def encoder(part):
    return onnxruntime.InferenceSession(part / "model_quant.onnx", providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def decoder(part):
    return onnxruntime.InferenceSession(part / "decoder_quant.onnx", providers=["CPUExecutionProvider"])


def shapes(items):
    """Name -> (type, shape), each dynamic dimension as None."""
    return {item.name: (item.type, [d if isinstance(d, int) else None for d in item.shape]) for item in items}


def encode(encoder, speech):
    lengths = np.full(len(speech), speech.shape[1], np.int32)
    return encoder.run(None, {"speech": speech, "speech_lengths": lengths})


def decode(decoder, enc, embeds, caches):
    feed = {
        "enc": enc,
        "enc_len": np.full(len(enc), enc.shape[1], np.int32),
        "acoustic_embeds": embeds,
        "acoustic_embeds_len": np.full(len(embeds), embeds.shape[1], np.int32),
    }
    return decoder.run(None, feed | {f"in_cache_{i}": cache for i, cache in enumerate(caches)})


def rows(batch, count, seed=0):
    """Rows as loud as features times sqrt(SIZE) are."""
    return (np.random.default_rng(seed).normal(0, 12, (batch, count, 560))).astype(np.float32)


def test_inputs_and_outputs_are_those_of_the_published_models(encoder, decoder):
    """Names, types and dynamic axes."""
    floats, ints = "tensor(float)", "tensor(int32)"
    assert shapes(encoder.get_inputs()) == {
        "speech": (floats, [None, None, 560]),
        "speech_lengths": (ints, [None]),
    }
    assert shapes(encoder.get_outputs()) == {
        "enc": (floats, [None, None, SIZE]),
        "enc_len": (ints, [None]),
        "alphas": (floats, [None, None]),
    }
    caches = {f"cache_{i}": (floats, [None, SIZE, MEMORY]) for i in range(BLOCKS)}
    assert shapes(decoder.get_inputs()) == {
        "enc": (floats, [None, None, SIZE]),
        "enc_len": (ints, [None]),
        "acoustic_embeds": (floats, [None, None, SIZE]),
        "acoustic_embeds_len": (ints, [None]),
    } | {f"in_{name}": value for name, value in caches.items()}
    assert shapes(decoder.get_outputs()) == {
        "logits": (floats, [None, None, TOKENS]),
        "sample_ids": ("tensor(int64)", [None, None]),
    } | {f"out_{name}": value for name, value in caches.items()}


def test_configuration_fits_the_graphs_and_the_offline_twin(part, demo_dir):
    """The sizes that a runtime reads, and the same tokens and feature statistics as the offline recognizer."""
    config = yaml.safe_load((part / "config.yaml").read_text("utf-8"))
    offline = yaml.safe_load((demo_dir / "asr" / "config.yaml").read_text("utf-8"))
    assert config["encoder_conf"]["output_size"] == SIZE
    assert config["decoder_conf"]["num_blocks"] == BLOCKS
    assert config["decoder_conf"]["kernel_size"] - 1 == MEMORY
    assert (config["predictor_conf"]["threshold"], config["predictor_conf"]["tail_threshold"]) == (1.0, 0.45)
    assert config["frontend_conf"] == offline["frontend_conf"]
    for name in ("tokens.json", "am.mvn"):
        assert (part / name).read_bytes() == (demo_dir / "asr" / name).read_bytes()


def test_zero_rows_are_no_sound(encoder):
    """Zero rows in front of a stream and behind it fire nothing; those behind it change no other row."""
    speech = rows(1, 10)
    enc, _, alphas = encode(encoder, speech)
    padded_enc, _, padded_alphas = encode(encoder, np.pad(speech, ((0, 0), (0, 5), (0, 0))))
    np.testing.assert_allclose(padded_enc[:, :10], enc, atol=1e-4)
    np.testing.assert_array_equal(padded_alphas[:, :10], alphas)
    _, _, late_alphas = encode(encoder, np.pad(speech, ((0, 0), (10, 5), (0, 0))))
    assert not padded_alphas[:, 10:].any()
    assert not late_alphas[:, :10].any()
    assert not late_alphas[:, 20:].any()


def test_a_row_holds_a_whole_token_or_none(encoder):
    """Weights are 0 or 1, so that no remainder moves later tokens; a batch gives what single windows give."""
    speech = np.concatenate([rows(1, 20, seed) for seed in range(40)])
    enc, enc_len, alphas = encode(encoder, speech)
    assert set(np.unique(alphas)) == {0.0, 1.0}
    assert enc_len.tolist() == [20] * 40
    single_enc, _, single_alphas = encode(encoder, speech[7:8])
    np.testing.assert_allclose(enc[7:8], single_enc, atol=1e-4)
    np.testing.assert_array_equal(alphas[7:8], single_alphas)


def test_caches_join_the_tokens_of_an_utterance(decoder):
    """Tokens given one by one with the caches carried on give the caches of one call and the last token's logits.

    (Those of the others may differ: the tokens of a call see each other.) The caches matter.
    """
    rng = np.random.default_rng(1)
    enc = rng.normal(0, 1, (2, 20, SIZE)).astype(np.float32)
    embeds = rng.normal(0, 1, (2, MEMORY, SIZE)).astype(np.float32)
    empty = [np.zeros((2, SIZE, MEMORY), np.float32)] * BLOCKS
    logits, ids, *last = decode(decoder, enc, embeds, empty)
    np.testing.assert_array_equal(ids, logits.argmax(-1))
    caches = empty
    for index in range(MEMORY):
        one, _, *caches = decode(decoder, enc, embeds[:, index : index + 1], caches)
    np.testing.assert_allclose(one[:, 0], logits[:, -1], atol=1e-3)
    for ours, theirs in zip(caches, last, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    alone, *_ = decode(decoder, enc, embeds[:, -1:], empty)
    assert np.abs(alone - logits[:, -1:]).max() > 0.1
