"""`catalog.toml`: models, where each can be had, and the bundles that are made of them.

The catalog of the project is packed beside the embedded bundle. A file `catalog.toml` in the models folder adds
entries, or replaces those of the same name.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from paraserve.errors import ModelLoadError

CATALOG = "catalog.toml"
NAME = r"[A-Za-z0-9][\w.-]*"
"""What a bundle may be called: one folder name, not hidden."""
OLD_OWNER, NEW_OWNER = "damo/", "iic/"
"""ModelScope moved all FunASR models from the first to the second; both still name them."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Source(_Table):
    sha256: dict[str, str] = {}
    """What files of the model must be, by name; the others are taken as the source has them."""


class HubSource(_Source):
    """A file tree on a model hub."""

    kind: Literal["modelscope", "huggingface"]
    id: str
    revision: str
    folder: str = ""

    @property
    def label(self) -> str:
        """For people and manifests."""
        return f"{self.kind}:{self.id}@{self.revision}"


class PackageSource(_Source):
    """Packages of an index whose files, taken together, hold the model."""

    kind: Literal["wheel", "npm"]
    packages: tuple[str, ...]
    folders: tuple[str, ...] = ("",)
    join: dict[str, tuple[str, ...]] = {}

    @property
    def label(self) -> str:
        """For people and manifests."""
        return f"{self.kind}:{','.join(self.packages)}"


class UrlSource(_Source):
    """An archive (zip, or tar in any compression) anywhere, or a folder if the URL ends with a slash."""

    kind: Literal["url"]
    url: str
    folders: tuple[str, ...] = ("",)
    join: dict[str, tuple[str, ...]] = {}

    @property
    def label(self) -> str:
        """For people and manifests."""
        return f"{self.kind}:{self.url}"


class FolderSource(_Source):
    """A folder of this machine, which is copied."""

    kind: Literal["folder"]
    path: Path

    @property
    def label(self) -> str:
        """For people and manifests."""
        return f"{self.kind}:{self.path}"


Source: TypeAlias = HubSource | PackageSource | UrlSource | FolderSource


class Model(_Table):
    """One part: the files that it needs and the sources to try, in that order.

    In `files`, `a|b` takes the first that the source has, and a `?` at the end marks a file that may be missing.
    """

    megabytes: float
    files: tuple[str, ...]
    sources: tuple[Annotated[Source, Field(discriminator="kind")], ...]

    def files_for_gpu(self) -> tuple[str, ...]:
        """`files` with the alternatives of graphs turned round: float32 before int8."""
        return tuple("|".join(reversed(name.split("|"))) if name.endswith(".onnx") else name for name in self.files)

    def has_hub_id(self, hub_id: str) -> bool:
        """Whether a hub knows this model by that id."""
        ids = {source.id for source in self.sources if isinstance(source, HubSource)}
        return any(_canonical(known) == _canonical(hub_id) for known in ids)


class Bundle(_Table):
    """What `--bundle` and the other flags know by one name: models by the part that they play."""

    about: str
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
        """About how much there is to download."""
        return sum(self.models[model].megabytes for model in set(self.bundles[bundle].parts.values()))

    def bundles_with(self, hub_id: str) -> list[str]:
        """Names of the bundles that hold the model which a hub knows by that id."""
        models = {name for name, model in self.models.items() if model.has_hub_id(hub_id)}
        return [name for name, bundle in self.bundles.items() if models & set(bundle.parts.values())]


def read_catalog(*paths: Path) -> Catalog:
    """Read catalogs that are there, the later ones over the earlier.

    Raises:
        ModelLoadError: one cannot be read, or says something that is not understood.
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
