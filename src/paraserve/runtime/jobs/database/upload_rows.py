"""Rows of resumable uploads."""

from collections.abc import Sequence

from paraserve.runtime.jobs.database.database import Database
from paraserve.runtime.jobs.database.transactions import uploads
from paraserve.runtime.jobs.job import Quotas, Upload


class UploadRows:
    """How far each resumable upload is. Its bytes are in a file. Errors are those of `JobStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, upload: Upload, quotas: Quotas) -> Upload:
        """Add an upload; its length counts for the bytes of its key.

        Raises:
            QuotaError: there is no room for it.
        """
        return await self._database.write(uploads.add_upload, upload, quotas)

    async def get(self, upload_id: str, key_name: str | None) -> Upload:
        """Return an upload.

        Raises:
            UploadNotFoundError: there is none, or it belongs to another key.
        """
        return await self._database.read(uploads.get_upload, upload_id, key_name)

    async def change(self, upload_id: str, offset: int, length: int | None, quotas: Quotas) -> Upload:
        """Note how many bytes are on the disk, and the length of the whole once the client says it.

        Raises:
            UploadNotFoundError: it was deleted meanwhile.
            QuotaError: there is no room for its length.
        """
        return await self._database.write(uploads.change_upload, upload_id, offset, length, quotas)

    async def delete(self, upload_id: str, key_name: str | None) -> None:
        """Delete an upload's row.

        Raises:
            UploadNotFoundError: there is none, or it belongs to another key.
        """
        await self._database.write(uploads.delete_upload, upload_id, key_name)

    async def expired(self, keep_s: float, limit: int) -> Sequence[str]:
        """Return ids of uploads without news for `keep_s`, the oldest first."""
        return await self._database.read(uploads.expired_uploads, keep_s, limit)
