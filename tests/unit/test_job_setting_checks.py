"""Settings of jobs that cannot be used are named at the start, before there is a job."""

import pytest

from paraserve.errors import ParaserveError
from paraserve.job_setting_checks import check_job_settings
from paraserve.settings import Settings

GOOD = {
    "jobs_database": "postgresql://ann:secret@host/jobs",
    "jobs_recordings": "s3://bucket/prefix",
    "url_buckets": ("s3://bucket/prefix",),
    "webhook_secret": "whsec_" + "A" * 44,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_dir", "/etc/passwd/jobs"),
        ("jobs_key_file", "/none"),
        ("jobs_database", "mysql://ann:secret@host/jobs"),
        ("jobs_recordings", "gs://bucket/prefix"),
        ("url_buckets", ("gs://bucket/prefix",)),
        ("webhook_secret", "short"),
    ],
)
def test_what_cannot_be_used(name, value):
    """The error names the setting, and gives no password away."""
    with pytest.raises(ParaserveError, match=name) as caught:
        check_job_settings(Settings(**{name: value}))
    assert "secret@" not in caught.value.message


def test_what_can_be_used(tmp_path):
    """Nothing is written, and nobody is called."""
    (tmp_path / "key").write_text("07" * 32)
    check_job_settings(Settings())
    check_job_settings(Settings(data_dir=str(tmp_path / "a" / "b"), jobs_key_file=str(tmp_path / "key"), **GOOD))
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
