"""Rows of resumable uploads. Each counts as an unfinished job of its key, and its length for the key's bytes."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from paraserve.job_errors import UploadNotFoundError
from paraserve.runtime.jobs.database.clock import Now
from paraserve.runtime.jobs.database.tables import uploads
from paraserve.runtime.jobs.database.transaction import Transaction
from paraserve.runtime.jobs.database.transactions.rows import is_storable
from paraserve.runtime.jobs.database.transactions.totals import change_totals, check_quotas
from paraserve.runtime.jobs.job import Quotas, Upload

_ADD = insert(uploads)
_UPLOAD = select(uploads).where(uploads.c.id == bindparam("upload_id"))
_CHANGE = (
    update(uploads)
    .where(uploads.c.id == bindparam("upload_id"))
    .values(offset=bindparam("at"), length=bindparam("whole"), counted_bytes=bindparam("counted"), updated_s=Now())
)
_DELETE = delete(uploads).where(uploads.c.id == bindparam("upload_id"))
_EXPIRED = (
    select(uploads.c.id)
    .where(uploads.c.updated_s <= Now() - bindparam("keep_s"))
    .order_by(uploads.c.updated_s)
    .limit(bindparam("most"))
)


def add_upload(transaction: Transaction, upload: Upload, quotas: Quotas) -> Upload:
    """Add an upload within the quotas of its key.

    Raises:
        QuotaError: there is no room for its length, or for another upload.
    """
    counted = _counted(upload.length, upload.offset)
    totals = change_totals(transaction, upload.key_name, unfinished=1, size_bytes=counted)
    check_quotas(totals, replace(quotas, audio_ms_per_day=0))
    row = {
        "id": upload.id,
        "key_name": upload.key_name,
        "length": upload.length,
        "counted_bytes": counted,
        "metadata": transaction.texts.write(dict(upload.metadata)),
        "offset": upload.offset,
        "created_s": totals.now_s,
        "updated_s": totals.now_s,
    }
    transaction.connection.execute(_ADD, row)
    return get_upload(transaction, upload.id, upload.key_name)


def get_upload(transaction: Transaction, upload_id: str, key_name: str | None) -> Upload:
    """Return an upload of a key, None: of any.

    Raises:
        UploadNotFoundError: there is none, or it belongs to another key.
    """
    row = _row(transaction, upload_id, key_name)
    return Upload(
        id=row.id,
        key_name=row.key_name,
        length=row.length,
        metadata=transaction.texts.read(row.metadata),
        offset=row.offset,
        created_s=row.created_s,
        updated_s=row.updated_s,
    )


def change_upload(
    transaction: Transaction, upload_id: str, offset: int, length: int | None, quotas: Quotas
) -> Upload:
    """Note how many bytes are on the disk, and the length of the whole once the client says it.

    Raises:
        UploadNotFoundError: it was deleted meanwhile.
        QuotaError: there is no room for its length.
    """
    row = _row(transaction, upload_id, None)
    counted = _counted(length, offset)
    if counted != row.counted_bytes:
        totals = change_totals(transaction, row.key_name, size_bytes=counted - row.counted_bytes)
        if counted > row.counted_bytes:
            check_quotas(totals, Quotas(max_bytes=quotas.max_bytes))
    values = {"upload_id": upload_id, "at": offset, "whole": length, "counted": counted}
    transaction.connection.execute(_CHANGE, values)
    return get_upload(transaction, upload_id, None)


def delete_upload(transaction: Transaction, upload_id: str, key_name: str | None) -> None:
    """Delete an upload's row.

    Raises:
        UploadNotFoundError: there is none, or it belongs to another key.
    """
    row = _row(transaction, upload_id, key_name)
    if transaction.connection.execute(_DELETE, {"upload_id": upload_id}).rowcount:
        change_totals(transaction, row.key_name, unfinished=-1, size_bytes=-row.counted_bytes)


def use_up(transaction: Transaction, upload_id: str, key_name: str) -> None:
    """Delete the row of an upload that becomes a job, so that it becomes only one.

    Raises:
        UploadNotFoundError: there is none, or it belongs to another key.
    """
    row = _row(transaction, upload_id, key_name)
    if not transaction.connection.execute(_DELETE, {"upload_id": upload_id}).rowcount:
        raise _not_found(upload_id)
    change_totals(transaction, key_name, unfinished=-1, size_bytes=-row.counted_bytes)


def expired_uploads(transaction: Transaction, keep_s: float, limit: int) -> list[str]:
    """Return ids of uploads without news for `keep_s`, the oldest first."""
    return list(transaction.connection.execute(_EXPIRED, {"keep_s": keep_s, "most": limit}).scalars())


def _counted(length: int | None, offset: int) -> int:
    return offset if length is None else length


def _row(transaction: Transaction, upload_id: str, key_name: str | None) -> Row[Any]:
    row = None
    if is_storable(upload_id):
        row = transaction.connection.execute(_UPLOAD, {"upload_id": upload_id}).one_or_none()
    if row is None or key_name not in (None, row.key_name):
        raise _not_found(upload_id)
    return row


def _not_found(upload_id: str) -> UploadNotFoundError:
    return UploadNotFoundError(f"there is no upload {upload_id!r}")
