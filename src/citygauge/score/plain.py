"""What all settings of a method share: they are frozen, refuse unknown keys, and hold finite figures."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

LARGEST = 1e100  # beyond it sums and squares leave the range of doubles


class Plain(BaseModel):
    """Settings as plain data."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
