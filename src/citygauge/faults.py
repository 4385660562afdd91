"""What pydantic finds wrong with plain data, as problems of the catalogue."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from citygauge.problems import Problems, Where


def note_invalid(
    error: ValidationError, room: str, model: type[BaseModel], file: str, problems: Problems
) -> None:
    """Note each fault that pydantic found, with the key it stands at and near misses of a wrong key."""
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "."
        where = Where(file, column=key)
        if fault["type"] == "extra_forbidden":
            known = _keys_at(model, fault["loc"][:-1])
            near = get_close_matches(str(fault["loc"][-1]), known, 3) or known
            problems.add(f"{room}.unknown-key", where, key=key, near=near)
        else:
            reason = fault["msg"].removeprefix("Value error, ")
            problems.add(f"{room}.bad-value", where, key=key, value=str(fault["input"])[:60], reason=reason)


def _keys_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), model)
    return list(model.model_fields)
