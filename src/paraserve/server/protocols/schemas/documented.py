"""Base of all models: the text under a field is its description."""

from pydantic import BaseModel, ConfigDict


class Documented(BaseModel):
    """A JSON object that clients see. A field of the type `MISSING` may be absent and is never null."""

    model_config = ConfigDict(use_attribute_docstrings=True)
