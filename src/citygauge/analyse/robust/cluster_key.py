"""What a model is, in 64 characters: the same in every process that makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from hashlib import sha256
from pathlib import PurePath
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

_PLAIN = (str, bytes, int, float, complex, bool, type(None), PurePath)


def digest(value: Any) -> str:
    """Return the SHA-256 of what a value holds.

    Equal content gives equal digests, in any process and whatever was computed from it before; a pickle does
    not, as it tells apart equal strings that are one object from those that are two. Only fields count in a
    dataclass, so that cached properties do not.

    Examples
    --------
    >>> digest({"a": (1, 2.0)}) == digest({"a": (1, 2.0)})
    True
    >>> digest((1, 2)) == digest((1, 2.0))
    False
    """
    return _Digester().of(value).hex()


class _Digester:
    """Digests a tree of objects; one that stands in several places is walked through once."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[Any, bytes]] = {}

    def of(self, value: Any) -> bytes:
        if isinstance(value, _PLAIN):
            return sha256(f"{type(value).__name__}\0{value!r}".encode()).digest()
        known = self._done.get(id(value))
        if known is None:
            found = sha256(type(value).__qualname__.encode())
            for part in self._parts(value):
                found.update(part)
            known = self._done[id(value)] = (value, found.digest())  # kept, so that no other takes its id
        return known[1]

    def _parts(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, np.ndarray | np.generic):
            yield f"{value.dtype.str}{value.shape}".encode()
            yield self.of(value.tolist()) if value.dtype.hasobject else value.tobytes()
        elif isinstance(value, pl.DataFrame):
            yield self.of(str(value.schema))
            yield self.of(value.to_dict(as_series=False))
        elif isinstance(value, Mapping):
            for key, own in value.items():
                yield self.of(key) + self.of(own)
        elif isinstance(value, Set):
            yield from sorted(map(self.of, value))
        elif isinstance(value, Sequence):
            yield from map(self.of, value)
        elif is_dataclass(value):
            for each in fields(value):
                yield self.of(each.name) + self.of(getattr(value, each.name))
        elif isinstance(value, BaseModel):
            yield self.of(dict(value))
        elif hasattr(value, "__dict__") and not callable(value):
            yield self.of(vars(value))
        else:
            raise TypeError(f"{type(value).__name__} has no content that could be compared")
