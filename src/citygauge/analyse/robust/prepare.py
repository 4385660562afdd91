"""From a workspace and a specification to a model: everything that can be done once is done here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from citygauge.analyse.robust.factors import Drawn, chosen_nodes, label
from citygauge.analyse.robust.model import Model, Stratum, Variant
from citygauge.analyse.robust.noise import noise_of
from citygauge.analyse.robust.scoring import Scorer, Tree
from citygauge.analyse.robust.settings import with_settings
from citygauge.analyse.robust.spec import SPEC, Factor, Spec
from citygauge.analyse.stages import Prepared, Stages
from citygauge.collect.neutral import Neutral
from citygauge.faults import faults_of, reasoned
from citygauge.files import Sheet, canonical_headers, read_sheet
from citygauge.framework.check import check_weight_sets
from citygauge.framework.model import Framework
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result
from citygauge.score.imputing import drawn
from citygauge.score.method import Method
from citygauge.score.ranges import ranges
from citygauge.score.rank import RESOLUTION
from citygauge.score.weight import sibling_weights
from citygauge.score.weight_data import WEIGHTERS
from citygauge.score.weighting import check_weights, shares_of
from citygauge.workspace import Workspace

Array = NDArray[np.float64]

MOST_VARIANTS = 20_000
_SHOWN = 10


def model_of(
    result: Result, spec: Spec, stages: Stages | None = None, noted: Problems | None = None
) -> Model:
    """Return the model of a specification around an assessed workspace.

    Parameters
    ----------
    result : Result
    spec : Spec
    stages : Stages, optional
        Of the workspace, with what they have made already.
    noted : Problems, optional
        Where warnings go.

    Raises
    ------
    InputError
        With everything that is wrong with the factors, and the combinations of settings that cannot run.
    """
    problems = Problems()
    if not spec.factor:
        problems.add("robust.no-factors", Where(SPEC))
    workspace = _with_sets(result.workspace, spec, problems)
    framework = workspace.framework
    if stages is None or workspace is not result.workspace:
        stages = Stages(workspace, result.period)
    factors = [_drawn(factor, workspace, result, problems) for factor in spec.factor]
    check_keys([factor.key for factor in spec.factor if factor.key], result, Where(SPEC), problems)
    problems.raise_errors()
    choosing = tuple(each for each in factors if _makes_variant(each.factor))
    size = int(np.prod([each.n_levels for each in choosing], dtype=np.int64)) if choosing else 1
    if size > MOST_VARIANTS:
        problems.add("robust.too-many", Where(SPEC), count=size, most=MOST_VARIANTS)
    problems.raise_errors()
    weights = given_weights(framework, _weight_names(spec, result.method, workspace))
    tree, units = Tree.of(framework), result.units.codes
    data = next((each for each in spec.factor if each.data), None)
    number = np.full([each.n_levels for each in choosing], -1, np.int64)
    variants, failed = [], []
    for combination in product(*(range(each.n_levels) for each in choosing)):
        chosen = {each.name: each.labels[i] for each, i in zip(choosing, combination, strict=True)}
        try:
            method = _combined(result.method, choosing, combination)
            variants.append(variant_of(stages, method, weights, tree, units, has_data=data is not None))
            number[combination] = len(variants) - 1
        except (InputError, ValidationError) as error:
            failed.append((chosen, error))
    _note_impossible(failed, size, result, spec, problems)
    spans = {ranges(variant.method, framework)[framework.root.code] for variant in variants}
    if result.scale is not None and None in spans:
        problems.add("method.grades-without-range", Where(SPEC), scale=result.scale.id)
    problems.raise_errors()
    if data is not None:
        variants, width = _with_noise(variants, stages, result, data, problems)
        factors = [replace(each, width=width) if each.factor.data else each for each in factors]
    problems.raise_errors()
    if noted is not None:
        noted.extend(problems.warnings)
    is_graded = None not in spans or len(spans) == 1
    grades = tuple(grade.id for grade in result.scale.grades) if result.scale and is_graded else ()
    is_one_scale = have_one_scale([variant.method for variant in variants], framework)
    return Model(
        spec.seed, units, tree, tuple(factors), tuple(each.name for each in choosing), tuple(variants),
        number, grades, is_one_scale,
    )  # fmt: skip


def have_one_scale(methods: Sequence[Method], framework: Framework) -> bool:
    """Tell whether the indices of several methods can be held against each other."""
    root = framework.root.code
    spans = {ranges(method, framework)[root] for method in methods}
    hows = {(method.normalise.how, method.aggregate.rules(framework)[root].how) for method in methods}
    return len(spans) <= 1 and (None not in spans or len(hows) == 1)


def _with_noise(
    variants: Sequence[Variant], stages: Stages, result: Result, data: Factor, problems: Problems
) -> tuple[list[Variant], int]:
    """Return the variants with the spread of their data, and how many figures have any."""
    assert data.data is not None
    if any(variant.method.screen != variants[0].method.screen for variant in variants):
        problems.add("robust.data-with-screen", Where(SPEC), name=data.name)
        return list(variants), 0
    year = stages.prepared(variants[0].method).year
    noise = [noise_of(result.workspace, year, name, data.data, problems) for name in year.derived]
    place = {key: i for i, key in enumerate(dict.fromkeys(key for each in noise for key in each.keys))}
    places = [np.array([place[key] for key in each.keys], np.int64) for each in noise]
    width = len(place)
    if not width and not problems.errors:
        problems.add("robust.nothing-uncertain", Where(SPEC), name=data.name)
    found = [
        replace(
            variant,
            strata=tuple(
                replace(one, noise=own, places=at)
                for one, own, at in zip(variant.strata, noise, places, strict=True)
            ),
        )
        for variant in variants
    ]
    return found, width


def variant_of(
    stages: Stages,
    method: Method,
    weights: Mapping[str, Array | None],
    tree: Tree,
    units: Sequence[str],
    *,
    has_data: bool,
) -> Variant:
    """Return one combination of settings, ready to be scored under each of the `weights` (`given_weights`).

    Raises
    ------
    InputError
        With why it cannot run.
    """
    prepared, problems = stages.prepared(method), Problems()
    known, framework = set(units), tree.framework
    strata = []
    for name, scaled in prepared.strata.items():
        table = scaled.normalised.of_units(
            np.array([unit in known for unit in scaled.normalised.units], bool)
        )
        scorer = Scorer.of(tree, prepared.plan, table, units)
        if has_data:
            past = stages.past(prepared).get(name, {})
            strata.append(Stratum(scorer, prepared.year.part(name), past))
        else:
            strata.append(Stratum(scorer))
    tables = [scaled.normalised for scaled in prepared.strata.values()]
    shares = []
    for name, row in weights.items():
        if row is None:
            named = method.replace(weights=name)
            own = shares_of(named, framework, tables, problems)
            shares.append(_row(framework, own))
        else:
            shares.append(row)
    problems.raise_errors()
    edges, span = _edges(prepared, method, framework)
    return Variant(method, tuple(strata), np.array(shares), edges, span)


def given_weights(framework: Framework, names: Sequence[str]) -> dict[str, Array | None]:
    """Return the weight of every node ``(n_nodes,)`` under each name; None where it comes from the data."""
    return {
        name: None if name in WEIGHTERS else _row(framework, sibling_weights(framework, name, Problems()))
        for name in names
    }


def _row(framework: Framework, shares: Mapping[str, float]) -> Array:
    return np.array([shares.get(code, 1.0) for code in framework.codes])


def _edges(prepared: Prepared, method: Method, framework: Framework) -> tuple[Array, float]:
    """Return the lower edges of the grades under a method, and the size of their range."""
    scale = prepared.run.scale
    if scale is None:
        return np.empty(0), 0.0
    onto = ranges(method, framework)[framework.root.code]
    low, high = onto or (scale.low, scale.high)
    slack = abs(high - low) * RESOLUTION
    edges = [-np.inf if edge is None else edge - slack for edge in scale.edges(onto)]
    return np.array(edges), abs(high - low)


def read_sets(sheet: Sheet, framework: Framework, problems: Problems) -> dict[str, dict[str, float]]:
    """Return the weight sets of a table ``set,code,weight``, or of budgets ``expert,code,points``.

    Rows of the index say nothing and are passed over.
    """
    sheet = canonical_headers(sheet, ("set", "code", "weight", "expert", "points"))
    budget = {"expert": "set", "points": "weight"}  # as experts' budgets are written down
    taken = {old: new for old, new in budget.items() if new not in sheet.frame.columns}
    sheet = replace(sheet, frame=sheet.frame.rename(taken, strict=False))
    missing = [name for name in ("set", "code", "weight") if name not in sheet.frame.columns]
    if missing:
        problems.add("robust.missing-columns", sheet.where(), columns=missing)
        return {}
    frame = sheet.frame.with_row_index("_row")
    frame = frame.filter(pl.any_horizontal(pl.col("set", "code", "weight").is_not_null()))
    if nameless := frame.filter(pl.col("set").is_null())["_row"].to_list():
        rows = [sheet.first_row + row for row in nameless]
        problems.add("robust.nameless-set", sheet.where(nameless[0], "set"), rows=rows)
    frame = frame.filter(pl.col("set").is_not_null() & pl.col("code").ne_missing(framework.root.code))
    sets = []
    for (name,), own in frame.group_by("set", maintain_order=True):
        first, last = int(own["_row"][0]), int(own["_row"][-1])
        # Blank rows are passed over, and keep the others at the places they have in the file.
        kept = pl.DataFrame({"_row": pl.Series(range(first, last + 1), dtype=own["_row"].dtype)})
        rows_of = kept.join(own, on="_row", how="left", maintain_order="left").drop("_row")
        sets.append((str(name), replace(sheet, frame=rows_of, first_row=sheet.first_row + first)))
    if not sets and not problems.errors:
        problems.add("robust.no-sets", sheet.where())
    return dict(check_weight_sets(framework, sets, problems))


def _with_sets(workspace: Workspace, spec: Spec, problems: Problems) -> Workspace:
    """Return the workspace with the weight sets that the specification names beside its own."""
    named = next((f.weights.sets for f in spec.factor if f.weights and f.weights.sets), None)
    if named is None:
        return workspace
    sheet = read_sheet((workspace.folder or Path()) / named, problems)
    if sheet is None:
        return workspace
    sets = read_sets(sheet, workspace.framework, problems)
    return with_weight_sets(workspace, {f"{named}:{name}": own for name, own in sets.items()})


def with_weight_sets(workspace: Workspace, sets: Mapping[str, Mapping[str, float]]) -> Workspace:
    """Return the workspace with further weight sets in its framework."""
    framework = workspace.framework
    return replace(workspace, framework=replace(framework, weight_sets={**framework.weight_sets, **sets}))


def _weight_names(spec: Spec, method: Method, workspace: Workspace) -> tuple[str, ...]:
    """Return the weights that can be chosen: of the factor that varies them, else the method's own."""
    for factor in spec.factor:
        if factor.key == "weights":
            return tuple(map(str, factor.values))
        if factor.weights and factor.weights.sets:
            prefix = f"{factor.weights.sets}:"
            return tuple(name for name in workspace.framework.weight_sets if name.startswith(prefix))
    return (method.weights,)


def _makes_variant(factor: Factor) -> bool:
    return (factor.key is not None and factor.key != "weights") or factor.draws is not None


def _combined(method: Method, choosing: Sequence[Drawn], combination: Sequence[int]) -> Method:
    """Return the method with the settings of a combination of levels."""
    levels = [(each.factor, level) for each, level in zip(choosing, combination, strict=True)]
    draw = next((level + 1 for factor, level in levels if factor.draws), None)
    changed = with_settings(method, {f.key: f.values[level] for f, level in levels if f.key})
    if draw is None:
        return changed
    if not any(rule.how == "iterative" for rule in changed.impute.rules().values()):
        return with_settings(changed, {"impute.draw": draw})  # which says what it takes
    return changed.model_copy(update={"impute": drawn(changed.impute, draw)})


def _drawn(factor: Factor, workspace: Workspace, result: Result, problems: Problems) -> Drawn:
    """Return a factor made ready, and note what is wrong with it."""
    framework = workspace.framework
    if factor.key is not None:
        _check_values(factor, workspace, result.method, problems)
        return Drawn(factor, 1, tuple(map(label, factor.values)), factor.odds or (1.0,) * len(factor.values))
    if factor.draws is not None:
        return Drawn(factor, 1, tuple(map(str, range(1, factor.draws + 1))), (1.0,) * factor.draws)
    if factor.edges is not None and result.scale is None:
        problems.add("robust.no-grades", Where(SPEC), name=factor.name)
    if factor.edges is not None or factor.data is not None:
        grades = result.scale.grades if result.scale and factor.edges else ()
        return Drawn(factor, sum(grade.edge is not None for grade in grades))
    return _drawn_weights(factor, framework, problems)


def _drawn_weights(factor: Factor, framework: Framework, problems: Problems) -> Drawn:
    """Return a factor on weights made ready."""
    at = {code: i for i, code in enumerate(framework.codes)}
    rule = factor.weights or factor.leave_out
    assert rule is not None
    if factor.weights and factor.weights.sets:
        prefix = f"{factor.weights.sets}:"
        names = [n.removeprefix(prefix) for n in framework.weight_sets if n.startswith(prefix)]
        return Drawn(factor, 1, tuple(names), (1.0,) * len(names))
    levels = factor.weights.levels if factor.weights else ()
    if factor.leave_out and factor.leave_out.level is not None:
        levels = (factor.leave_out.level,)
    codes = _nodes(framework, levels, rule.codes, factor.name, problems)
    nodes = np.array([at[code] for code in codes], np.int64)
    if factor.leave_out:
        labels = ("", *codes)
        return Drawn(factor, 1, labels, (1.0,) * len(labels), nodes)
    return Drawn(factor, len(codes), nodes=nodes)


def _nodes(
    framework: Framework, levels: Sequence[int], codes: Sequence[str], name: str, problems: Problems
) -> list[str]:
    """Return the nodes a factor is about; what does not exist, or has nothing to vary, is noted."""
    deepest = max(framework.levels.values())
    for level in (level for level in levels if not 1 <= level <= deepest):
        problems.add("robust.unknown-level", Where(SPEC), name=name, level=level, last=deepest)
    for code in (code for code in codes if code not in framework):
        near = get_close_matches(code, framework.codes, 3)
        problems.add("robust.unknown-code", Where(SPEC), name=name, code=code, near=near)
    found = chosen_nodes(framework, levels, codes)
    if found and (lone := [code for code in codes if code in framework and code not in found]):
        problems.add("robust.no-share", Where(SPEC), name=name, codes=lone)
    if not found and not problems.errors:
        problems.add("robust.nothing-varies", Where(SPEC), name=name)
    return found


def check_keys(keys: Iterable[str], result: Result, where: Where, problems: Problems) -> None:
    """Note settings that cannot vary: grade scales, and on illustrative data what tells units by name."""
    for key in keys:
        part, _, name = key.partition(".")
        if part == "grades":
            problems.add("robust.other-grades", where, key=key)
        if result.illustrative and part == "screen" and name in {"", "include", "exclude"}:
            problems.add("robust.names-units", where, key=key)


def _check_values(factor: Factor, workspace: Workspace, method: Method, problems: Problems) -> None:
    """Note values of a factor that are no settings of a method."""
    assert factor.key is not None
    for value in factor.values:
        if factor.key == "weights":
            check_weights(str(value), workspace.framework, problems)
            continue
        try:
            with_settings(method, {factor.key: value})
        except (ValidationError, AttributeError, TypeError) as error:
            problem = Problem(
                "robust.unfit-value",
                Where(SPEC),
                {"name": factor.name, "key": factor.key, "value": label(value)},
            )
            problems.extend([reasoned(problem, *reasons(error))])


def reasons(error: Exception, result: Result | None = None) -> tuple[str, str]:
    """Return why settings cannot be used, in both languages; on illustrative data under neutral names."""
    if isinstance(error, InputError):
        found = tuple(each for each in error.problems if each.severity == "error")
        if result is not None and result.illustrative:
            found = Neutral(result.workspace.units, result.label_of).problems(found)
        told = [(each.message("en"), each.message("zh")) for each in found]
    elif isinstance(error, ValidationError):
        told = [(fault.en, fault.zh) for fault in faults_of(error)]
    else:
        told = [(str(error), str(error))]
    english, chinese = (list(dict.fromkeys(each)) for each in zip(*told, strict=True))
    return " ".join(english), "".join(chinese)


def _note_impossible(
    failed: Sequence[tuple[Mapping[str, str], Exception]],
    size: int,
    result: Result,
    spec: Spec,
    problems: Problems,
) -> None:
    """Note combinations that cannot run: an error where they are refused, or where nothing else is left."""
    if not failed:
        return
    by_reason: dict[tuple[str, str], list[str]] = {}
    for chosen, error in failed:
        settings = " + ".join(f"{name} = {level}" for name, level in chosen.items())
        by_reason.setdefault(reasons(error, result), []).append(settings)
    english, chinese = [], []
    for (en, zh), combinations in list(by_reason.items())[:_SHOWN]:
        more = len(combinations) - _SHOWN
        shown = "; ".join(combinations[:_SHOWN])
        english.append(f"{shown}{f' and {more} more' if more > 0 else ''} ({en})")
        chinese.append(f"{shown}{f'等{len(combinations)}种' if more > 0 else ''}（{zh}）")
    values = {"count": len(failed), "total": size}
    if spec.impossible == "refuse" or len(failed) == size:
        problem = Problem("robust.impossible", Where(SPEC), values)
    else:
        problem = Problem("robust.left-out", Where(SPEC), values)
    problems.extend([reasoned(problem, "; ".join(english), "；".join(chinese))])
