"""Prepared graphs that have changed, are cut, or belong to somebody else: noticed, and made again."""

import logging
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.cache import prepared_graph
from paraserve.inference.graphs.digests import DIGESTS, folder_problem, write_digests
from paraserve.inference.graphs.session import open_session
from support.int8_graphs import SIZE, quantized_model

EVERY_SIZE = 0
FLIPS = 20


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model_quant.onnx"
    onnx.save(quantized_model(), path)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with its digests."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("model.onnx", "model.onnx.data"):
        (folder / name).write_bytes(random.Random(name).randbytes(1000))
    write_digests(folder)
    return folder


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def outputs_of(path: Path) -> np.ndarray:
    x = np.random.default_rng(5).normal(0, 3, (40, SIZE)).astype(np.float32)
    return open_session(path).run({"x": x})["y"]


def test_one_flipped_bit_anywhere(folder: Path) -> None:
    """Each of twenty bits over all files, the digests' own too, is noticed; flipped back, all is well again."""
    rng = random.Random(3)
    for _ in range(FLIPS):
        path = rng.choice(sorted(folder.iterdir()))
        bit = rng.randrange(path.stat().st_size * 8)
        flip(path, bit)
        problem = folder_problem(folder)
        flip(path, bit)
        assert problem is not None
        assert folder_problem(folder) is None


def cut(folder: Path) -> None:
    os.truncate(folder / "model.onnx.data", 999)


def remove(folder: Path) -> None:
    (folder / "model.onnx.data").unlink()


def add(folder: Path) -> None:
    (folder / "other").write_bytes(b"")


def link(folder: Path) -> None:
    path = folder / "model.onnx"
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")


def link_folder(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def pipe(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")


def no_digests(folder: Path) -> None:
    (folder / DIGESTS).unlink()


def empty_digests(folder: Path) -> None:
    (folder / DIGESTS).write_text("", "utf-8")


def broken_digests(folder: Path) -> None:
    (folder / DIGESTS).write_bytes(b"\xff\x00[")


DAMAGES = [cut, remove, add, link, link_folder, pipe, no_digests, empty_digests, broken_digests]


@pytest.mark.parametrize("damage", DAMAGES)
def test_all_other_damage(folder: Path, damage: Callable[[Path], None]) -> None:
    """What is cut, gone, new, a link or of another kind is noticed, and never waited for."""
    damage(folder)
    assert folder_problem(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["", "model.onnx", DIGESTS])
def test_files_of_another_user(folder: Path, name: str) -> None:
    """They are not trusted, whatever their digests say."""
    os.chown(folder / name, 12_345, 12_345)
    assert "belongs to another user" in str(folder_problem(folder))


@pytest.mark.parametrize("name", ["model_quant.onnx", "model_quant.onnx.data", DIGESTS])
def test_a_damaged_graph_is_prepared_again(
    model_file: Path, cache: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says which file has changed, and the results are those of the plain graph."""
    prepared = prepared_graph(model_file, cache, EVERY_SIZE)
    damaged = prepared.parent / name
    flip(damaged, damaged.stat().st_size * 4)
    with caplog.at_level(logging.WARNING):
        assert prepared_graph(model_file, cache, EVERY_SIZE) == prepared
    assert "is made again" in caplog.text
    assert folder_problem(prepared.parent) is None
    np.testing.assert_array_equal(outputs_of(prepared), outputs_of(model_file))
    assert not list(cache.glob(".making-*"))


def test_a_link_in_place_of_a_graph(model_file: Path, cache: Path, tmp_path: Path) -> None:
    """It is replaced, and what it points to is left alone."""
    prepared = prepared_graph(model_file, cache, EVERY_SIZE)
    elsewhere = tmp_path / "elsewhere"
    prepared.parent.rename(elsewhere)
    prepared.parent.symlink_to(elsewhere)
    assert prepared_graph(model_file, cache, EVERY_SIZE) == prepared
    assert not prepared.parent.is_symlink()
    assert folder_problem(elsewhere) is None


def test_weights_beside_the_graph_count(model_file: Path, cache: Path) -> None:
    """A graph whose weights are in a file of their own is another graph when they change."""
    weights = model_file.with_name(f"{model_file.name}.data")
    onnx.save(quantized_model(), model_file, save_as_external_data=True, location=weights.name, size_threshold=0)
    first = prepared_graph(model_file, cache, EVERY_SIZE)
    flip(weights, 8)
    second = prepared_graph(model_file, cache, EVERY_SIZE)
    assert first.parent != second.parent


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_can_only_be_read(model_file: Path, cache: Path) -> None:
    """An intact graph in it is used, a damaged one is an error after which the plain one runs."""
    prepared = prepared_graph(model_file, cache, EVERY_SIZE)
    cache.chmod(0o500)
    try:
        assert prepared_graph(model_file, cache, EVERY_SIZE) == prepared
        flip(prepared, 8)
        with pytest.raises(ModelLoadError, match="cannot keep"):
            prepared_graph(model_file, cache, EVERY_SIZE)
    finally:
        cache.chmod(0o700)
