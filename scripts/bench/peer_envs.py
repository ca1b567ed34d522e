"""Virtual environments of other engines, made once in a work folder."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent


def environment(work: Path, name: str) -> Path:
    """The folder `bin` of the engine's environment; installs `requirements-NAME.txt` if that has changed."""
    requirements = HERE / f"requirements-{name}.txt"
    folder = work / name
    done = folder / "installed"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not done.is_file() or done.read_text("ascii") != digest:
        print(f"installing {name} into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", requirements]
        subprocess.run([str(part) for part in pip], check=True)
        done.write_text(digest, "ascii")
    return folder / "bin"
