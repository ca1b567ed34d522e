"""`paraserve models pack`, `sign`, `verify` and `keygen`: bundles in one file, and their signatures."""

import getpass
import sys
from pathlib import Path

import typer

from paraserve.catalog.files import disk_errors, written_file
from paraserve.catalog.manifest import MANIFEST, SIGNATURE, check_bundle, verify_bundle, write_manifest
from paraserve.catalog.signed.contents import read_contents
from paraserve.catalog.signed.keys import PublicKeys, make_keys, read_public_keys, read_secret_key
from paraserve.catalog.signed.packed_file import SUFFIX, open_packed
from paraserve.catalog.signed.packing import bundle_name, pack, sign_packed
from paraserve.catalog.signed.signatures import (
    check_signature,
    check_signed_folder,
    refuse_unlisted,
    signature_of,
    signing_key_id,
)
from paraserve.catalog.store import bundle_root, is_embedded, models_folder
from paraserve.cli.config import read_settings
from paraserve.errors import BundleSignatureError, ParaserveError
from paraserve.settings import Settings


def make_key_files(path: Path, *, has_password: bool) -> str:
    """Make a pair of keys and return the line of the public one.

    Raises:
        SigningKeyError: a file is there already, or cannot be written.
        ParaserveError: the two passwords differ, or the password is empty.
    """
    public_path = make_keys(path, _new_password() if has_password else "")
    typer.echo(f"paraserve: wrote {path} (secret) and {public_path}", err=True)
    return public_path.read_text("utf-8").splitlines()[1]


def pack_bundle(bundle: str, output: Path | None, name: str) -> Path:
    """Pack a bundle and return the file.

    Raises:
        ParaserveError: a file of the bundle is missing or altered, or the file cannot be written.
    """
    root = bundle_root(bundle, models_folder(read_settings({}).models_dir))
    target = output or Path(f"{name or bundle_name(root)}{SUFFIX}")
    if not pack(root, target, name):
        typer.echo(f"paraserve: {target} is not signed: paraserve models sign {target} --key FILE", err=True)
    return target


def sign_bundle(bundle: str, key_path: Path) -> Path:
    """Sign a packed bundle or a folder, and return the file that has the signature.

    Raises:
        SigningKeyError: the key cannot be used.
        ParaserveError: a file of the bundle is missing, altered or not in the manifest, or nothing can be written.
    """
    packed = Path(bundle)
    root = None if packed.is_file() else bundle_root(bundle, models_folder(read_settings({}).models_dir))
    if root is not None and is_embedded(root):
        raise ParaserveError(f"{bundle} is part of the installation: pack it with --name, and sign the file")
    key = read_secret_key(key_path, _password)
    if root is None:
        sign_packed(packed, key)
        return packed
    with disk_errors(root):
        if not (root / MANIFEST).exists():
            write_manifest(root, root.resolve().name, {})
        verify_bundle(root)
        manifest = (root / MANIFEST).read_bytes()
        refuse_unlisted(root, read_contents(str(root), manifest).files)
        with written_file(root / SIGNATURE) as file:
            file.write(signature_of(manifest, key))
    return root / SIGNATURE


def verify_files(bundle: str, public_key: str | None) -> bool:
    """Print the state of each file of a bundle, and of its signature; return whether anything is wrong.

    Raises:
        ParaserveError: there is no such bundle, it has no manifest, or the key cannot be used.
    """
    settings = read_settings({})
    keys = given_keys(settings, public_key)
    if Path(bundle).is_file():
        return _verify_packed(Path(bundle), keys)
    return _verify_folder(bundle_root(bundle, models_folder(settings.models_dir)), keys, is_asked=bool(public_key))


def given_keys(settings: Settings, public_key: str | None) -> PublicKeys | None:
    """Return the keys that count: of the flag, else of the settings. None: there are none.

    Raises:
        SigningKeyError: they cannot be used.
    """
    chosen = public_key or settings.bundle_keys
    return read_public_keys(chosen) if chosen else None


def _verify_folder(root: Path, keys: PublicKeys | None, *, is_asked: bool) -> bool:
    checks = list(check_bundle(root))
    for check in checks:
        state = "ok" if check.problem is None else f"PROBLEM: {check.problem}"
        print(f"{check.path.relative_to(root)}: {state}")
    n_bad = sum(check.problem is not None for check in checks)
    is_exempt = is_embedded(root) and not is_asked
    try:
        if keys is None or is_exempt:
            path = root / SIGNATURE
            _say_signed(path.read_bytes() if path.exists() else None)
        else:
            signer = check_signed_folder(root, keys)
            print(f"{SIGNATURE}: ok, by key {signer.key_id}, {signer.comment}")
    except BundleSignatureError as error:
        print(f"{SIGNATURE}: PROBLEM: {error.message}")
        n_bad += 1
    typer.echo(f"{root}: {len(checks)} files, {n_bad or 'no'} problem{'' if n_bad == 1 else 's'}", err=True)
    return n_bad > 0


def _verify_packed(path: Path, keys: PublicKeys | None) -> bool:
    with disk_errors(path.parent), open_packed(path) as packed:
        if keys is not None:
            signer = check_signature(str(path), packed.manifest, packed.signature, keys)
            print(f"{SIGNATURE}: ok, by key {signer.key_id}, {signer.comment}")
        else:
            _say_signed(packed.signature)
        names = packed.check()
    for name in names:
        print(f"{name}: ok")
    typer.echo(f"{path}: bundle {packed.contents.name}, {len(names)} files, no problems", err=True)
    return False


def _say_signed(signature: bytes | None) -> None:
    """Say on stderr what is not checked, as no key was given."""
    if signature is not None:
        how = "not checked: --public-key FILE names the key that it has to be by"
        typer.echo(f"paraserve: signed by key {signing_key_id(signature)}, {how}", err=True)


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password of the key: ")
    return sys.stdin.readline().rstrip("\n")


def _new_password() -> str:
    password = _password()
    if sys.stdin.isatty() and getpass.getpass("Again: ") != password:
        raise ParaserveError("the two passwords differ")
    if not password:
        raise ParaserveError("an empty password does not protect a key: --no-password makes one without")
    return password
