"""What all settings of a method share: they are frozen, refuse unknown keys, and hold finite figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

LARGEST = 1e100  # beyond it sums and squares leave the range of doubles


class Plain(BaseModel):
    """Settings as plain data."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@contextmanager
def exception(code: str) -> Iterator[None]:
    """Name the exception, ``by.CODE``, in what pydantic finds wrong with it."""
    try:
        yield
    except ValidationError as error:
        lines = [
            InitErrorDetails(
                type=PydanticCustomError(
                    line["type"], "{told}", {**(line.get("ctx") or {}), "told": line["msg"]}
                ),
                loc=("by", code, *line["loc"]),
                input=line["input"],
            )
            for line in error.errors()
        ]
        raise ValidationError.from_exception_data(error.title, lines) from None
