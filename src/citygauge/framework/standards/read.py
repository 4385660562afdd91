"""Standards out of files: those that come with CityGauge, and what a workspace adds to them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from citygauge.files import is_file
from citygauge.framework.model import Framework
from citygauge.framework.standards.model import Additions, Benchmark, Standard
from citygauge.problems import Problems, Where

FOLDER = "standards"


@dataclass(frozen=True)
class WithBenchmarks:
    """A standard with the codes that a workspace adds, and its benchmarks."""

    standard: Standard
    benchmarks: tuple[Benchmark, ...] = ()

    def benchmark(self, indicator: str, code: str) -> Benchmark | None:
        """Return the benchmark of an indicator under a code: the one of that code, else the general one."""
        found = {one.code: one for one in self.benchmarks if one.indicator == indicator}
        return found.get(code) or found.get("")


@cache
def standard_names() -> tuple[str, ...]:
    """Return the names of the built-in standards in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


@cache
def builtin_standard(name: str) -> Standard:
    """Return a built-in standard; KeyError for a name that is none.

    Examples
    --------
    >>> builtin_standard("iso-37122").themes["2019", "18"].name("en")
    'Telecommunication'
    """
    if name not in standard_names():
        raise KeyError(name)
    text = (_folder() / f"{name}.toml").read_text(encoding="utf-8")
    return Standard(**tomllib.loads(text))


def load_standard(
    name: str, framework: Framework, folder: Path | None, problems: Problems
) -> WithBenchmarks | None:
    """Return a built-in standard with what ``standards/NAME.toml`` of a workspace adds, else a problem.

    Parameters
    ----------
    name : str
        One of `standard_names`.
    framework : Framework
        Whose indicators the benchmarks are about.
    folder : Path, optional
        The workspace.
    """
    if name not in standard_names():
        problems.add("standards.unknown", name=name, known=list(standard_names()))
        return None
    standard = builtin_standard(name)
    place = folder / FOLDER / f"{name}.toml" if folder else None
    if place is None or not is_file(place):
        return WithBenchmarks(standard)
    where = Where(f"{FOLDER}/{place.name}")
    try:
        added = Additions(**tomllib.loads(place.read_text(encoding="utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.add("standards.unreadable", where, reason=str(error))
        return None
    except ValidationError as error:
        for fault in error.errors():
            key = ".".join(str(part) for part in fault["loc"]) or None
            problems.add("standards.unreadable", Where(where.file, column=key), reason=fault["msg"])
        return None
    _check(added, standard, framework, where, problems)
    own = {(one.edition or standard.only_edition, one.code): one for one in added.indicator}
    listed = {**standard.indicators, **own}
    both = tuple(one.model_copy(update={"edition": edition}) for (edition, _), one in listed.items())
    # Made anew: a copy would keep the tables that the original has made of its own indicators.
    fields = {name: getattr(standard, name) for name in Standard.model_fields}
    return WithBenchmarks(Standard(**fields | {"indicator": both}), added.benchmark)


def _check(
    added: Additions, standard: Standard, framework: Framework, where: Where, problems: Problems
) -> None:
    """Note benchmarks of nothing, twice the same, of 0 where more is better, and in another unit."""
    if added.benchmark and not standard.band:
        problems.add("standards.no-bands", where, standard=standard.short)
    strange = sorted({one.indicator for one in added.benchmark if one.indicator not in framework})
    if strange:
        problems.add("standards.benchmark-of-nothing", where, codes=strange)
    seen: set[tuple[str, str]] = set()
    for one in added.benchmark:
        if (one.indicator, one.code) in seen:
            problems.add("standards.repeated-benchmark", where, code=one.indicator)
        seen.add((one.indicator, one.code))
        if one.indicator not in framework:
            continue
        node = framework[one.indicator]
        if one.value == 0 and node.direction != -1:
            problems.add("standards.zero-benchmark", where, code=one.indicator)
        if one.unit and one.unit != node.unit:
            problems.add(
                "standards.other-unit", where, code=one.indicator, unit=one.unit, expected=node.unit or "–"
            )


def _folder() -> Path:
    return Path(str(resources.files("citygauge").joinpath("framework", "standards", "data")))
