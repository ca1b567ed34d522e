"""The format of `catalog.toml`: models, the sources of each, and the bundles made of them.

The project's catalog is packed beside the embedded bundle. A file `catalog.toml` in the models folder adds entries
and replaces those of the same name.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from paraserve.errors import ModelLoadError

CATALOG = "catalog.toml"
MEGABYTE = 1_000_000
NAME = r"[A-Za-z0-9][\w.-]*"
"""Pattern of names of bundles and models: a folder name that is not hidden."""
OLD_OWNER, NEW_OWNER = "damo/", "iic/"
"""ModelScope moved all FunASR models from the first owner to the second; ids with either name the same model."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Digests: TypeAlias = Annotated[
    tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...], BeforeValidator(_as_list), Field(min_length=1)
]
"""SHA-256 that a file may have, in hex: one, or several where sources carry different builds of the same weights."""
Language: TypeAlias = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
"""ISO 639-1 code of a language, or its ISO 639-3 code where it has no other."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Source(_Table):
    sha256: dict[str, Digests] = {}
    """SHA-256 of files, by name, which count in place of the model's."""


class HubSource(_Source):
    """A file tree on a model hub."""

    kind: Literal["modelscope", "huggingface"]
    id: str
    revision: str
    folder: str = ""

    @property
    def label(self) -> str:
        """Name of the source in messages and manifests."""
        return f"{self.kind}:{self.id}@{self.revision}"


class PackageSource(_Source):
    """Packages of a package index whose files together hold the model."""

    kind: Literal["wheel", "npm"]
    packages: tuple[str, ...]
    folders: tuple[str, ...] = ("",)
    join: dict[str, tuple[str, ...]] = {}

    @property
    def label(self) -> str:
        """Name of the source in messages and manifests."""
        return f"{self.kind}:{','.join(self.packages)}"


class UrlSource(_Source):
    """An archive (zip, or tar in any compression) at a URL, or a folder if the URL ends with a slash."""

    kind: Literal["url"]
    url: str
    folders: tuple[str, ...] = ("",)
    join: dict[str, tuple[str, ...]] = {}

    @property
    def label(self) -> str:
        """Name of the source in messages and manifests."""
        return f"{self.kind}:{self.url}"


class FolderSource(_Source):
    """A folder on this machine, which is copied."""

    kind: Literal["folder"]
    path: Path

    @property
    def label(self) -> str:
        """Name of the source in messages and manifests."""
        return f"{self.kind}:{self.path}"


Source: TypeAlias = HubSource | PackageSource | UrlSource | FolderSource


class Model(_Table):
    """One model: its files, and its sources in the order in which they are tried.

    In `files`, `a|b` takes the first one that the source has, and a `?` at the end marks an optional file. `sha256`
    says what files are by name, whatever the source. Other files are taken as the source has them.
    """

    megabytes: float
    files: tuple[str, ...]
    sources: tuple[Annotated[Source, Field(discriminator="kind")], ...]
    sha256: dict[str, Digests] = {}
    languages: tuple[Language, ...] = ()
    """Languages that a recognizer knows."""
    speed: Literal["fast", "medium", "slow"] = "fast"
    """Class of a recognizer on two CPU cores: `fast` serves many speakers, `medium` one or two, `slow` none live."""
    extra: Literal["whisper", "funasr"] | None = None
    """Extra of this package without which the model does not load."""

    def digests(self, source: Source) -> Mapping[str, tuple[str, ...]]:
        """Return the SHA-256 that each file of a source may have, by name."""
        return {**self.sha256, **source.sha256}

    def files_for_gpu(self) -> tuple[str, ...]:
        """Return `files` with the alternatives of graphs reversed: float32 before int8."""
        return tuple("|".join(reversed(name.split("|"))) if name.endswith(".onnx") else name for name in self.files)

    def has_hub_id(self, hub_id: str) -> bool:
        """Return True if a hub lists this model under the id."""
        ids = {source.id for source in self.sources if isinstance(source, HubSource)}
        return any(_canonical(known) == _canonical(hub_id) for known in ids)


class Bundle(_Table):
    """Models by the part of the pipeline that each serves, under one name for `--bundle`."""

    about: str
    knows: str = ""
    """The speech that it understands, in words that follow "the loaded model knows"."""
    parts: dict[Literal["asr", "asr-online", "vad", "punc", "punc-online"], str]


class Catalog(_Table):
    """All known models and bundles by name."""

    models: dict[Annotated[str, Field(pattern=f"^{NAME}$")], Model] = {}
    bundles: dict[Annotated[str, Field(pattern=f"^{NAME}$")], Bundle] = {}

    @model_validator(mode="after")
    def _check_parts(self) -> "Catalog":
        for name, bundle in self.bundles.items():
            unknown = set(bundle.parts.values()) - self.models.keys()
            if unknown:
                raise ValueError(f"bundle {name}: no such model: {', '.join(sorted(unknown))}")
        return self

    def megabytes(self, bundle: str) -> float:
        """Return the approximate size of a bundle's download in MB."""
        return sum(self.models[model].megabytes for model in set(self.bundles[bundle].parts.values()))

    def recognizer(self, bundle: str) -> Model | None:
        """Return the model that writes a bundle's final texts, None for a bundle without one."""
        name = self.bundles[bundle].parts.get("asr")
        return None if name is None else self.models[name]

    def extras(self, bundle: str) -> list[str]:
        """Return the extras of this package that a bundle needs."""
        extras = {self.models[model].extra for model in self.bundles[bundle].parts.values()}
        return sorted(extra for extra in extras if extra is not None)

    def bundles_with(self, hub_id: str) -> list[str]:
        """Return the names of the bundles with the model that a hub lists under the id."""
        models = {name for name, model in self.models.items() if model.has_hub_id(hub_id)}
        return [name for name, bundle in self.bundles.items() if models & set(bundle.parts.values())]


def read_catalog(*paths: Path) -> Catalog:
    """Read the catalogs that exist; entries of later ones replace those of earlier ones.

    Raises:
        ModelLoadError: a catalog cannot be read, or has an invalid entry.
    """
    tables: dict[str, dict[str, Any]] = {"models": {}, "bundles": {}}
    for path in filter(Path.is_file, paths):
        try:
            content = tomllib.loads(path.read_text("utf-8"))
            for name, entries in tables.items():
                entries.update(content.get(name, {}))
        except (ValueError, TypeError) as error:
            raise ModelLoadError(f"damaged catalog: {path}: {error}") from None
    try:
        return Catalog.model_validate(tables)
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join(map(str, detail["loc"]))
        raise ModelLoadError(f"damaged catalog: {paths[-1]}: {place}: {detail['msg']}") from None


def _canonical(hub_id: str) -> str:
    return NEW_OWNER + hub_id.removeprefix(OLD_OWNER) if hub_id.startswith(OLD_OWNER) else hub_id
