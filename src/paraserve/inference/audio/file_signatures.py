"""Names of file formats by their first bytes, to tell a file that was sent as raw audio."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from paraserve.errors import AudioError, UnsupportedFormatError
from paraserve.inference.audio.wav.live_header import RIFF_BYTES, may_be_wav, read_wav_header

HEAD_BYTES = 4096
"""Bytes that are looked at. The second frame of an MP3 begins within 1,732."""
SIGNATURES: Mapping[bytes, str] = MappingProxyType(
    {
        b"\x1aE\xdf\xa3": "WebM or Matroska",
        b"OggS": "Ogg",
        b"fLaC": "FLAC",
        b"ID3\x02": "MP3",
        b"ID3\x03": "MP3",
        b"ID3\x04": "MP3",
        b"FORM": "AIFF",
        b"caff": "CAF",
        b"#!AMR": "AMR",
        b".snd": "AU",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "WMA",
        b"wvpk": "WavPack",
        b"MAC ": "Monkey's Audio",
        b"RF64": "RF64",
        b"BW64": "BW64",
        b"riff\x2e\x91\xcf\x11": "Wave64",
        b"FLV\x01": "FLV",
        b"#!SILK": "SILK",
        b"\x02#!SILK": "SILK",
        b"PK\x03\x04": "ZIP",
        b"data:audio": "data URL",
    }
)
CONTINUED_WEBM = (b"\x1fC\xb6u", b"\xa3")
"""First bytes of a cluster and of a block: a recorder goes on with them where its file was begun before."""
MP4 = "MP4"
MP4_HEAD_BYTES = 8
MP3_HEADER_BYTES, ADTS_HEADER_BYTES = 4, 7
MP4_BOXES = frozenset((b"ftyp", b"moov", b"moof", b"styp"))
MPEG_RATES_HZ = ((11025, 12000, 8000), (), (22050, 24000, 16000), (44100, 48000, 32000))
"""By version: 2.5, none, 2, 1 (ISO 11172-3 and 13818-3)."""
MP3_KBIT_S = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


DEMUXERS: Mapping[str, str] = MappingProxyType(
    {
        "WebM or Matroska": "matroska",
        "Ogg": "ogg",
        "FLAC": "flac",
        "MP3": "mp3",
        "AAC": "aac",
        "AMR": "amr",
        MP4: "mov",
        "AU": "au",
        "CAF": "caf",
        "AIFF": "aiff",
        "WMA": "asf",
        "FLV": "flv",
    }
)
"""FFmpeg's names of formats that it can read as they arrive. It would wait for more bytes to find out itself."""


def demuxer_of(name: str | None) -> str | None:
    """Return FFmpeg's name of a format of `file_format`, None for one that it is to find out."""
    if name is not None and name.startswith("WAV"):
        return "wav"
    return DEMUXERS.get(name or "")


def is_undecided(head: bytes | bytearray) -> bool:
    """Return whether more bytes are needed to tell a file from raw audio."""
    if len(head) >= HEAD_BYTES:
        return False
    if len(head) < MP4_HEAD_BYTES and head[:1] in (b"", b"\0"):
        return True
    if any(len(head) < len(signature) and signature.startswith(head) for signature in SIGNATURES):
        return True
    if head[:4] == b"RIFF"[: len(head)]:
        return _is_cut_wav(head)
    for frame_bytes, header_bytes in ((_mp3_frame_bytes, MP3_HEADER_BYTES), (_adts_frame_bytes, ADTS_HEADER_BYTES)):
        if _is_cut_frame(head, frame_bytes, header_bytes):
            return True
    return False


def _is_cut_wav(head: bytes | bytearray) -> bool:
    try:
        return may_be_wav(head) and read_wav_header(head) is None
    except AudioError:
        return False


def _is_cut_frame(
    head: bytes | bytearray, frame_bytes: Callable[[bytes | bytearray], int], header_bytes: int
) -> bool:
    """Return whether the head may be a frame, and the next one's header is not all there."""
    if len(head) < header_bytes:
        return head[:1] == b"\xff"
    length = frame_bytes(head)
    return length > 0 and len(head) < length + header_bytes


def file_format(head: bytes | bytearray) -> str | None:
    """Return the name of the format of a file with these first bytes; None for raw audio and what is read like it.

    WAV of PCM or G.711 has raw audio behind its header.

    Two bytes in a row are nothing rare in raw audio, so an MP3 or AAC stream is known by two frames, the second where
    the first one says.
    """
    for signature, name in SIGNATURES.items():
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and len(head) >= RIFF_BYTES:
        return _riff_format(head)
    if bytes(head[4:8]) in MP4_BOXES and head[:1] == b"\0":
        return MP4
    for name, frame_bytes in (("MP3", _mp3_frame_bytes), ("AAC", _adts_frame_bytes)):
        length = frame_bytes(head)
        if length and frame_bytes(head[length:]):
            return name
    return None


def _riff_format(head: bytes | bytearray) -> str | None:
    if head[8:RIFF_BYTES] != b"WAVE":
        return "AVI" if head[8:RIFF_BYTES] == b"AVI " else "RIFF"
    try:
        read_wav_header(head)
    except UnsupportedFormatError as error:
        return error.message
    except AudioError:
        return None  # Whoever reads it says what is damaged.
    return None


def _mp3_frame_bytes(head: bytes | bytearray) -> int:
    """Return the length of the layer III frame that begins here, 0 for none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, bits = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or rate == 3 or bits in (0, 15):
        return 0
    kbit_s = MP3_KBIT_S[3 if version == 3 else 2][bits]
    samples = 1152 if version == 3 else 576
    return samples // 8 * kbit_s * 1000 // MPEG_RATES_HZ[version][rate] + (head[2] >> 1 & 1)


def _adts_frame_bytes(head: bytes | bytearray) -> int:
    """Return the length of the ADTS frame that begins here, 0 for none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0
