"""Flags that several commands have, described once as the fields of a dataclass."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import wraps
from inspect import Parameter
from typing import Any


def with_flag_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the fields of its dataclass parameters as flags, in the place of these parameters.

    typer reads the flags of a command from its signature. The command gets the dataclasses, filled.
    """
    signature = inspect.signature(command)
    groups = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if inspect.isclass(parameter.annotation) and is_dataclass(parameter.annotation)
    }

    @wraps(command)
    def with_groups(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field: values.pop(field) for field in inspect.signature(group).parameters})
        command(**values)

    parameters = list(_expanded(signature.parameters.values()))
    # wraps() has made these two those of the command.
    with_groups.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_groups.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    return with_groups


def _expanded(parameters: Iterator[Parameter] | Any) -> Iterator[Parameter]:
    for parameter in parameters:
        group = parameter.annotation
        if inspect.isclass(group) and is_dataclass(group):
            for field in inspect.signature(group).parameters.values():
                yield field.replace(kind=Parameter.KEYWORD_ONLY)
        else:
            yield parameter.replace(kind=Parameter.KEYWORD_ONLY)
