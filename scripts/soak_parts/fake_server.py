"""A server on a fake engine, whose text tells what it heard: `python fake_server.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support.fake_server import main

if __name__ == "__main__":
    main()
