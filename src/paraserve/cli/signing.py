"""The flags of commands for packed and signed bundles: `paraserve models pack`, `sign`, `verify` and `keygen`."""

from pathlib import Path
from typing import Annotated

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.value_completion import bundle_names

PublicKey = Annotated[
    str | None,
    typer.Option(
        "--public-key",
        "-P",
        metavar="FILE|KEY",
        help="Key of minisign that has to have signed it: a file, or RW...  [default: the setting bundle_keys]",
    ),
]


def keygen(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Secret key to make. FILE.pub is the public one.")],
    without_password: Annotated[
        bool, typer.Option("--no-password", "-W", help="Do not encrypt the key: whoever reads it can sign.")
    ] = False,
) -> None:
    """Make a pair of keys for signatures of bundles, as minisign does, and print the public one.

    Without a terminal the password is the first line of the standard input.
    """
    with ended_by_interrupt():
        from paraserve.cli.bundle_files import make_key_files

    print(make_key_files(path, has_password=not without_password))


def pack(
    bundle: Annotated[
        str, typer.Argument(metavar="NAME|DIR", help="Name of a bundle, or its folder.", autocompletion=bundle_names)
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write.  [default: NAME.psb]")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Name that it will have where it is installed.  [default: its own]")
    ] = "",
) -> None:
    """Write a bundle, whose files are checked before, into one file with its signature if it has one. Print the file.

    The same bundle gives the same bytes on every machine. `paraserve models pull FILE` installs it.
    """
    with ended_by_interrupt():
        from paraserve.cli.bundle_files import pack_bundle

    print(pack_bundle(bundle, output, name))


def sign(
    bundle: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAME|DIR", help="Packed bundle, or name or folder of one.", autocompletion=bundle_names
        ),
    ],
    key: Annotated[Path, typer.Option("--key", "-s", metavar="FILE", help="Secret key of minisign.")],
) -> None:
    """Sign a bundle, each file of which is checked before, and print what carries the signature.

    minisign can check it, and sign in place of this command: minisign -Sm DIR/manifest.json. Without a terminal the
    password is the first line of the standard input.
    """
    with ended_by_interrupt():
        from paraserve.cli.bundle_files import sign_bundle

    print(sign_bundle(bundle, key))


def verify(
    bundle: Annotated[
        str,
        typer.Argument(
            metavar="[NAME|DIR|FILE]",
            help="Name of a bundle, its folder, or a packed bundle.",
            autocompletion=bundle_names,
        ),
    ] = "demo",
    public_key: PublicKey = None,
) -> None:
    """Compare every file of a bundle with its manifest, and check its signature; exit code 1 if anything is wrong.

    Where a key is given, or the setting bundle_keys, a bundle that no such key has signed is wrong.
    """
    with ended_by_interrupt():
        from paraserve.cli.bundle_files import verify_files

    raise typer.Exit(1 if verify_files(bundle, public_key) else 0)
