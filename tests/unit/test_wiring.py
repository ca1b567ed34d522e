"""Settings to an engine: which parts of a bundle a folder replaces or removes."""

import asyncio

import pytest

from paraserve.errors import ModelLoadError
from paraserve.hotword_types import Hotword
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.multi_engine import Replicas
from paraserve.settings import Settings
from paraserve.types import SegmentAudio
from paraserve.wiring import open_engine


@pytest.fixture
def bundle(tiny_models_dir, tmp_path):
    """A bundle of tiny models with every part."""
    parts = {
        "asr": "paraformer",
        "asr-online": "paraformer-online",
        "punc": "ct-punc",
        "punc-online": "ct-punc-realtime",
    }
    for name, model in parts.items():
        (tmp_path / name).symlink_to(tiny_models_dir / model)
    return tmp_path


async def has_partials(settings):
    """True if live clients get partial texts; every part has been warmed up by then."""
    engine = open_engine(settings)
    try:
        stream = engine.open_stream(StreamConfig())
        await stream.close()
        return stream.has_partials
    finally:
        await engine.close()


@pytest.mark.parametrize(
    ("online_model_dir", "expected"), [(None, True), ("", False), ("0", False), ("asr-online", True)]
)
async def test_streaming_model(bundle, online_model_dir, expected):
    """The bundle's, none, or that of another folder."""
    folder = str(bundle / online_model_dir) if online_model_dir == "asr-online" else online_model_dir
    assert await has_partials(Settings(bundle=str(bundle), online_model_dir=folder)) is expected


async def test_another_recogniser_goes_without_the_bundles_streaming_model(bundle):
    """Partial texts of one model and final texts of another would contradict each other; unless it is asked for."""
    alone = Settings(bundle=str(bundle), model_dir=str(bundle / "asr"))
    assert not await has_partials(alone)
    assert await has_partials(alone.model_copy(update={"online_model_dir": str(bundle / "asr-online")}))


async def test_a_streaming_model_for_a_bundle_without_one(bundle, tiny_models_dir):
    """A folder adds the part that a bundle lacks."""
    (bundle / "asr-online").unlink()
    assert not await has_partials(Settings(bundle=str(bundle)))
    online = tiny_models_dir / "paraformer-online"
    assert await has_partials(Settings(bundle=str(bundle), online_model_dir=str(online)))


def test_a_streaming_model_of_another_kind(bundle):
    """A folder that holds something else is refused before anything is served."""
    with pytest.raises(ModelLoadError, match=r"decoder_quant\.onnx or decoder\.onnx"):
        open_engine(Settings(bundle=str(bundle), online_model_dir=str(bundle / "asr")))


@pytest.mark.slow
async def test_hotwords_of_the_server(tiny_models_dir, held_out_speech, tmp_path):
    """A contextual model expects the file's words of every client, behind the client's own."""
    path = tmp_path / "hotwords.txt"
    path.write_text("北京 20\n", "utf-8")
    folder = tiny_models_dir / "paraformer-contextual"
    samples = held_out_speech[:48_000]

    async def score(words, **settings):
        engine = open_engine(Settings(model_dir=str(folder), quantize=False, **settings))
        try:
            done = await engine.recognize(
                SegmentAudio(samples), RecognitionOptions(hotwords=tuple(map(Hotword, words)))
            )
            return done.result.score
        finally:
            await engine.close()

    with_file = await score(("上海",), hotword_file=str(path))
    assert with_file == await score(("上海", "北京"))
    assert with_file != await score(("上海",))


async def test_a_cache_folder_that_cannot_be_written_costs_one_warning(bundle, tmp_path, caplog):
    """The models run as they are on disk, and the log says once why."""
    (tmp_path / "blocked").write_text("a file where the folder should be")
    settings = Settings(bundle=str(bundle), cache_dir=str(tmp_path / "blocked" / "graphs"))
    assert await has_partials(settings)
    assert [record.message for record in caplog.records if "PARASERVE_CACHE_DIR" in record.message] == [
        f"cannot write {tmp_path}/blocked/graphs (PARASERVE_CACHE_DIR): models run as they are on disk"
    ]
    caplog.clear()
    assert await has_partials(settings.model_copy(update={"optimize": False}))
    assert not caplog.records


async def test_several_devices_are_several_engines(bundle, held_out_speech):
    """Each has models and workers of its own, and both give the same texts."""
    engine = open_engine(Settings(bundle=str(bundle), device="cpu,cpu", inference_threads=1))
    assert isinstance(engine.models.loaded_engine(bundle.name), Replicas)
    samples = held_out_speech[:48_000]
    try:
        tasks = (engine.recognize(SegmentAudio(samples), RecognitionOptions(deterministic=True)) for _ in range(4))
        first, *others = [done.result.token_ids for done in await asyncio.gather(*tasks)]
        assert first
        assert all(other == first for other in others)
    finally:
        await engine.close()


def test_a_gpu_is_an_error_where_there_is_none(bundle):
    """Never the CPU in its place, also if all that is there are int8 graphs; the message says what to install."""
    with pytest.raises(ModelLoadError, match=r"^cuda:99 "):
        open_engine(Settings(bundle=str(bundle), device="cuda:99"))
