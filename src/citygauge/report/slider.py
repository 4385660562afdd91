"""The page of movable weights: it ranks again in the browser, by the rules of the engine."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from citygauge.problems import Language
from citygauge.report.book.web.charts import allowed, data_script
from citygauge.report.charts.base import FONTS
from citygauge.report.content import texts
from citygauge.report.marks import Marks, short
from citygauge.report.record import run_record
from citygauge.report.slider_model import Movable, slider_model
from citygauge.result import NOTICE, Result

LANGUAGES: tuple[Language, ...] = ("zh", "en")
ROWS = 200  # of the table at once; a filter reaches the others


def slider_page(result: Result, language: Language) -> str:
    """Return a page on which weights are moved and units ranked again, as HTML that needs no network.

    Each pillar has a slider, each level below on request; a weight that is moved leaves its siblings their
    proportions. Scores and ranks follow the rules of the engine (`score.aggregate`, `score.rank`) in the
    browser, from the normalised scores upwards. Where a parent is computed by another method than the
    arithmetic, geometric, harmonic or generalised mean, the weights below it stay; where the index is, the
    page says so and shows the ranking. On illustrative data units have neutral names and no grade. The same
    run gives the same bytes.

    Parameters
    ----------
    result : Result
    language : {"zh", "en"}
    """
    movable, words = Movable(result), _words(language)
    model = slider_model(movable, language)
    scripts = [_part("slider.engine.js"), _part("slider.js")]
    run = run_record(result)
    hashes = {key: value[:16] for key, value in run["hashes"].items()}
    title = result.workspace.settings.name(language) or texts(language)["title"]
    return _template().render(
        language=language,
        policy=_policy(scripts),
        run=run,
        fonts=FONTS[language],
        style=_part("slider.css"),
        title=title,
        illustrative=result.illustrative,
        short_notice=NOTICE[language],
        t={**texts(language), **words},
        groups=_group(movable, model, movable.live[0]) if movable.groups else None,
        why_none=_why_none(movable, language, words),
        fixed=_fixed(movable, language, words),
        rows=_rows(movable, model)[:ROWS],
        total=len(model["units"]),
        limit=ROWS,
        full=short(model["marks"]["full"], model["marks"]["decimals"]) if "full" in model["marks"] else "",
        graded=bool(model["edges"]) and model["gradesShown"],
        edged=bool(model["edges"]),
        model=data_script({**model, "limit": ROWS, "words": words}),
        scripts=scripts,
        colophon=texts(language)["colophon"].format(version=version("citygauge"), **hashes),
    )


def write_slider(result: Result, folder: Path) -> tuple[Path, ...]:
    """Write the page in both languages into a folder, and return the paths.

    The files are ``slider.zh.html`` and ``slider.en.html``; the folder is made where there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"slider.{language}.html" for language in LANGUAGES)
    for path, language in zip(paths, LANGUAGES, strict=True):
        path.write_text(slider_page(result, language), encoding="utf-8", newline="\n")
    return paths


def _group(movable: Movable, model: Mapping[str, Any], parent: str) -> dict[str, Any]:
    """Return the sliders of a node's children, with the groups below them."""
    framework, level = movable.result.framework, movable.result.framework.levels[parent]
    nodes = {node["code"]: (i, node) for i, node in enumerate(model["nodes"])}
    weights = []
    for child in framework.counted(parent):
        at, node = nodes[child]
        weights.append(
            {
                "at": at,
                "name": node["name"],
                "code": child,
                "percent": f"{100 * node['share']:.1f}",
                "below": _group(movable, model, child) if _has_groups(movable, child) else None,
            }
        )
    return {"name": nodes[parent][1]["name"], "level": level, "movable": len(weights) > 1, "weights": weights}


def _has_groups(movable: Movable, code: str) -> bool:
    framework = movable.result.framework
    return any(group == code or code in framework.ancestors(group) for group in movable.groups)


def _why_none(movable: Movable, language: Language, words: Mapping[str, str]) -> str:
    """Return why there is no weight to move; blank where there is."""
    root = movable.result.framework.root.code
    if movable.groups:
        return ""
    if movable.live:
        return words["none_to_move"]
    return words["no_sliders"].format(how=_methods(language)[movable.plan.rules[root].how])


def _fixed(movable: Movable, language: Language, words: Mapping[str, str]) -> list[str]:
    """Return a line for each node below which the weights stay."""
    framework, rules = movable.result.framework, movable.plan.rules
    return [
        words["fixed"].format(name=framework[code].label(language), how=_methods(language)[rules[code].how])
        for code in movable.fixed
    ]


def _rows(movable: Movable, model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the ranking as it was published, for readers whose browser runs no scripts."""
    result, root = movable.result, movable.result.framework.root.code
    marks, shown = Marks(result), model["edges"] and model["gradesShown"]
    grades = {grade.id: name for grade, name in zip(result.scale.grades, model["grades"], strict=True)} if (
        result.scale and shown) else {}  # fmt: skip
    return [
        {
            "rank": int(result.ranks[row, 0]) or "–",
            "name": name,
            "value": marks.number(root, float(result.index[row])),
            "grade": grades.get(result.grades[row], "–") if grades else "",
        }
        for row, name in zip(movable.order, model["units"], strict=True)
    ]


def _policy(scripts: list[Markup]) -> str:
    """Return a content security policy: no network, and no script but these."""
    return (
        f"default-src 'none'; script-src {allowed(*scripts)}; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _part(name: str) -> Markup:
    """Return a file beside the template."""
    return Markup(_text("templates", name).strip())


def _text(*place: str) -> str:
    return resources.files("citygauge").joinpath("report", *place).read_text(encoding="utf-8")


@cache
def _words(language: Language) -> dict[str, str]:
    words: dict[str, str] = tomllib.loads(_text("slider.toml"))[language]
    return words


@cache
def _methods(language: Language) -> dict[str, str]:
    methods: dict[str, str] = tomllib.loads(_text("texts.toml"))["methods"][language]
    return methods


@cache
def _template() -> jinja2.Template:
    rules = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return rules.from_string(_part("slider.html.jinja"))
