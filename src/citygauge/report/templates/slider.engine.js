// Scores and ranks as the engine computes them (score/means.py, aggregate.py, points.py, rank.py, grade.py):
// columns of numbers in, columns out, NaN = missing. Nothing here touches the page.
const citygauge = (() => {
  "use strict";
  const TINY = 2.2250738585072014e-308; // the inverse of anything smaller is infinite
  const STEPS = 2 ** 40; // of the range, to which scores are rounded before they are ranked
  const HALF_EVEN = 1.5 * 2 ** 52; // added and taken away, leaves the nearest whole number
  const SLACK = 1e-12;

  const column = (numbers, n) => {
    if (!numbers) return new Float64Array(n).fill(NaN);
    return Float64Array.from(numbers, (one) => (one === null ? NaN : one));
  };

  // Means of a parent's children, unit by unit: `values` a column for each child.
  const averaged = (values, weights, out, of, back) => {
    for (let unit = 0; unit < out.length; unit++) {
      let sum = 0;
      let total = 0;
      for (let k = 0; k < values.length; k++) {
        const value = values[k][unit];
        if (value !== value) continue;
        sum += of(value) * weights[k];
        total += weights[k];
      }
      out[unit] = total > 0 ? back(sum, total) : NaN;
    }
  };

  // A child with a weight that is 0 makes the parent 0 where zeros lose, a negative one makes it NaN.
  const unlessLost = (values, weights, out, zerosLose) => {
    for (let k = 0; k < values.length; k++) {
      if (!(weights[k] > 0)) continue;
      for (let unit = 0; unit < out.length; unit++) if (zerosLose && values[k][unit] === 0) out[unit] = 0;
    }
    for (let k = 0; k < values.length; k++) {
      if (!(weights[k] > 0)) continue;
      for (let unit = 0; unit < out.length; unit++) if (values[k][unit] < 0) out[unit] = NaN;
    }
  };

  const arithmetic = (values, weights, out) => {
    averaged(values, weights, out, (value) => value, (sum, total) => sum / total);
  };

  const geometric = (values, weights, out) => {
    const log = (value) => (value > 0 ? Math.log(value) : 0);
    averaged(values, weights, out, log, (sum, total) => Math.exp(sum / total));
    unlessLost(values, weights, out, true);
  };

  const harmonic = (values, weights, out) => {
    const inverse = (value) => (value > 0 ? 1 / Math.max(value, TINY) : 0);
    averaged(values, weights, out, inverse, (sum, total) => (sum > 0 ? total / sum : NaN));
    unlessLost(values, weights, out, true);
  };

  const generalised = (values, weights, out, power) => {
    const named = { 1: arithmetic, 0: geometric, "-1": harmonic }[power];
    if (named) return named(values, weights, out);
    const extreme = power > 0 ? Math.max : Math.min;
    for (let unit = 0; unit < out.length; unit++) {
      let scale = NaN;
      let zero = false;
      for (let k = 0; k < values.length; k++) {
        const value = values[k][unit];
        if (!(weights[k] > 0)) continue;
        if (value > 0) scale = scale === scale ? extreme(scale, value) : value;
        if (value === 0) zero = true;
      }
      let sum = 0;
      let total = 0;
      for (let k = 0; k < values.length; k++) {
        const value = values[k][unit];
        if (!(weights[k] > 0) || !(value >= 0)) continue;
        // Against the extreme child nothing grows without bound, and near power 0 no digits are lost.
        sum += Math.expm1(power * Math.log(value / scale)) * weights[k];
        total += weights[k];
      }
      const mean = total > 0 ? scale * Math.exp(Math.log1p(sum / total) / power) : NaN;
      out[unit] = zero && scale !== scale ? 0 : mean;
    }
    unlessLost(values, weights, out, power < 0);
  };

  const MEANS = { arithmetic, geometric, harmonic, generalised };

  // Bonuses and deductions within their bounds, vetoes last.
  const adjusted = (adjust, columns, out) => {
    const least = adjust.least ?? -Infinity;
    const most = adjust.most ?? Infinity;
    for (let unit = 0; unit < out.length; unit++) {
      let gained = 0;
      for (const [child, gain] of adjust.gains) {
        const value = columns[child][unit];
        if (value === value) gained += (value - adjust.low) * gain;
      }
      out[unit] = Math.min(Math.max(out[unit] + gained, least), most);
      for (const [child, limit] of adjust.vetoes) {
        if (!(columns[child][unit] > adjust.low)) continue;
        out[unit] = out[unit] === out[unit] ? Math.min(out[unit], limit) : limit;
      }
    }
  };

  // Scores as whole multiples of 2^-40 of their range.
  const rounded = (values) => {
    let least = NaN;
    let most = NaN;
    for (const value of values) {
      if (!(value >= least)) least = value === value ? value : least;
      if (!(value <= most)) most = value === value ? value : most;
    }
    const size = Math.max(most - least, Math.abs(least), Math.abs(most));
    const keys = new Float64Array(values.length);
    for (let unit = 0; unit < keys.length; unit++) {
      keys[unit] = (values[unit] / (size > 0 ? size : 1)) * STEPS + HALF_EVEN - HALF_EVEN;
    }
    return keys;
  };

  // Ranks, 1 the highest, 0 = no value; neighbours at most one step apart share the smallest. `order` holds
  // all units as they stood last, which makes sorting quick, and is sorted in place.
  const ranked = (values, order) => {
    const keys = rounded(values).map((key) => (key === key ? key : -2 * STEPS));
    order.sort((a, b) => keys[b] - keys[a] || a - b);
    const ranks = new Int32Array(values.length);
    let first = 1;
    order.forEach((unit, place) => {
      if (place && keys[order[place - 1]] - keys[unit] > 1) first = place + 1;
      ranks[unit] = values[unit] === values[unit] ? first : 0;
    });
    return ranks;
  };

  // The place of each unit's grade, the best first; -1 without a score.
  const graded = (values, edges, slack) => {
    const reached = (score) => edges.findIndex((edge) => edge === null || score >= edge - slack);
    return Array.from(values, (score) => (score === score ? reached(score) : -1));
  };

  // Weights of siblings after one of them became `share`: the others keep their proportions, which are those
  // of `known` where nothing is left of them.
  const moved = (weights, at, share, known) => {
    const parts = [weights, known, weights.map(() => 1)];
    for (const part of parts) {
      const rest = part.reduce((sum, weight, k) => sum + (k === at ? 0 : weight), 0);
      if (rest > 0) return part.map((weight, k) => (k === at ? share : (1 - share) * (weight / rest)));
    }
    return weights.map(() => 1);
  };

  const model = (data) => {
    const { nodes } = data;
    const n = data.units.length;
    const weights = Float64Array.from(nodes, (node) => node.share);
    const counted = nodes.map(() => []);
    nodes.forEach((node, at) => {
      if (node.parent >= 0 && !node.role) counted[node.parent].push(at);
    });
    const live = nodes.flatMap((node, at) => (node.rule ? [at] : [])).reverse(); // the lowest first
    const layers = data.layers.map((layer) => ({
      own: nodes.map((node, at) => (node.rule && layer.values[at] ? column(layer.values[at], n) : null)),
      values: nodes.map((_, at) => column(layer.values[at], n)),
      applies: nodes.map((_, at) => {
        const applies = new Uint8Array(n).fill(1);
        for (const row of layer.gaps[at]) applies[row] = 0;
        return applies;
      }),
    }));
    const scores = column(data.index, n);
    const order = Array.from({ length: n }, (_, unit) => unit);

    const compute = ({ own, values, applies }, at) => {
      const { rule } = nodes[at];
      const children = counted[at];
      const columns = children.map((child) => values[child]);
      const out = values[at];
      MEANS[rule.how](columns, children.map((child) => weights[child]), out, rule.power);
      for (let unit = 0; unit < n; unit++) {
        let expected = 0;
        let known = 0;
        for (let k = 0; k < children.length; k++) {
          if (!applies[children[k]][unit]) continue;
          expected++;
          if (columns[k][unit] === columns[k][unit]) known++;
        }
        if (!(known / expected >= rule.least - SLACK)) out[unit] = NaN;
        applies[at][unit] = expected > 0 ? 1 : 0;
      }
      if (rule.adjust) adjusted(rule.adjust, values, out);
      if (!own[at]) return;
      for (let unit = 0; unit < n; unit++) {
        if (own[at][unit] !== own[at][unit]) continue;
        out[unit] = own[at][unit];
        applies[at][unit] = 1;
      }
    };

    // Over strata the mean of those that have a score.
    const index = () => {
      if (!layers.length) return;
      for (let unit = 0; unit < n; unit++) {
        let sum = 0;
        let known = 0;
        for (const { values } of layers) {
          if (values[0][unit] !== values[0][unit]) continue;
          sum += values[0][unit];
          known++;
        }
        scores[unit] = known ? sum / known : NaN;
      }
    };

    const self = { weights, counted, scores, order, ranks: null };
    // Compute all nodes, or one and those above it after weights of its children have changed.
    self.update = (from) => {
      if (from === undefined) for (const layer of layers) for (const at of live) compute(layer, at);
      else for (const layer of layers) for (let at = from; at >= 0; at = nodes[at].parent) compute(layer, at);
      index();
      self.ranks = ranked(scores, order);
      return self;
    };
    return self.update();
  };

  return { model, ranked, graded, moved };
})();
