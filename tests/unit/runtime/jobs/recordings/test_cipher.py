"""What jobs store, encrypted: every change is noticed, and so is another key."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.errors import ParaserveError
from paraserve.job_errors import StoredDataError
from paraserve.runtime.jobs.recordings.cipher import CHUNK_BYTES, HEADER_BYTES, TAG_BYTES, Cipher, read_cipher

KEY = bytes(range(32))
CIPHER = Cipher(KEY)
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES


def sealed_file(data: bytes, name: str = "job-1") -> bytes:
    return b"".join(CIPHER.sealed_file(io.BytesIO(data), name))


def unsealed_file(data: bytes, name: str = "job-1", cipher: Cipher = CIPHER) -> bytes:
    return b"".join(cipher.unsealed_file([data], name))


@given(st.binary(max_size=1000))
def test_a_text_comes_back(data: bytes):
    sealed = CIPHER.seal(data)
    assert CIPHER.unseal(sealed) == data
    assert sealed != CIPHER.seal(data)
    assert len(data) < 8 or data not in sealed


@given(st.integers(0, 47 + 20), st.integers(1, 255))
def test_each_changed_byte_of_a_text_is_noticed(place: int, change: int):
    sealed = bytearray(CIPHER.seal(b"a text of 20 letters"))
    sealed[place] ^= change
    with pytest.raises(StoredDataError):
        CIPHER.unseal(bytes(sealed))


@pytest.mark.parametrize("size", [0, 1, 10, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + TAG_BYTES - 1, 67])
def test_a_text_that_was_cut_is_noticed(size: int):
    with pytest.raises(StoredDataError):
        CIPHER.unseal(CIPHER.seal(b"a text of 20 letters")[:size])


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 200_000])
@pytest.mark.parametrize("piece_bytes", [1000, 64 * 1024, 10**7])
def test_a_recording_comes_back_from_pieces_of_any_size(size: int, piece_bytes: int):
    data = os.urandom(size)
    sealed = sealed_file(data)
    pieces = [sealed[at : at + piece_bytes] for at in range(0, len(sealed), piece_bytes)]
    assert b"".join(CIPHER.unsealed_file(pieces, "job-1")) == data


CHUNKS = os.urandom(3 * CHUNK_BYTES + 100)
WHOLE = sealed_file(CHUNKS)
HEADER, BODY = WHOLE[:HEADER_BYTES], WHOLE[HEADER_BYTES:]
FIRST, SECOND, THIRD, LAST = (BODY[at : at + SEALED_CHUNK] for at in range(0, len(BODY), SEALED_CHUNK))


@pytest.mark.parametrize(
    "changed",
    [
        b"",
        HEADER,
        HEADER[:-1],
        HEADER + FIRST,
        HEADER + FIRST + SECOND + THIRD,
        HEADER + FIRST + SECOND + THIRD + LAST[:-1],
        HEADER + FIRST + SECOND + THIRD + LAST[:10],
        HEADER + SECOND + FIRST + THIRD + LAST,
        HEADER + FIRST + SECOND + LAST,
        HEADER + SECOND + THIRD + LAST,
        HEADER + FIRST + FIRST + SECOND + THIRD + LAST,
        HEADER + FIRST + SECOND + THIRD + LAST + LAST,
        HEADER + FIRST + SECOND + THIRD + LAST + b"x",
        HEADER + LAST,
        sealed_file(CHUNKS)[:HEADER_BYTES] + BODY,
        HEADER + sealed_file(CHUNKS)[HEADER_BYTES : HEADER_BYTES + SEALED_CHUNK] + SECOND + THIRD + LAST,
        CHUNKS,
    ],
    ids=lambda changed: f"{len(changed)} bytes",  # the bytes differ in each process that runs tests
)
def test_chunks_that_were_cut_moved_or_exchanged_are_noticed(changed: bytes):
    with pytest.raises(StoredDataError):
        unsealed_file(changed)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_each_changed_byte_of_a_recording_is_noticed(place: int, change: int):
    changed = bytearray(WHOLE)
    changed[place] ^= change
    with pytest.raises(StoredDataError):
        unsealed_file(bytes(changed))


def test_the_recording_of_another_job_is_noticed():
    with pytest.raises(StoredDataError):
        unsealed_file(WHOLE, "job-2")
    with pytest.raises(StoredDataError):
        CIPHER.unseal(sealed_file(b"short"))


def test_another_key_is_named():
    other = Cipher(bytes(32))
    for unseal in (lambda: other.unseal(CIPHER.seal(b"text")), lambda: unsealed_file(WHOLE, cipher=other)):
        with pytest.raises(StoredDataError, match="another key"):
            unseal()
    with pytest.raises(StoredDataError, match="not encrypted"):
        CIPHER.unseal(b'{"text": "stored before there was a key, and longer than a header"}')


def test_the_key_is_read_from_a_file(tmp_path: Path):
    path = tmp_path / "key"
    path.write_text(f"{KEY.hex().upper()}\n")
    cipher = read_cipher(str(path))
    assert cipher is not None
    assert cipher.unseal(CIPHER.seal(b"text")) == b"text"
    assert read_cipher("") is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "a key of 0 bytes"),
        (b"00" * 31, "a key of 31 bytes"),
        (b"00" * 33, "a key of 33 bytes"),
        (b"0" * 63, "no key"),
        (b"zz" * 32, "no key"),
        (bytes(range(224, 256)), "no key"),
        (b"-----BEGIN PRIVATE KEY-----", "no key"),
    ],
)
def test_a_file_without_a_key_is_named(tmp_path: Path, content: bytes, says: str):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ParaserveError, match=f"jobs_key_file: .*{says}"):
        read_cipher(str(path))


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(ParaserveError, match=r"jobs_key_file: .*No such file"):
        read_cipher(str(tmp_path / "missing"))
    with pytest.raises(ParaserveError, match=r"jobs_key_file: .*Is a directory"):
        read_cipher(str(tmp_path))
