"""Screening: which units a method keeps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from citygauge.score.plain import Plain


class Screen(Plain):
    """Units need this share of indicators; some are kept or dropped whatever they have."""

    rule: Literal["missing"] = "missing"
    min_availability: float = Field(0.0, ge=0, le=1)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
