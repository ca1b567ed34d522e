"""Lines of the file of keys: what people may write in them, and what they mean."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.server.access.key_fields import DEFAULT_SCOPES, ApiKey, KeyLimits, KeyScope, parse_expiry, parse_line

DIGEST = bytes(range(32))
PLAIN = ApiKey("ann", DIGEST)
LINE = f"ann sha256:{DIGEST.hex()}"
GOOD = {
    "": PLAIN,
    "  # of Ann": PLAIN,
    "#without a space": PLAIN,
    "expires=2027-01-31": replace(PLAIN, expires=datetime(2027, 2, 1, tzinfo=UTC)),
    "expires=2027-01-31T18:00+01:00": replace(PLAIN, expires=datetime(2027, 1, 31, 17, tzinfo=UTC)),
    "expires=2027-01-31T18:00:30Z": replace(PLAIN, expires=datetime(2027, 1, 31, 18, 0, 30, tzinfo=UTC)),
    "scopes=live": replace(PLAIN, scopes=frozenset({KeyScope.LIVE})),
    "scopes=metrics,admin,metrics": replace(PLAIN, scopes=frozenset({KeyScope.METRICS, KeyScope.ADMIN})),
    "max=0": replace(PLAIN, limits=KeyLimits(max=0)),
    "max_live=2 max_uploads=3 per_minute=60": replace(PLAIN, limits=KeyLimits(None, 3, 2, 60)),
    "audio_per_minute=600 max_jobs=9": replace(PLAIN, limits=KeyLimits(audio_per_minute=600, max_jobs=9)),
    "job_hours_a_day=8 job_bytes=1000000000000000": replace(
        PLAIN, limits=KeyLimits(job_hours_a_day=8, job_bytes=10**15)
    ),
    "per_minute=1 \t expires=2027-01-31   # late": replace(
        PLAIN, expires=datetime(2027, 2, 1, tzinfo=UTC), limits=KeyLimits(per_minute=1)
    ),
}
BAD = {
    "expires=2027-01-31T18:00": "expires=",
    "expires=31.01.2027": "expires=",
    "expires=2027-02-30": "expires=",
    "expires=9999-12-31": "expires=",
    "expires=90d": "expires=",
    "expires=9999-12-31T23:59-12:00": "expires=",
    "expires=0001-01-01T00:00Z": "expires=",
    "expires=": "expires=",
    "scopes=": "scopes=",
    "scopes=everything": "scopes=",
    "scopes=live, metrics": "scopes=",
    "scopes=Live": "scopes=",
    "max=-1": "max=",
    "max=1.5": "max=",
    "max=٣": "max=",
    "max=9999999": "max=",
    "max=" + "9" * 5000: "max=",
    "max": "no field",
    "limit=3": "no field",
    "guest": "no field",
    "max=1 max=2": "twice",
}


@pytest.mark.parametrize("fields", GOOD)
def test_a_line(fields):
    """A field means what its name says, and a line without fields is as before there were any."""
    assert parse_line(f" {LINE} {fields}") == GOOD[fields]


@pytest.mark.parametrize("fields", BAD)
def test_a_bad_field(fields):
    """What is misspelt is refused and named: a key must never be worth more than was meant."""
    with pytest.raises(ValueError, match=BAD[fields]):
        parse_line(f"{LINE} {fields}")


@pytest.mark.parametrize("line", ["", "   ", "# ann", "\t#"])
def test_a_line_without_a_key(line):
    """Empty lines and comments are none."""
    assert parse_line(line) is None


@pytest.mark.parametrize(
    "line",
    ["ann", "ann sha256:", f"ann {DIGEST.hex()}", f"ann sha256:{DIGEST.hex()}00", f"a/b sha256:{DIGEST.hex()}"],
)
def test_no_key(line):
    """A line that is neither a key nor a comment is refused."""
    with pytest.raises(ValueError, match="expected NAME sha256:HEX"):
        parse_line(line)


def test_digests_in_capitals():
    """Some tools write hexadecimal digits so."""
    assert parse_line(f"ann sha256:{DIGEST.hex().upper()}") == PLAIN


def test_scopes_without_the_field():
    """A key from before there were scopes does all that it did; administration is given by name alone."""
    assert {KeyScope.TRANSCRIBE, KeyScope.LIVE, KeyScope.JOBS, KeyScope.METRICS} == DEFAULT_SCOPES


def test_a_day_counts_to_its_end():
    """A key that expires on a day is good on that day, and no longer on the next."""
    today = datetime.now(UTC).date()
    assert not replace(PLAIN, expires=parse_expiry(today.isoformat())).is_expired
    assert replace(PLAIN, expires=parse_expiry((today - timedelta(days=1)).isoformat())).is_expired
    assert not PLAIN.is_expired


LIMIT = st.none() | st.integers(0, 1_000_000)
MOMENTS = st.integers(10**9, 2 * 10**11).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(
    st.none() | MOMENTS,
    st.frozensets(st.sampled_from(KeyScope), min_size=1),
    st.builds(KeyLimits, *[LIMIT] * len(fields(KeyLimits))),
)
def test_written_and_read(expires, scopes, limits):
    """A key that is written as a line is read as the same key."""
    key = ApiKey("ann", DIGEST, expires, scopes, limits)
    assert parse_line(key.line()) == key
