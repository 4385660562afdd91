"""Printed means and extremes against the range of a score."""

from __future__ import annotations

from collections.abc import Iterator

from citygauge.audit.claims import named
from citygauge.audit.figures import Figure
from citygauge.audit.findings import Bound, Certificate, Finding
from citygauge.audit.published import Published
from citygauge.audit.wording import words

_WHAT = ("mean", "min", "max")


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield every printed mean, least or greatest value that no score can have, and how many were looked at.

    Cells of tables are looked at in `cells`.
    """
    figures = [
        figure
        for key, figure in published.figures.items()
        if "/" not in key and key.rpartition(".")[2] in _WHAT and (touching is None or key in touching)
    ]
    outside = [figure for figure in figures if figure.interval().meet(published.scale).empty]
    yield from (_fault(figure, published) for figure in outside)
    if figures and not outside:
        text = words("ranges.possible", n=len(figures), scale=str(published.scale))
        ids = tuple(figure.id for figure in figures)
        yield Finding("range.means", "range", "possible", "none", *words("ranges.claim"), *text, ids)


def _fault(figure: Figure, published: Published) -> Finding:
    name, scale = named(published, figure.id), str(published.scale)
    return Finding(
        f"range.{figure.id}", "range", "impossible", "high",
        *words("ranges.claim_one", name=name, printed=figure.printed()),
        *words("ranges.impossible", name=name, printed=figure.printed(), scale=scale),
        (figure.id,), (Bound(*words("ranges.bound"), published.scale),), Certificate((figure.id,)),
    )  # fmt: skip
