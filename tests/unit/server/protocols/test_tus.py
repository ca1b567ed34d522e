"""The tus protocol without a server: what requests ask for, and the headers of answers."""

import base64
import contextlib
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.errors import ProtocolError, UploadTooLargeError
from paraserve.job_errors import UploadOffsetError, UploadTypeError, UploadVersionError
from paraserve.server.protocols.tus import (
    Checksum,
    Part,
    UploadFacts,
    ability_headers,
    check_version,
    method_of,
    progress_headers,
    read_checksum,
    read_creation,
    read_metadata,
    read_part,
    state_headers,
    whole_length,
    write_metadata,
)

MAX_BYTES = 1000
BYTES = {"content-type": "application/offset+octet-stream"}
DIGEST = base64.b64encode(b"d" * 20).decode()


@pytest.mark.parametrize("headers", [{}, {"tus-resumable": "0.2.2"}, {"tus-resumable": "1"}])
def test_version_is_wanted(headers):
    with pytest.raises(UploadVersionError):
        check_version(headers)
    check_version({"tus-resumable": "1.0.0"})


def test_override_names_the_method():
    assert method_of("POST", {"x-http-method-override": "patch"}) == "PATCH"
    assert method_of("HEAD", {}) == "HEAD"


def test_creation():
    asked = read_creation({"upload-length": "12", "upload-metadata": "filename dGVzdC53YXY=,job"}, MAX_BYTES)
    assert (asked.length_bytes, asked.metadata, asked.first_part) == (12, {"filename": "test.wav", "job": ""}, None)
    deferred = read_creation({"upload-defer-length": "1", "content-length": "0"}, MAX_BYTES)
    assert (deferred.length_bytes, deferred.first_part) == (None, None)


def test_creation_with_bytes():
    """A body of a known size, or one in chunks."""
    asked = read_creation({"upload-length": "12", "content-length": "5", **BYTES}, MAX_BYTES)
    assert asked.first_part == Part(0, None, 5)
    asked = read_creation({"upload-length": "12", "transfer-encoding": "chunked", **BYTES}, MAX_BYTES)
    assert asked.first_part == Part(0, None, None)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, ProtocolError),
        ({"upload-length": "1", "upload-defer-length": "1"}, ProtocolError),
        ({"upload-defer-length": "0"}, ProtocolError),
        ({"upload-length": "-1"}, ProtocolError),
        ({"upload-length": "٣"}, ProtocolError),
        ({"upload-length": "1" * 16}, ProtocolError),
        ({"upload-length": "1001"}, UploadTooLargeError),
        ({"upload-length": "1", "upload-metadata": "a YQ==,a YQ=="}, ProtocolError),
        ({"upload-length": "1", "upload-metadata": "a ?"}, ProtocolError),
        ({"upload-length": "1", "upload-metadata": "a /w=="}, ProtocolError),
        ({"upload-length": "1", "upload-metadata": ","}, ProtocolError),
        ({"upload-length": "1", "content-length": "1"}, UploadTypeError),
        ({"upload-length": "1", "content-length": "1", "content-type": "audio/wav"}, UploadTypeError),
    ],
)
def test_refused_creations(headers, kind):
    with pytest.raises(kind) as caught:
        read_creation(headers, MAX_BYTES)
    assert type(caught.value) is kind
    assert caught.value.param is not None


def test_part():
    part = read_part(
        {
            "upload-offset": "3",
            "upload-length": "9",
            "content-length": "6",
            **BYTES,
            "upload-checksum": f"sha1 {DIGEST}",
        },
        MAX_BYTES,
    )
    assert part == Part(3, 9, 6, Checksum("sha1", b"d" * 20))
    with pytest.raises(UploadTypeError):
        read_part({"upload-offset": "3"}, MAX_BYTES)
    with pytest.raises(ProtocolError) as caught:
        read_part(BYTES, MAX_BYTES)
    assert (caught.value.code, caught.value.param) == ("invalid_header", "Upload-Offset")


@pytest.mark.parametrize("text", ["", "sha1", f"md5 {DIGEST}", f"sha256 {DIGEST}", "sha1 ä", f"SHA1 {DIGEST}"])
def test_wrong_checksums(text):
    with pytest.raises(ProtocolError):
        read_checksum({"upload-checksum": text})


def test_a_part_follows_what_is_here():
    assert whole_length(Part(5, None, 3), 5, 8) == 8
    assert whole_length(Part(5, 9, None), 5, None) == 9
    assert whole_length(Part(5, 8, 3), 5, 8) == 8
    assert whole_length(Part(5, None, 3), 5, None) is None


@pytest.mark.parametrize(
    ("part", "length", "kind"),
    [
        (Part(4, None, 3), 8, UploadOffsetError),
        (Part(6, None, 2), 8, UploadOffsetError),
        (Part(5, 9, 3), 8, ProtocolError),
        (Part(5, 4, 0), None, ProtocolError),
        (Part(5, None, 4), 8, UploadTooLargeError),
        (Part(5, 7, 3), None, UploadTooLargeError),
    ],
)
def test_parts_that_do_not_fit(part, length, kind):
    with pytest.raises(kind) as caught:
        whole_length(part, 5, length)
    assert type(caught.value) is kind


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1)


@given(st.dictionaries(KEYS, st.text()))
def test_metadata_is_told_as_it_came(values):
    assert read_metadata(write_metadata(values)) == values


@given(st.text())
def test_any_metadata_is_read_or_refused(header):
    with contextlib.suppress(ProtocolError):
        assert all(read_metadata(header))


def test_answers():
    facts = UploadFacts(5, 8, {"filename": "a"}, 1_800_000_000.5)
    headers = state_headers(facts)
    assert parsedate_to_datetime(headers.pop("Upload-Expires")).timestamp() == 1_800_000_000
    assert headers == {
        "Upload-Offset": "5", "Upload-Length": "8", "Upload-Metadata": "filename YQ==", "Cache-Control": "no-store"
    }  # fmt: skip
    assert state_headers(UploadFacts(0, None))["Upload-Defer-Length"] == "1"
    assert progress_headers(UploadFacts(8, 8, job_id="one")) == {"Upload-Offset": "8", "X-Job-Id": "one"}
    assert ability_headers(MAX_BYTES)["Tus-Max-Size"] == "1000"
