"""Signatures of bundles: of `manifest.json`, whose SHA-256 cover every other file."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paraserve.catalog.manifest import MANIFEST, SIGNATURE, unlisted_path
from paraserve.catalog.signed.contents import read_contents
from paraserve.catalog.signed.keys import PublicKeys, key_id
from paraserve.errors import BundleSignatureError, ModelLoadError

if TYPE_CHECKING:
    from minisign import SecretKey


@dataclass(frozen=True, slots=True)
class Signer:
    """The id of the key that has signed a bundle, as minisign writes it, and what was signed beside the manifest."""

    key_id: str
    comment: str


def signature_of(manifest: bytes, key: "SecretKey") -> bytes:
    """Return the content of `manifest.json.minisig`."""
    return bytes(key.sign(manifest)) + b"\n"


def check_signature(place: str, manifest: bytes, signature: bytes | None, keys: PublicKeys) -> Signer:
    """Check that one of the keys has signed a manifest.

    Args:
        place: of the bundle, for messages.
        manifest: content of `manifest.json`.
        signature: content of `manifest.json.minisig`. None: there is none.
        keys: those that count.

    Raises:
        BundleSignatureError: there is no signature, or none by these keys.
    """
    from minisign import Error, Signature  # noqa: PLC0415 - only where there are keys

    if signature is None:
        raise BundleSignatureError(f"{place} is not signed, and {keys.place} has the keys that count")
    try:
        made = Signature.from_bytes(signature)
    except Error as error:
        raise BundleSignatureError(f"{place}: {SIGNATURE} is no signature of minisign: {error}") from None
    signer = Signer(key_id(signature.splitlines()[1]), made.trusted_comment)
    for key in keys.keys:
        try:
            key.verify(manifest, made)
        except Error:
            continue
        return signer
    why = f"the signature by key {signer.key_id} is not of this {MANIFEST}, or the key is not in {keys.place}"
    raise BundleSignatureError(f"{place}: {why}")


def check_signed_folder(root: Path, keys: PublicKeys) -> Signer:
    """Check that one of the keys has signed the manifest of a folder, and that the manifest lists all of its files.

    The content of the files is for `verify_bundle`.

    Raises:
        BundleSignatureError: there is no signature, none by these keys, or a file that was not signed.
        ModelLoadError: there is no manifest, or a file cannot be read.
    """
    manifest, signature = _read(root / MANIFEST), _read(root / SIGNATURE)
    if manifest is None:
        raise BundleSignatureError(f"{root} has no {MANIFEST}, so nothing in it is signed")
    signer = check_signature(str(root), manifest, signature, keys)
    refuse_unlisted(root, read_contents(str(root), manifest).files)
    return signer


def refuse_unlisted(root: Path, listed: Collection[str]) -> None:
    """Refuse a folder with a file that its manifest does not list.

    Raises:
        BundleSignatureError: names the file.
    """
    unlisted = unlisted_path(root, listed)
    if unlisted is not None:
        raise BundleSignatureError(f"{unlisted} is not in {MANIFEST}, so no signature covers it")


def signing_key_id(signature: bytes) -> str:
    """Return the id of the key that a signature names, whether or not it is by that key; `?` where it is damaged."""
    from minisign import Error, Signature  # noqa: PLC0415 - only where there are signatures

    try:
        Signature.from_bytes(signature)
    except Error:
        return "?"
    return key_id(signature.splitlines()[1])


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelLoadError(f"cannot read {path}: {error.strerror}") from error
