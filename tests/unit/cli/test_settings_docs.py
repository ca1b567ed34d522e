"""The settings in the documentation: made from their fields, and true."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from paraserve.cli.setting_options import TEXTS
from paraserve.cli.settings_docs import PAGE, SCHEMA, flag_texts, main, with_tables
from paraserve.settings import Settings

DOCS = Path(__file__).resolve().parents[3] / "docs"
EXAMPLE = re.search(r"```toml\n(.*?)```", (DOCS / PAGE).read_text("utf-8"), re.DOTALL)[1]
BAD_LINES = (
    "port = 65536",
    "prot = 1",
    'mode = "online"',
    'max_live = "many"',
    "max_live = -1",
    "ping_timeout_s = 0",
)


def check_jsonschema(*arguments):
    """Run the program; gives its report."""
    program = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [program, "-o", "json", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [PAGE, SCHEMA])
def test_committed_files_are_up_to_date(tmp_path, name):
    """The tables of the page and the schema are what the fields say now. If not, run scripts/docs-settings."""
    shutil.copy(DOCS / PAGE, tmp_path)
    main(tmp_path, tmp_path / TEXTS.name)
    assert (tmp_path / name).read_text("utf-8") == (DOCS / name).read_text("utf-8")


def test_texts_of_flags_are_up_to_date():
    """What --help says of the settings is what their fields say now. If not, run scripts/docs-settings."""
    assert TEXTS.read_text("utf-8") == flag_texts()


def test_only_the_tables_change():
    """What stands between the marks is replaced, the text around them stays."""
    page = (DOCS / PAGE).read_text("utf-8")
    spoilt = re.sub(r"^\| `.*\n", "", page, flags=re.MULTILINE)
    assert len(spoilt) < len(page)
    assert with_tables(spoilt) == page


def test_page_without_marks():
    """A page whose marks were lost is an error, and no page without tables."""
    with pytest.raises(ValueError, match="substring not found"):
        with_tables("# Configuration\n")


def test_schema_is_one():
    """The file is a JSON Schema of the dialect that it names."""
    assert check_jsonschema("--check-metaschema", DOCS / SCHEMA)["status"] == "ok"


def test_schema_and_server_agree(tmp_path):
    """The example of the page is good to both; unknown names and values out of range are refused by both."""
    files = [tmp_path / f"{number}.toml" for number in range(len(BAD_LINES) + 1)]
    for path, text in zip(files, (EXAMPLE, *BAD_LINES), strict=True):
        path.write_text(text, "utf-8")
    report = check_jsonschema("--schemafile", DOCS / SCHEMA, *files)
    assert {Path(error["filename"]) for error in report["errors"]} == set(files[1:])
    settings = Settings(config=str(files[0])).model_dump(mode="json")
    assert {**settings, **tomllib.loads(EXAMPLE)} == settings
    for path in files[1:]:
        with pytest.raises(ValidationError):
            Settings(config=str(path))
