"""Which documents one call of `citygauge report` makes: kinds, cities, grades, languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from citygauge.problems import Language, Problems, Where
from citygauge.report.book.build import document_of
from citygauge.report.book.document import Kind
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.files import Format, Job
from citygauge.report.book.theme import Theme
from citygauge.result import Result


@dataclass(frozen=True)
class Order:
    """What is wanted: a kind of report in some languages and formats.

    `units` are row labels and `grades` ids of classes, for the kinds that are about one; `date` is the ISO
    date that stands on the reports, `reference` a Word file whose styles are taken.
    """

    kind: Kind = "full"
    languages: tuple[Language, ...] = ("zh", "en")
    formats: tuple[Format, ...] = ("pdf", "docx", "html")
    units: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    date: str = ""
    reference: bytes | None = None

    @property
    def count(self) -> int:
        """The number of documents."""
        return len(self.languages) * len(self._subjects())

    def _subjects(self) -> Sequence[str]:
        return self.units if self.kind == "city" else self.grades if self.kind == "grade" else ("",)

    def jobs(self, result: Result, theme: Theme) -> Iterator[Job]:
        """Yield a job for each document, made when it is asked for; what they share is computed once."""
        shared = evidence_of(result, theme)
        for subject in self._subjects():
            for language in self.languages:
                document = document_of(
                    result, theme, language, kind=self.kind, date=self.date, subject=subject, evidence=shared
                )
                yield Job(document, self.formats, self._stem(result, subject), self.reference)

    def _stem(self, result: Result, subject: str) -> str:
        """Return how the files of a document begin: the kind, and the city's code or the grade."""
        if self.kind == "city" and result.illustrative:
            return f"city-{subject.rsplit(maxsplit=1)[-1]}"  # the number of its neutral name
        return "-".join(part for part in (self.kind, subject) if part)


def units_wanted(result: Result, theme: Theme, wanted: Sequence[str], problems: Problems) -> tuple[str, ...]:
    """Return the row labels of units given by code or name; all that have a score where none is given.

    On illustrative data only neutral names are known; spaces and capitals make no difference. A theme that
    discloses grades only gives no reports of single units.
    """
    if theme.disclose.units == "grades":
        problems.add("report.not-disclosed", Where())
        return ()
    labels = [label for label, rank in zip(result.row_labels, result.ranks[:, 0], strict=True) if rank]
    if result.illustrative:
        labels.sort()  # the order of the file would tell who they are
    if not wanted:
        return tuple(labels)
    known = {label: label for label in labels}
    for language in ("zh", "en"):
        names = result.labels(language)
        shown = zip(names, result.row_labels, strict=True)
        known |= {name: label for name, label in shown if label in labels and names.count(name) == 1}
    known = {_folded(name): label for name, label in known.items()}
    wanted = list(dict.fromkeys(wanted))
    unknown = [name for name in wanted if _folded(name) not in known]
    if unknown:
        problems.add("report.unknown-city", Where(), names=unknown, known=list(labels[:3]))
    return tuple(dict.fromkeys(known[_folded(name)] for name in wanted if _folded(name) in known))


def _folded(name: str) -> str:
    return "".join(name.split()).casefold()


def grades_wanted(result: Result, wanted: Sequence[str], problems: Problems) -> tuple[str, ...]:
    """Return the ids of grades given by id or by name; all that hold a unit for none."""
    if result.scale is None:
        problems.add("report.no-grades", Where())
        return ()
    known = {grade.id: grade.id for grade in result.scale.grades}
    known |= {name: grade.id for grade in result.scale.grades for name in grade.name.values()}
    if not wanted:
        return tuple(grade.id for grade in result.scale.grades if grade.id in result.grades)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        problems.add(
            "report.unknown-grade", Where(), names=unknown, known=[g.id for g in result.scale.grades]
        )
    return tuple(dict.fromkeys(known[name] for name in wanted if name in known))
