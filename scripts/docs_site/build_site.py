"""Build the site of the documentation: copy the pages, make those of the API, and run Sphinx strictly.

python scripts/docs_site/build_site.py [FOLDER]
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from api_pages import http_page, live_page
from paraserve.server.app import create_app
from paraserve.server.protocols.schemas.asyncapi import asyncapi_document
from paraserve.settings import Settings
from staging import ROOT, copy_pages

HERE = Path(__file__).parent
BUILD = ROOT / "build"


def main() -> None:
    """Build into the folder that is named, else into build/docs."""
    parser = argparse.ArgumentParser(description="Build the site of the documentation.")
    parser.add_argument("folder", nargs="?", type=Path, default=BUILD / "docs")
    folder: Path = parser.parse_args().folder.resolve()
    pages = folder.with_name(f"{folder.name}-pages")
    for old in (folder, pages):
        shutil.rmtree(old, ignore_errors=True)
    copy_pages(pages)
    write_api_pages(pages / "reference")
    done = subprocess.run(sphinx_command(pages, folder), check=False)
    if done.returncode == 0:
        shutil.copyfile(folder / "README.html", folder / "index.html")
        print(f"Open {folder / 'index.html'}")
    sys.exit(done.returncode)


def write_api_pages(folder: Path) -> None:
    """Write the pages that are made from the schemas."""
    folder.mkdir()
    (folder / "http-api.md").write_text(http_page(create_app(Settings()).openapi()), "utf-8")
    (folder / "live-api.md").write_text(live_page(asyncapi_document()), "utf-8")


def sphinx_command(pages: Path, folder: Path) -> list[str]:
    """Return the command that builds strictly: each warning is an error."""
    python = str(environment(BUILD / "docs-venv") / "bin" / "python")
    strict = ("-q", "--fail-on-warning", "--keep-going", "--fresh-env")
    places = ("--conf-dir", str(HERE), "--doctree-dir", str(pages / ".doctrees"), str(pages), str(folder))
    return [python, "-W", "ignore", "-m", "sphinx", *strict, *places]


def environment(folder: Path) -> Path:
    """Make Sphinx's virtual environment, again if requirements.txt has changed."""
    requirements = HERE / "requirements.txt"
    stamp = folder / "installed"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text("ascii") != digest:
        print("Installing Sphinx into build/docs-venv (once) ...", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", requirements]
        subprocess.run([str(part) for part in pip], check=True)
        stamp.write_text(digest, "ascii")
    return folder


if __name__ == "__main__":
    main()
