"""What an institute says and shows beyond the figures: a theme, kept as a folder of TOML files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from citygauge.faults import RuleError, note_invalid, note_not_toml
from citygauge.problems import Language, Problems, Where
from citygauge.provenance import sha256_of
from citygauge.report.book.thresholds import Data, Wording
from citygauge.result import Result
from citygauge.workspace import Workspace

GroupKey = Literal["size", "region", "rank", "place"]
FILE, PLAIN = "theme.toml", "plain"
# Every chapter that a report of some kind has, and that a theme may write itself.
CHAPTER_NAMES = frozenset(
    (
        "foreword",
        "background",
        "framework",
        "survey",
        "results",
        "robust",
        "advice",
        "annexes",
        "executive",
        "grade",
        "city",
    )
)
MAX_LOGO_BYTES = 2_000_000
_LOGOS = {".png": re.compile(rb"\A\x89PNG\r\n"), ".svg": re.compile(rb"<svg[\s>]")}
_COLOUR = r"^#[0-9a-fA-F]{6}$"


class Said(Data):
    """One text in both languages; facts stand in it as ``{{ fact("id") }}``."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Colours(Data):
    """Colours, font families in order, and the file of a logo (PNG or SVG) in the theme's folder."""

    primary: str = Field("#1f5582", pattern=_COLOUR)
    accent: str = Field("#b5541c", pattern=_COLOUR)
    fonts: tuple[str, ...] = ()
    logo: str = ""


class Line(Data):
    """A line of the cover or the imprint: what it is, and what it says."""

    name: Said
    text: Said


class Cover(Data):
    """Who stands behind a report, and what may be done with it."""

    title: Said | None = None
    subtitle: Said | None = None
    organisation: Said | None = None
    imprint: tuple[Line, ...] = ()
    rights: Said | None = None
    limits: Said | None = None


class Disclosure(Data):
    """What is told of single units: ``scores`` with ranks, or ``grades`` only."""

    units: Literal["scores", "grades"] = "scores"


class RobustChapter(Data):
    """Whether a report tells how sure its ranks are, and how often it draws at most."""

    chapter: bool = True
    replications: int = Field(10_000, ge=100)
    samples: int = Field(4096, ge=0)


class GroupRule(Data):
    """Groups of units by an attribute: its texts, or bins of its numbers by `edges` or by `quantiles`.

    `scale_en` is what the numbers are multiplied by for the unit that English counts in, such as 0.1 for
    亿元 and billion yuan. `rest` are texts of the attribute that stand for all other units and are no group
    of which one could say that a unit belongs to it.
    """

    name: Said
    attribute: str
    edges: tuple[float, ...] = ()
    quantiles: int | None = Field(None, ge=2)
    unit: Said | None = None
    scale_en: float = Field(1.0, gt=0)
    names: Mapping[str, Said] = Field(default_factory=dict)
    order: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


class Layer(Data):
    """A layer of the model, from input to effect, and the pillars that stand in it."""

    name: Said
    codes: tuple[str, ...] = Field(min_length=1)


class Reference(Data):
    """Where declared facts come from."""

    citation: Said


class Fact(Data):
    """A figure or a date that no computation gives: what it is, its value, and its source.

    `value_en` is what English prints where the figure is counted in other units (6000万 is 60 million).
    """

    name: Said
    value: int | float | str
    value_en: int | float | str | None = None
    source: str
    place: str = ""

    def text(self, language: Language) -> str:
        """Return the fact as it is printed."""
        value = self.value if language == "zh" or self.value_en is None else self.value_en
        return f"{value:,}" if language == "en" and isinstance(value, int) else str(value)


class Event(Data):
    """A dated event of the policy time line."""

    date: str = Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    label: Said
    issuer: Said
    source: str


class Parts(Data):
    """Something with its parts: a stage of development, a kind of construction content."""

    label: Said
    items: tuple[Said, ...] = ()
    side: Literal["", "left", "right"] = ""


class Case(Data):
    """A case that shows the way, and the nodes it speaks to."""

    id: str
    city: Said
    title: Said
    text: Said
    codes: tuple[str, ...]
    source: str


class AdviceGroup(Data):
    """A section of the recommendations."""

    id: str
    title: Said
    lead: Said


class Advice(Data):
    """A recommendation tied to nodes: it is given where one of them is weak, or uneven.

    `effort` is how much it asks for, from 1 (months, own means) to 5 (years, large investment).
    """

    id: str
    group: str
    codes: tuple[str, ...] = Field(min_length=1)
    when: Literal["weak", "uneven"] = "weak"
    text: Said
    department: Said
    effort: float = Field(ge=1, le=5)
    cases: tuple[str, ...] = ()


class Outline(Data):
    """Which pillars the results show in which section; blank = by their means."""

    firm: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    flow: tuple[str, ...] = ()


class Theme(Data):
    """Everything a report says that is not computed, and how it looks."""

    id: str = PLAIN
    name: Said
    decimals: int | None = Field(None, ge=0, le=6)
    look: Colours = Colours()
    cover: Cover = Cover()
    disclose: Disclosure = Disclosure()
    wording: Wording = Wording()
    robust: RobustChapter = RobustChapter()
    object: Said = Said(zh="城市", en="city")
    objects: Said = Said(zh="城市", en="cities")
    groups: Mapping[GroupKey, GroupRule] = Field(default_factory=dict)
    peers: tuple[str, ...] = ()
    peers_by: Said = Said(zh="规模", en="size")
    layers: Mapping[Literal["input", "output", "effect"], Layer] = Field(default_factory=dict)
    outline: Outline = Outline()
    sources: Mapping[str, Reference] = Field(default_factory=dict)
    facts: Mapping[str, Fact] = Field(default_factory=dict)
    timeline: tuple[Event, ...] = ()
    stages: tuple[Parts, ...] = ()
    architecture: tuple[Parts, ...] = ()
    content: tuple[Parts, ...] = ()
    sampling: tuple[Line, ...] = ()
    cases: tuple[Case, ...] = ()
    advice_groups: tuple[AdviceGroup, ...] = ()
    advice: tuple[Advice, ...] = ()
    templates: Mapping[str, str] = Field(default_factory=dict)
    logo: bytes = b""

    @property
    def hash(self) -> str:
        """The SHA-256 of everything in the theme."""
        return sha256_of({**self.model_dump(mode="json", exclude={"logo"}), "logo": self.logo.hex()})

    @model_validator(mode="after")
    def _linked(self) -> Theme:
        for what, key, known in self._links():
            if key not in known:
                raise RuleError(
                    f"{what} names {key!r}, which is not declared", f"{what} 引用了未声明的 {key!r}"
                )
        return self

    def _links(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Yield every name that must be declared elsewhere in the theme."""
        sources, groups = frozenset(self.sources), frozenset(group.id for group in self.advice_groups)
        cases = frozenset(case.id for case in self.cases)
        for name, fact in self.facts.items():
            yield f"facts.{name}.source", fact.source, sources
        for event in self.timeline:
            yield f"timeline {event.date}: source", event.source, sources
        for case in self.cases:
            yield f"case {case.id}: source", case.source, sources
        for advice in self.advice:
            yield f"advice {advice.id}: group", advice.group, groups
            for name in advice.cases:
                yield f"advice {advice.id}: cases", name, cases


def builtin_themes() -> tuple[str, ...]:
    """Return the names of the built-in themes."""
    folders = (folder for folder in _builtin_root().iterdir() if (folder / FILE).is_file())
    return tuple(sorted(folder.name for folder in folders))


def theme_for(workspace: Workspace, problems: Problems, name: str = "") -> Theme | None:
    """Return the theme of a workspace: the one named, else its own, else its framework's, else the plain one.

    Parameters
    ----------
    workspace : Workspace
    problems : Problems
        Takes everything that is wrong with the theme; then the answer is None.
    name : str
        A built-in theme, or a path from the current folder; the workspace's own path starts in its folder.
    """
    if name:
        return read_theme(name, problems)
    if own := workspace.settings.theme:
        return read_theme(own, problems, workspace.folder)
    code = workspace.framework.code
    return read_theme(code if code in builtin_themes() else PLAIN, problems)


def note_unused(theme: Theme, result: Result, problems: Problems) -> None:
    """Note what of a theme is not used: attributes that the units lack, and templates of no chapter."""
    known = result.units.attributes
    rules = [(f"groups.{key}", rule.attribute) for key, rule in theme.groups.items()]
    for key, attribute in (*rules, *(("peers", name) for name in theme.peers)):
        if attribute not in known:
            problems.add("theme.unknown-attribute", Where(FILE), key=key, attribute=attribute)
    for name in theme.templates:
        if name.rpartition(".")[0] not in CHAPTER_NAMES or name.rpartition(".")[2] not in ("zh", "en"):
            file = f"{name}.md.jinja"
            problems.add("theme.unknown-template", Where(file), file=file, known=sorted(CHAPTER_NAMES))


def read_theme(name: str, problems: Problems, folder: Path | None = None) -> Theme | None:
    """Return a built-in theme by its name, or the one in a folder or a TOML file.

    Parameters
    ----------
    name : str
        Name of a built-in theme, else a path (relative to `folder`).
    problems : Problems
        Takes everything that is wrong with it; then the answer is None.
    folder : Path, optional
        Where relative paths start.

    Notes
    -----
    All ``*.toml`` files of the folder are one document. ``base`` names the built-in theme whose values
    stand where the theme says nothing; tables are merged key by key, lists are replaced.
    """
    if name in builtin_themes():
        return _theme(_read_folder(_builtin_root() / name, problems), name, problems)
    path = (folder or Path()) / name
    if path.is_file():
        data = _read_files([path], problems)
        place: Path = path.parent
    elif (path / FILE).is_file():
        data, place = _read_folder(path, problems), path
    else:
        problems.add("theme.unknown", Where(), theme=name, known=builtin_themes())
        return None
    base = data.pop("base", PLAIN)
    if base not in builtin_themes():
        problems.add("theme.unknown", Where(FILE), theme=base, known=builtin_themes())
        return None
    data = _merged(_read_folder(_builtin_root() / base, problems), data)
    file = path.name if path.is_file() else FILE
    return _theme(_with_logo(data, place, problems), str(base), problems, file)


def _theme(data: dict[str, Any], name: str, problems: Problems, file: str = FILE) -> Theme | None:
    try:
        return Theme(**{"id": name, **data})
    except ValidationError as error:
        note_invalid(error, "theme", Theme, file, problems)
    return None


def _builtin_root() -> Traversable:
    return resources.files("citygauge").joinpath("report", "themes")


def _read_folder(folder: Traversable, problems: Problems) -> dict[str, Any]:
    """Return the data of all TOML files of a folder, and its templates by name."""
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name
    )
    data = _read_files(files, problems)
    templates = {
        file.name.removesuffix(".md.jinja"): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".md.jinja")
    }
    return {**data, "templates": templates} if templates else data


def _read_files(files: list[Any], problems: Problems) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for file in files:
        try:
            data = _merged(data, tomllib.loads(file.read_text(encoding="utf-8-sig")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            note_not_toml(error, file.name, problems)
    return data


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return plain data with the tables of both, the values of the second where both have one."""
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = _merged(below[key], above[key])
    return both


def _with_logo(data: dict[str, Any], folder: Path, problems: Problems) -> dict[str, Any]:
    """Read the logo that the theme names, which must be a PNG or an SVG beside it."""
    look = data.get("look")
    name = look.get("logo", "") if isinstance(look, dict) else ""
    if not name:
        return data
    path = folder / str(name)
    if path.parent != folder or path.suffix.lower() not in _LOGOS or not path.is_file():
        problems.add("theme.no-logo", Where(FILE), logo=str(name))
        return data
    logo = path.read_bytes()
    if len(logo) > MAX_LOGO_BYTES or not _LOGOS[path.suffix.lower()].search(logo[:1000]):
        problems.add("theme.bad-logo", Where(FILE), logo=str(name), limit=MAX_LOGO_BYTES // 10**6)
        return data
    return {**data, "logo": logo}
