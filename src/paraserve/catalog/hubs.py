"""File lists of ModelScope and Hugging Face, from the HTTPS interfaces that their own clients use.

They are `GET /api/v1/models/{id}/repo/files` of ModelScope, and `GET /api/models/{id}/tree/{revision}` of Hugging
Face, which gives long lists in pages.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from paraserve.catalog.download import Client, RemoteFile, get_json
from paraserve.catalog.entries import HubSource
from paraserve.errors import ModelPullError


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Base URLs of the hubs, without a slash at the end."""

    modelscope: str = "https://www.modelscope.cn"
    huggingface: str = "https://huggingface.co"


def mirrors_of(environment: Mapping[str, str] = os.environ) -> Mirrors:
    """Read the base URLs as the hubs' clients do: MODELSCOPE_DOMAIN (a host or a URL) and HF_ENDPOINT (a URL)."""
    default = Mirrors()
    modelscope = environment.get("MODELSCOPE_DOMAIN") or default.modelscope
    return Mirrors(
        (modelscope if "://" in modelscope else f"https://{modelscope}").rstrip("/"),
        (environment.get("HF_ENDPOINT") or default.huggingface).rstrip("/"),
    )


def list_files(client: Client, source: HubSource, mirrors: Mirrors) -> dict[str, RemoteFile]:
    """Return the files of the source's folder by name, with the SHA-256 that the hub states.

    Raises:
        ModelPullError: the hub cannot be reached, or has no such model or revision.
    """
    listed = _modelscope if source.kind == "modelscope" else _huggingface
    prefix = f"{source.folder}/" if source.folder else ""
    try:
        return {
            file.name.removeprefix(prefix): replace(file, name=file.name.removeprefix(prefix))
            for file in listed(client, source, mirrors)
            if file.name.startswith(prefix)
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelPullError(f"the list of files is not understood: {error!r}") from None


def _modelscope(client: Client, source: HubSource, mirrors: Mirrors) -> Iterator[RemoteFile]:
    repository = f"{mirrors.modelscope}/api/v1/models/{source.id}/repo"
    answer, _ = get_json(client, f"{repository}/files", {"Revision": source.revision, "Recursive": "true"})
    for entry in answer["Data"]["Files"]:
        if entry["Type"] != "tree":
            query = urlencode({"Revision": source.revision, "FilePath": entry["Path"]})
            yield RemoteFile(entry["Path"], f"{repository}?{query}", _n_bytes(entry), _digests(entry.get("Sha256")))


def _n_bytes(entry: dict[str, Any]) -> int | None:
    size = entry.get("Size")
    return None if size is None else int(size)


def _digests(stated: str | None) -> tuple[str, ...]:
    return (stated,) if stated else ()


def _huggingface(client: Client, source: HubSource, mirrors: Mirrors) -> Iterator[RemoteFile]:
    revision = quote(source.revision, safe="")
    url: str | None = f"{mirrors.huggingface}/api/models/{source.id}/tree/{revision}?recursive=true"
    while url is not None:
        entries, url = get_json(client, url)
        for entry in entries:
            if entry["type"] == "file":
                address = f"{mirrors.huggingface}/{source.id}/resolve/{revision}/{quote(entry['path'])}"
                # Only files in large-file storage have a SHA-256; other files have a git object id.
                sha256 = entry["lfs"]["oid"] if entry.get("lfs") else None
                yield RemoteFile(entry["path"], address, int(entry["size"]), _digests(sha256))
