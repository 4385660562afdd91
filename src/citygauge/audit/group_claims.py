"""The finding on a claim about units in groups, under each reading of who belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from citygauge.audit.claims import Pair, rules_named
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Bound, Finding, Kind, Severity, Verdict
from citygauge.audit.published import Published
from citygauge.audit.resting import Claim, judged_on, missed, only, smallest
from citygauge.audit.rules import Judged
from citygauge.audit.spans import apart
from citygauge.audit.wording import words

KINDS: dict[str, Kind] = {"group": "group", "rest": "rest", "cover": "rest", "grade": "grade"}


@dataclass(frozen=True)
class Read:
    """A claim under one reading of the members: what it allows, of how many units.

    `printed` is what `allowed` has to meet: a printed figure, or the range of the units concerned.
    """

    name: str
    claim: Claim
    allowed: Interval
    n: int | None
    printed: Interval


@dataclass(frozen=True)
class About:
    """What a finding is about: its id, its sentences (``STEM_possible`` …), what is named in them."""

    id: str
    stem: str
    claim: Pair
    what: Pair
    printed: str


def finding_of(
    published: Published, about: About, ids: Iterable[str], reads: Sequence[Read], more: Sequence[Bound] = ()
) -> Finding:
    """Return the finding on a claim: possible only if some reading is right where they differ."""
    slim = only(published, ids)
    found = [judged_on(slim, read.claim) for read in reads]
    verdict, severity = _together(reads, found)
    pairs = [_told(about, read, judged) for read, judged in zip(reads, found, strict=True)]
    if len(reads) > 1 and not reads[0].name:
        pairs[0] = words("groups.read_given", text=pairs[0])
    certificate = None
    if verdict == "impossible":
        certificate = smallest(slim, reads[0].claim, next(iter(slim.figures)), found[0].edge)
    rules = next((judged.rules for judged in found if judged.rules), ())
    return Finding(
        about.id, KINDS[about.stem], verdict, severity, *about.claim,
        "".join(pair[0] for pair in pairs), " ".join(pair[1] for pair in pairs), tuple(slim.figures),
        (*(bound for read in reads for bound in _bounds(about, read)), *more), certificate, rules,
    )  # fmt: skip


def _together(reads: Sequence[Read], found: Sequence[Judged]) -> tuple[Verdict, Severity]:
    verdicts = {judged.verdict for judged in found}
    if len(found) == 1 and not reads[0].name:
        return found[0].verdict, found[0].severity
    if verdicts == {"possible"}:
        return "possible", "none"
    # Who belongs to the groups is not printed, so that a reading that fails refutes the reading alone.
    return "only_if", "low" if "impossible" not in verdicts else "medium"


def _bounds(about: About, read: Read) -> tuple[Bound, ...]:
    what = words(f"groups.{about.stem}_bound", n=read.n or "", what=about.what, cities=_cities(read))
    if read.name:
        what = words("groups.bound_read", what=what, name=read.name)
    if about.stem != "rest":
        return (Bound(*what, read.allowed),)
    met = read.allowed.meet(read.printed)
    return (Bound(*what, read.allowed if met.empty else met),)


def _told(about: About, read: Read, judged: Judged) -> Pair:
    values = {
        "allowed": _ends(read.allowed), "within": _ends(read.printed),
        "cities": _cities(read), "what": about.what, "n": read.n or "",
        "printed": about.printed, "miss": missed(apart(read.allowed, read.printed)),
        "rules": rules_named(judged.rules),
    }  # fmt: skip
    met = read.allowed.meet(read.printed)
    if not met.empty:
        values["met"] = _ends(met)
    outcome = "edge" if judged.edge else judged.verdict
    text = words(f"groups.{about.stem}_{outcome}", **values)
    return words("groups.read", name=read.name, text=text) if read.name else text


def _cities(read: Read) -> Pair:
    return words("groups.cities", n=read.n) if read.n else words("groups.cities_some")


def _ends(interval: Interval) -> Pair:
    """Return the ends of a range in words."""
    low = "-∞" if interval.low is None else told(interval.low)
    high = "∞" if interval.high is None else told(interval.high)
    return words("groups.ends", low=low, high=high) if low != high else (low, low)
