"""The charts of a report, by the names that its templates call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from citygauge.report.book.figures import city, model, robust, scores, units
from citygauge.report.book.figures.drawn import Drawn

FIGURES: Mapping[str, Callable[..., Drawn]] = {
    "stages": model.stages, "architecture": model.architecture, "content": model.content,
    "timeline": model.timeline, "layers": model.layers, "tree": model.tree, "weights": model.weights,
    "treemap": model.treemap, "objects": units.objects, "grade-shares": scores.grade_shares,
    "node-columns": scores.node_columns, "node-strip": scores.node_strip, "pillars": scores.pillars,
    "leaf-bars": scores.leaf_bars, "group-bars": scores.group_bars, "group-pillars": scores.group_pillars,
    "grade-pillars": scores.grade_pillars, "layer-strip": scores.layer_strip,
    "correlations": scores.correlations, "swarm": units.swarm,
    "scatter": units.scatter, "heat": units.heat, "cluster-lines": units.cluster_lines,
    "place": city.place, "radar": city.radar,
    "rank-intervals": robust.rank_intervals, "grade-chances": robust.grade_chances,
    "rank-chances": robust.rank_chances, "pairs": robust.pairs, "influence": robust.influence,
    "one-at-a-time": robust.one_at_a_time,
    "dumbbell": city.dumbbell, "leader": city.leader, "gains": city.gains,
}  # fmt: skip
