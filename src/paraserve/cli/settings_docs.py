"""Program that writes the settings into the documentation: `python -m paraserve.cli.settings_docs docs`.

It makes docs/settings.schema.json, the tables between two marks of docs/configuration.md, and the texts of flags for
`--help`, cli/setting_texts.json. `scripts/docs-settings` runs it.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from paraserve.cli.setting_options import TEXTS
from paraserve.cli.setting_texts import default_text, description, groups, help_text, is_choice, kinds, range_text
from paraserve.settings import Settings

PAGE, SCHEMA = "configuration.md", "settings.schema.json"
BEGIN = "<!-- The tables below are made from src/paraserve/settings.py by scripts/docs-settings. -->\n"
END = "<!-- End of the tables. -->\n"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {"str": "text", "int": "whole number", "float": "number", "bool": "`true`, `false`"}


def main(docs: Path, texts: Path = TEXTS) -> None:
    """Write the three files anew.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: the page has no marks.
    """
    page = (docs / PAGE).read_text("utf-8")
    (docs / PAGE).write_text(with_tables(page), "utf-8")
    (docs / SCHEMA).write_text(schema_text(), "utf-8")
    texts.write_text(flag_texts(), "utf-8")


def with_tables(page: str) -> str:
    """Return the page with new tables between its marks.

    Raises:
        ValueError: it has no marks.
    """
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    tables = "\n".join(_table(heading, names) for heading, names in groups())
    return f"{page[:start]}\n{tables}\n{page[end:]}"


def schema_text() -> str:
    """Return the JSON Schema of the settings file."""
    schema = {"$schema": DIALECT, **Settings.model_json_schema()}
    schema |= {"title": "Settings of paraserve", "description": "The TOML file that --config names."}
    for setting in schema["properties"].values():
        del setting["title"]  # the name once more
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def flag_texts() -> str:
    """Return what `--help` says of each setting, as JSON for `setting_options.setting_texts`."""
    facts = {
        name: {"group": heading, "kinds": kinds(name), "is_choice": is_choice(name), "help": help_text(name)}
        for heading, names in groups()
        for name in names
    }
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def _table(heading: str, names: Iterable[str]) -> str:
    rows = [f"| `{name}` | {default_text(name)} | {_value(name)} | {description(name)} |\n" for name in names]
    return "".join((f"### {heading}\n\n| setting | default | value | meaning |\n|---|---|---|---|\n", *rows))


def _value(name: str) -> str:
    types = ", ".join(TYPES.get(kind, f"`{kind}`") for kind in kinds(name))
    return ": ".join(filter(None, (types, range_text(name))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
