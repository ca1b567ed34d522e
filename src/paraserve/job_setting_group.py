"""Settings of jobs, of what they fetch and whom they call, and of the result cache. They are part of `Settings`."""

from pydantic import BaseModel

from paraserve.setting_fields import Group, Networks, Origins


class JobSettingGroup(BaseModel):
    """Settings of jobs, of what they fetch and whom they call, and of the result cache."""

    data_dir: str = Group.JOBS.setting(
        "",
        "Folder of jobs: their database, recordings and results. Servers with the same folder share the jobs in it. "
        "Empty = paraserve in the user's data folder (`XDG_DATA_HOME`).",
    )
    jobs_database: str = Group.JOBS.setting(
        "",
        "URL of a PostgreSQL database that servers on several hosts share (`postgresql://USER:PASSWORD@HOST/NAME`, "
        "extra `postgres`). Empty = SQLite in `data_dir`.",
    )
    jobs_recordings: str = Group.JOBS.setting(
        "",
        "Object store of recordings (`s3://BUCKET/PREFIX`, extra `remote`), or a folder that several hosts share. "
        "Empty = `data_dir`.",
    )
    jobs_key_file: str = Group.JOBS.setting(
        "",
        "File with a key (`openssl rand -hex 32`) with which recordings and texts of jobs are encrypted where they "
        "are stored (extra `encrypt`). Empty = they are not.",
    )
    jobs_at_once: int = Group.JOBS.setting(
        2, "Jobs that a server process works on at once. 0 = none: it takes jobs for others to work on.", ge=0
    )
    jobs_lease_s: float = Group.JOBS.setting(
        30.0,
        "A job whose server gives no sign of life for this long is taken over by another one.",
        unit="seconds",
        ge=1,
    )
    jobs_timeout_s: float = Group.JOBS.setting(
        12 * 3600.0,
        "An attempt at a job that takes longer is ended and counts as failed. A client may set less. 0 = no limit.",
        unit="seconds",
        ge=0,
    )
    jobs_max_attempts: int = Group.JOBS.setting(
        5, "A job is given up after so many attempts that fail and recognize nothing new.", ge=1
    )
    jobs_max_stops: int = Group.JOBS.setting(
        10, "A job is given up when the server has died so often in the midst of it and recognized nothing new.", ge=1
    )
    jobs_retry_s: float = Group.JOBS.setting(
        2.0, "Wait before the second attempt. It doubles with each attempt, up to 10 minutes.", unit="seconds", gt=0
    )
    jobs_keep_s: float = Group.JOBS.setting(
        7 * 86400.0,
        "A finished job, with its recording and its texts, is deleted this long after its end. 0 = never.",
        unit="seconds",
        ge=0,
    )
    uploads_keep_s: float = Group.JOBS.setting(
        86400.0, "A resumable upload without news is deleted after this time.", unit="seconds", gt=0
    )
    max_jobs_per_key: int = Group.JOBS.setting(
        10_000, "Unfinished jobs of an API key's name. More are refused: 429. 0 = no limit.", ge=0
    )
    max_job_hours_per_key: float = Group.JOBS.setting(
        0.0,
        "Hours of audio in jobs of an API key's name that are recognized in a day (UTC). More are refused: 429. "
        "0 = no limit.",
        ge=0,
    )
    max_job_bytes_per_key: int = Group.JOBS.setting(
        0,
        "Bytes of stored recordings of an API key's name. More are refused: 429. 0 = no limit.",
        unit="bytes",
        ge=0,
    )
    webhook_secret: str = Group.JOBS.setting(
        "",
        "Secret (`whsec_` and 24 to 64 bytes in base64) that signs webhooks. Empty = one is made and kept in "
        "`data_dir`: `webhook-secret`.",
    )
    webhook_give_up_s: float = Group.JOBS.setting(
        86400.0, "A webhook that is not received within this time is given up.", unit="seconds", gt=0
    )

    url_allow: Networks = Group.REMOTE.setting(
        (),
        "Addresses and networks that `url` and `callback_url` of jobs may lead to beside public ones, such as "
        "`10.0.0.0/8`.",
    )
    url_file_root: str = Group.REMOTE.setting(
        "", "Folder under which `url` may name files (`file:///...`). Empty = no files."
    )
    url_buckets: Origins = Group.REMOTE.setting(
        (),
        "Buckets and prefixes that `url` may name (`s3://BUCKET/PREFIX`), with commas between them (extra `remote`). "
        "Empty = none.",
    )
    url_timeout_s: float = Group.REMOTE.setting(
        3600.0, "Longest time to fetch a recording from `url`.", unit="seconds", gt=0
    )

    result_cache: str = Group.RESULT_CACHE.setting(
        "off",
        "Where texts are kept for the same audio with the same options and model: `off`, `memory`, `sqlite` (in "
        "`data_dir`), or the URL of a Redis (`redis://HOST`, extra `redis`).",
    )
    result_cache_bytes: int = Group.RESULT_CACHE.setting(
        256 * 1024**2, "Size of the result cache. The longest unused results go first.", unit="bytes", gt=0
    )
    result_cache_keep_s: float = Group.RESULT_CACHE.setting(
        7 * 86400.0, "A result is kept for this long.", unit="seconds", gt=0
    )
    result_cache_across_keys: bool = Group.RESULT_CACHE.setting(
        default=False, description="One API key may get a result that was made for another."
    )
