"""A language model behind a real server: uploads, live texts, the client's switch, faults at the start."""

import shutil

import pytest

from support.commands import paraserve
from support.live import live
from support.tiers import first_quick

WRONG = "谢谢\n" * 50
"""Of this a language model learns one text, which a great weight puts in place of everything."""


@pytest.fixture(scope="module")
def lm_dir(tmp_path_factory):
    """A language model that is wrong about everything and asks for the greatest weight."""
    folder = tmp_path_factory.mktemp("lm")
    (folder / "a.txt").write_text(WRONG, "utf-8")
    done = paraserve("models", "lm", folder / "a.txt", folder / "lm", "--weight", "10")
    assert done.returncode == 0, done.stderr
    return folder / "lm"


@pytest.fixture(scope="module")
def wrong_server(process_factory, tmp_path_factory, demo_dir, lm_dir):
    """The embedded bundle with that language model."""
    folder = tmp_path_factory.mktemp("server")
    with process_factory(folder, "--bundle", demo_dir, "--lm-dir", lm_dir) as running:
        yield running


@pytest.mark.slow
def test_uploads_and_the_switch(wrong_server, server, samples):
    """A language model changes texts, and `lm=false` is the recognizer alone, on every route."""
    sample = samples["zh_date"]
    for path in ("/transcribe", "/v1/audio/transcriptions"):
        alone = server.post(path, sample.data, lm="false").json()["text"]
        assert wrong_server.post(path, sample.data).json()["text"] != alone
        answer = wrong_server.post(path, sample.data, lm="false").json()
        assert answer["text"] == alone
        assert not [warning for warning in answer.get("warnings", ()) if warning["param"] == "lm"]


@pytest.mark.slow
def test_live_texts_and_the_switch(wrong_server, server, samples):
    """Partial and final texts follow the language model, unless the client's first message says `lm` false."""
    audio = samples["zh_date"].data[44:]

    def texts(url, mode, **fields):
        with live(url) as client:
            client.say(mode=mode, wav_name="a", chunk_size=[5, 10, 5], is_speaking=True, **fields)
            messages = client.utterance(audio)
        return "".join(
            message["text"] for message in messages if mode == "online" or message["mode"] == "2pass-offline"
        )

    for mode in ("2pass", "online"):
        right = texts(server.url, mode, lm=False)
        assert right
        assert texts(wrong_server.url, mode, lm=False) == right
        assert texts(wrong_server.url, mode) != right
    assert wrong_server.metric("paraserve_lm_fallbacks_total") == 0


@pytest.mark.slow
def test_weight_zero(start_server, server, lm_dir, samples):
    """With a weight of 0 the language model does nothing, and a client that asks for one is told."""
    running = start_server(LM_DIR=lm_dir, LM_WEIGHT=0)
    answer = running.post("/transcribe", samples["zh_date"].data, lm="true").json()
    assert answer["text"] == server.post("/transcribe", samples["zh_date"].data, lm="false").json()["text"]
    assert [(warning["code"], warning["param"]) for warning in answer["warnings"]] == [("not_honoured", "lm")]


def damaged(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / name).write_bytes(data)


FAULTS = {
    "flipped byte": (lambda folder: damaged(folder, "G.fst"), "G.fst: SHA-256 differs"),
    "no such folder": (shutil.rmtree, "lm-dir: model folder not found"),
    "another model": (
        lambda folder: (
            (folder / "manifest.json").unlink(),
            (folder / "config.yaml").write_text("units_sha256: x\n", "utf-8"),
        ),
        "made for another recognizer",
    ),
    "empty": (lambda folder: [path.unlink() for path in folder.iterdir()], "neither G.fst nor TLG.fst"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", first_quick(FAULTS))
def test_faults_at_the_start(lm_dir, tmp_path, demo_dir, fault):
    """A language model that cannot be used is an error at the start that names it, and none is served without."""
    copy = shutil.copytree(lm_dir, tmp_path / "copy")
    change, message = FAULTS[fault]
    change(copy)
    done = paraserve("serve", "--port", "0", "--bundle", demo_dir, "--lm-dir", copy)
    assert done.returncode != 0
    assert message in done.stderr
