"""The modules of `protos/` are those that the generator writes."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "src" / "paraserve" / "server" / "protocols" / "generated"


def test_generated_modules_are_up_to_date(tmp_path, monkeypatch):
    """After a change in protos/, scripts/protos is to be run."""
    monkeypatch.setattr(sys, "argv", ["generate_protos.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "scripts" / "generate_protos.py"), run_name="__main__")
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    kept = {
        path.name: path.read_text("utf-8") for path in GENERATED.iterdir() if "_pb2" in path.name and path.is_file()
    }
    assert made == kept
