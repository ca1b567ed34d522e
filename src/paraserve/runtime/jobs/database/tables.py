"""Tables of the database of jobs. A change here needs a migration beside it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    true,
)

metadata = MetaData()

RowNumber = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts rows by itself only in a column that is declared as INTEGER."""

jobs = Table(
    "jobs",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("key_name", String, nullable=False),
    Column("batch", String),
    Column("state", String, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("recording", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("timeout_s", Double, nullable=False),
    Column("store", Boolean, nullable=False),
    Column("created_s", Double, nullable=False),
    Column("started_s", Double),
    Column("ended_s", Double),
    # In the queue: neither running nor waiting for another attempt, nor ended.
    Column("in_queue", Boolean, nullable=False),
    # When a runner may take the job beside the queue: the end of the lease, or of the wait before another attempt.
    Column("due_s", Double),
    Column("attempts", Integer, nullable=False),
    # Of the attempts since something new was kept: how many failed, and how many have not ended by themselves.
    Column("failures", Integer, nullable=False),
    Column("stops", Integer, nullable=False),
    Column("lease", String),
    Column("owner", String),
    Column("is_cancelling", Boolean, nullable=False),
    Column("is_dead", Boolean, nullable=False),
    Column("has_result", Boolean, nullable=False),
    Column("error", LargeBinary),
    # Events: `state` and `progress` are in the row, each with its latest seq; sentences have a table of their own.
    Column("last_seq", Integer, nullable=False),
    Column("state_seq", Integer, nullable=False),
    Column("progress_seq", Integer, nullable=False),
    Column("sentences", Integer, nullable=False),
    Column("checkpoints", Integer, nullable=False),
    Column("done_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger),
    Column("eta_s", Double),
    Column("segments_done", Integer, nullable=False),
    Column("segments_kept", Integer, nullable=False),
)
IN_QUEUE = jobs.c.in_queue.is_(true())
"""Condition of the index of the queue. A query with it takes that index: no other one knows the column."""

Index("jobs_of_key", jobs.c.key_name, jobs.c.state, jobs.c.number)
Index("jobs_by_state", jobs.c.state, jobs.c.number)
Index(
    "jobs_of_batch",
    jobs.c.batch,
    jobs.c.state,
    jobs.c.number,
    sqlite_where=jobs.c.batch.is_not(None),
    postgresql_where=jobs.c.batch.is_not(None),
)
Index(
    "jobs_in_queue",
    jobs.c.priority.desc(),
    jobs.c.turn,
    jobs.c.number,
    sqlite_where=IN_QUEUE,
    postgresql_where=IN_QUEUE,
)
Index("jobs_due", jobs.c.due_s, sqlite_where=jobs.c.due_s.is_not(None), postgresql_where=jobs.c.due_s.is_not(None))
Index(
    "jobs_ended",
    jobs.c.ended_s,
    sqlite_where=jobs.c.ended_s.is_not(None),
    postgresql_where=jobs.c.ended_s.is_not(None),
)


def _job_id() -> Column[str]:
    return Column("job_id", String, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)


results = Table("results", metadata, _job_id(), Column("transcript", LargeBinary, nullable=False))

sentences = Table(
    "sentences",
    metadata,
    _job_id(),
    Column("seq", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _job_id(),
    Column("number", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String, primary_key=True),
    Column("job_id", String, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("event", String, nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_s", Double, nullable=False),
    # The next attempt, or the end of the lease of the one in progress. NULL behind an earlier message of the job.
    Column("due_s", Double),
    Column("owner", String),
    Column("last_at_s", Double),
    Column("status", Integer),
    Column("error", LargeBinary),
    Index("deliveries_of_job", "job_id", "number", unique=True),
)
Index(
    "deliveries_due",
    deliveries.c.due_s,
    sqlite_where=deliveries.c.due_s.is_not(None),
    postgresql_where=deliveries.c.due_s.is_not(None),
)

key_totals = Table(
    "key_totals",
    metadata,
    Column("key_name", String, primary_key=True),
    Column("unfinished", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("audio_ms", BigInteger, nullable=False),
)
"""What counts for the quotas of a key: its unfinished jobs, its stored bytes, and the audio of jobs done on `day`."""

turns = Table(
    "turns",
    metadata,
    Column("priority", Integer, primary_key=True),
    Column("key_name", String, primary_key=True),
    Column("last_turn", BigInteger, nullable=False),
    Column("claimed_turn", BigInteger, nullable=False),
    Index("turns_claimed", "priority", "claimed_turn"),
)
"""Fair shares: the turn of a key's last job in the queue, and of its last job that left it."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key_name", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("job_ids", String, nullable=False),
    Column("created_s", Double, nullable=False),
    Index("idempotency_keys_created", "created_s"),
)

deleted_recordings = Table(
    "deleted_recordings",
    metadata,
    Column("name", String, primary_key=True),
    Column("since_s", Double, nullable=False),
)
"""Recordings that no job needs any more, and that may still be stored."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", String, primary_key=True),
    Column("key_name", String, nullable=False),
    Column("length", BigInteger),
    Column("counted_bytes", BigInteger, nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("created_s", Double, nullable=False),
    Column("updated_s", Double, nullable=False),
    Index("uploads_updated", "updated_s"),
)

usage = Table(
    "usage",
    metadata,
    Column("day", BigInteger, primary_key=True),
    Column("key_name", String, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("audio_ms", BigInteger, nullable=False),
)

encryption = Table("encryption", metadata, Column("check", LargeBinary, nullable=False))
"""One row: a known text as the database's texts are stored, which tells whether the key file is the right one."""
