"""Options that several steps share."""

import argparse
import os
from pathlib import Path


def add_work_option(parser: argparse.ArgumentParser) -> None:
    """Add `--work`: by default the environment variable TRAIN_WORK, or else build/train."""
    default = Path(os.environ.get("TRAIN_WORK", "build/train"))
    parser.add_argument("--work", type=Path, default=default, help="folder of all that the recipe makes")
