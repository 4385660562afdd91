"""What may vary in a robustness run, as plain data beside the method."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from citygauge.analyse.robust.noise import NoiseSettings
from citygauge.faults import RuleError, note_invalid, note_not_toml
from citygauge.files import is_file
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where
from citygauge.provenance import sha256_of
from citygauge.score.plain import Plain

SPEC = "robust.toml"


class WeightDraws(Plain):
    """Weights drawn around those of the method, or one of given sets of weights.

    `share` draws each weight evenly between its value less and plus this share of it; `concentration` draws
    the weights of siblings from a Dirichlet distribution whose mean they are, the narrower the larger it is;
    `sets` names a file of weight sets, ``set,code,weight``, or of the budgets of experts,
    ``expert,code,points``, and takes one of them at a time.
    `levels` and `codes` say whose weights vary: nodes of these depths (1 = pillars), or these nodes; by
    default all. Weights are brought to a sum of 1 among siblings afterwards.
    """

    share: float | None = Field(None, gt=0, le=1)
    concentration: float | None = Field(None, gt=0, le=1e6)
    sets: str | None = Field(None, min_length=1)
    levels: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> WeightDraws:
        given = [name for name in ("share", "concentration", "sets") if getattr(self, name) is not None]
        if len(given) != 1:
            raise RuleError(
                "give one of share, concentration and sets", "应从 share、concentration、sets 中给出一项"
            )
        if self.sets and (self.levels or self.codes):
            raise RuleError("sets hold the weights of all nodes", "sets 含有全部节点的权重")
        if self.levels and self.codes:
            raise RuleError("give levels or codes, not both", "levels 与 codes 只能给出一项")
        return self


class LeaveOut(Plain):
    """Nodes of which one at a time is left out, or none: those of a level, or those named."""

    level: int | None = Field(None, ge=1)
    codes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> LeaveOut:
        if (self.level is None) == (not self.codes):
            raise RuleError("give level or codes", "应给出 level 或 codes 中的一项")
        return self


class Factor(Plain):
    """One thing that varies, independently of the others.

    `key` names a setting of the method (``normalise.how``, ``aggregate.by.1``, ``weights``, or a whole part
    such as ``normalise``) and `values` what it may be, each as likely as the others or by the shares of
    `odds`. In place of these: `weights` draws weights, `leave_out` leaves nodes out, `edges` moves each lower
    edge of the grades evenly by up to this share of their range, `draws` takes one of so many imputations
    (``impute.draw``), `data` draws the facts.
    """

    name: str = ""
    key: str | None = Field(None, min_length=1)
    values: tuple[Any, ...] = ()
    odds: tuple[float, ...] = ()
    weights: WeightDraws | None = None
    leave_out: LeaveOut | None = None
    edges: float | None = Field(None, gt=0, le=1)
    draws: int | None = Field(None, ge=2, le=1000)
    data: NoiseSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("name"):
            kinds = [kind for kind in ("weights", "leave_out", "edges", "draws", "data") if kind in data]
            return {**data, "name": str(data.get("key") or (kinds[0] if kinds else ""))}
        return data

    @model_validator(mode="after")
    def _one_kind(self) -> Factor:
        if len(self.kinds) != 1:
            raise RuleError(
                "a factor is one of key with values, weights, leave_out, edges, draws and data",
                "一个因素应为 key 与 values、weights、leave_out、edges、draws、data 中的一种",
            )
        if self.kinds == ("key",) and len(self.values) < 2:
            raise RuleError("values needs at least two entries", "values 至少应有两项")
        if self.values and self.key is None:
            raise RuleError("values needs a key", "有 values 时须给出 key")
        if self.odds and (len(self.odds) != len(self.values) or min(self.odds) <= 0):
            raise RuleError(
                "odds needs a share above 0 for each of the values", "odds 应为每个取值给出一个大于 0 的数"
            )
        return self

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The kinds of factor that are given; one in a valid factor."""
        names = ("key", "weights", "leave_out", "edges", "draws", "data")
        return tuple(name for name in names if getattr(self, name) is not None)

    @property
    def kind(self) -> Literal["key", "weights", "leave_out", "edges", "draws", "data"]:
        """What kind of factor this is."""
        kind: Literal["key", "weights", "leave_out", "edges", "draws", "data"] = self.kinds[0]
        return kind


class Spec(Plain):
    """A robustness run: what varies, how often it is drawn, and from which seed.

    `n` replications for the distributions of ranks, `samples` base samples for the sensitivity indices (0 for
    none; each takes two runs more than there are factors), `top` the first places whose probability is given.
    `impossible` says what becomes of combinations of settings that cannot run: they are refused, or left out,
    whereupon the factors are no longer independent and their shares are Shapley effects.
    """

    n: int = Field(10_000, ge=1, le=10**9)
    seed: int = Field(1, ge=0, lt=2**63)
    samples: int = Field(16_384, ge=0, le=10**8)
    top: int = Field(10, ge=1)
    impossible: Literal["refuse", "leave_out"] = "refuse"
    factor: tuple[Factor, ...] = ()

    @model_validator(mode="after")
    def _factors_fit(self) -> Spec:
        if twice := _repeated([factor.name for factor in self.factor]):
            raise RuleError(
                f"factors need names of their own: {', '.join(twice)}", f"因素的名称重复：{'、'.join(twice)}"
            )
        if twice := _repeated([factor.key for factor in self.factor if factor.key]):
            raise RuleError(
                f"a setting can be one factor: {', '.join(twice)}",
                f"一项设置只能作为一个因素：{'、'.join(twice)}",
            )
        for kind in ("edges", "data", "leave_out", "draws"):
            if sum(factor.kind == kind for factor in self.factor) > 1:
                raise RuleError(f"there can be one factor of {kind}", f"{kind} 因素只能有一个")
        sets = [f for f in self.factor if f.key == "weights" or (f.weights and f.weights.sets)]
        if len(sets) > 1:
            raise RuleError("sets of weights can be one factor", "权重方案只能作为一个因素")
        return self

    @property
    def hash(self) -> str:
        """SHA-256 of the specification with all its defaults spelt out."""
        return sha256_of(self.model_dump(mode="json"))


def _repeated(names: Sequence[str]) -> list[str]:
    """Return the names that stand there more than once."""
    return sorted({name for name in names if names.count(name) > 1})


def read_spec(path: Path, problems: Problems) -> Spec | None:
    """Read ``robust.toml`` and note everything wrong with it; None where it cannot be used."""
    if not is_file(path):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    try:
        return spec_of(tomllib.loads(path.read_text(encoding="utf-8-sig")), path.name, problems)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        note_not_toml(error, path.name, problems)
    return None


def spec_of(data: Mapping[str, Any], file: str, problems: Problems) -> Spec | None:
    """Return the specification of plain data, or note what is wrong with it."""
    try:
        return Spec(**data)
    except ValidationError as error:
        note_invalid(error, "robust", Spec, file, problems)
    return None


def default_spec(framework: Framework, **changes: Any) -> Spec:
    """Return what varies where nothing is said: each weight by up to a quarter, a factor for each level.

    Levels at which no node has siblings with a weight are left out.
    """
    weighed = [s for p in framework.aggregates if len(s := framework.counted(p)) > 1]
    levels = sorted({framework.levels[code] for siblings in weighed for code in siblings})
    factors = [
        Factor(name=f"weights.{level}", weights=WeightDraws(share=0.25, levels=(level,))) for level in levels
    ]
    return Spec(factor=tuple(factors), **changes)


def with_factors(spec: Spec, framework: Framework) -> Spec:
    """Return a specification that names no factor with those of the default."""
    return spec if spec.factor else spec.model_copy(update={"factor": default_spec(framework).factor})
