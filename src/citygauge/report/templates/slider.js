(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("slider-data").textContent);
  const { nodes, units, published, words, edges, limit } = data;
  const model = citygauge.model(data);
  const { weights, counted } = model;
  const at = (id) => document.getElementById(id);
  const fill = (text, told) => text.replace(/\{(\w+)\}/g, (_, name) => told[name]);
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const write = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
  const isOneOfTwo = (node) => nodes[node].parent >= 0 && counted[nodes[node].parent].length > 1;
  const groups = counted.filter((children) => children.length > 1);
  const given = weights.slice();
  const first = edges && citygauge.graded(model.scores, edges, data.slack);

  // Scores as the report writes them: points with a half rounded up, other scores with a half to the even.
  const points = ({ full, low, high, decimals }, score) => {
    const shift = (value, by) => {
      const [digits, power = "0"] = String(value).split("e");
      return Number(`${digits}e${Number(power) + by}`);
    };
    const exact = Number((((100 * (score - low)) / (high - low) / 100) * full).toFixed(9));
    const size = shift(Math.round(shift(Math.abs(exact), decimals)), -decimals);
    return (exact < 0 && size ? "−" : "") + size.toFixed(decimals);
  };
  const plain = ({ decimals }, score) => {
    const scaled = Math.abs(score) * 10 ** decimals;
    const halfway = scaled % 1 === 0.5 && Number.isInteger(score * 2 ** (decimals + 1));
    const size = halfway ? (2 * Math.round(scaled / 2)) / 10 ** decimals : Math.abs(score);
    return (score < 0 ? "−" : "") + size.toFixed(decimals);
  };
  const shown = (score) => {
    if (score !== score) return "–";
    return ("full" in data.marks ? points : plain)(data.marks, score);
  };

  // Rows stay where they are and what they say changes: of many rows those in view at once, the others once
  // the weights rest.
  const body = at("rows");
  const isLive = Boolean(at("reset"));
  const changeOf = (unit) => (published[unit] && model.ranks[unit] ? published[unit] - model.ranks[unit] : null);
  const lines = [];
  const cell = (row, tag, kind) => {
    const made = row.appendChild(document.createElement(tag));
    if (kind) made.className = kind;
    return made;
  };
  const lineAt = (place) => {
    if (lines[place]) return lines[place];
    const row = document.createElement("tr");
    const line = { row, rank: cell(row, "td", "num"), name: cell(row, "th") };
    line.name.scope = "row";
    line.score = cell(row, "td", "num").appendChild(document.createElement("data"));
    if (isLive) {
      line.was = cell(row, "td", "num was-rank");
      line.change = cell(row, "td", "num");
      line.sign = cell(line.change, "span");
      line.sign.setAttribute("aria-hidden", "true");
      line.spoken = cell(line.change, "span", "unseen");
    }
    if (edges && data.gradesShown) line.grade = cell(row, "td");
    return (lines[place] = line);
  };
  const paint = (place, unit, grades) => {
    const line = lineAt(place);
    const score = model.scores[unit];
    write(line.rank, String(model.ranks[unit] || "–"));
    write(line.name, units[unit]);
    write(line.score, shown(score));
    line.score.value = score === score ? String(score) : "";
    if (line.change) {
      const change = changeOf(unit);
      const kind = change > 0 ? "up" : change < 0 ? "down" : "same";
      write(line.was, String(published[unit] || "–"));
      line.change.className = `num ${kind}`;
      write(line.sign, { up: `▲${change}`, down: `▼${-change}`, same: "–" }[kind]);
      write(line.spoken, kind === "same" ? words.no_change : fill(words[kind], { n: Math.abs(change) }));
    }
    if (line.grade) {
      write(line.grade, grades[unit] < 0 ? "–" : data.grades[grades[unit]]);
      line.grade.className = grades[unit] === first[unit] ? "" : "other";
    }
  };

  // Units glide to their rows from where they were, unless motion is not wanted.
  const GLIDE = 260;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let flights = new Map();
  const glide = (order, from, to, old, height) => {
    const now = performance.now();
    const next = new Map();
    for (let place = from; place < to; place++) {
      const { row } = lines[place];
      for (const one of row.getAnimations()) one.cancel();
      const was = old.get(order[place]);
      const flight = flights.get(order[place]);
      const left = flight ? flight.by * Math.max(0, 1 - (now - flight.since) / GLIDE) ** 2 : 0;
      const by = was === undefined ? 0 : (was - place) * height + left;
      if (Math.abs(by) < 1) continue;
      next.set(order[place], { by, since: now });
      row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: GLIDE, easing: "ease-out" });
    }
    flights = next;
  };

  let placed = [];
  let resting = 0;
  const place = (order, grades, glides) => {
    const all = (from, to) => { for (let i = from; i < to; i++) paint(i, order[i], grades); };
    const rest = () => { clearTimeout(resting); all(0, order.length); };
    clearTimeout(resting);
    if (!glides || order.length !== lines.length) {
      lines.length = Math.min(lines.length, order.length);
      rest();
      body.replaceChildren(...lines.map(({ row }) => row));
    } else {
      const { top, height } = body.getBoundingClientRect();
      const each = height / order.length;
      const within = (at) => Math.min(Math.max(at, 0), order.length);
      const from = within(Math.floor(-top / each));
      const to = within(Math.ceil((innerHeight - top) / each));
      all(from, to);
      resting = setTimeout(rest, 150);
      const old = new Map(placed.map((unit, i) => [unit, i]));
      if (!still.matches) glide(order, from, to, old, each);
    }
    placed = order;
  };
  addEventListener("beforeprint", () => draw(false));

  const plainly = (text) => text.normalize("NFKC").toLowerCase();
  const names = units.map(plainly);
  const field = at("filter");
  const table = (grades, glides) => {
    const wanted = plainly(field.value.trim());
    const matches = wanted ? model.order.filter((unit) => names[unit].includes(wanted)) : model.order;
    place(matches.slice(0, limit), grades, glides);
    write(at("found"), wanted ? fill(words.matching, { total: matches.length }) : "");
    at("more").hidden = matches.length <= limit;
    write(at("more"), fill(words.more, { shown: limit, total: matches.length }));
  };

  // What the change of weights did, in figures and, once they rest, in a sentence for those who listen.
  let saying = 0;
  const summary = (grades) => {
    const moves = units.map((_, unit) => ({ unit, by: changeOf(unit) }));
    const both = moves.filter(({ by }) => by !== null);
    const lost = units.filter((_, unit) => !published[unit] !== !model.ranks[unit]).length;
    const changed = both.filter(({ by }) => by).length;
    const mean = both.length ? both.reduce((sum, { by }) => sum + Math.abs(by), 0) / both.length : 0;
    const most = (way, said) => {
      const some = both.filter(({ by }) => by * way > 0);
      some.sort((a, b) => (b.by - a.by) * way || model.ranks[a.unit] - model.ranks[b.unit] || a.unit - b.unit);
      return some.slice(0, 3).map(({ unit, by }) => said(units[unit], by)).join(words.list_comma) || words.nobody;
    };
    const marked = (name, by) => `${name}\u00a0${by > 0 ? "▲" : "▼"}${Math.abs(by)}`;
    const spoken = (name, by) => fill(words.mover, { name, n: Math.abs(by) });
    write(at("changed"), fill(words.of_total, { n: changed, total: both.length }));
    write(at("mean-change"), fill(words.places, { n: mean.toFixed(2) }));
    const inBrief = [at("changed"), at("mean-change")].map((one) => `${one.previousElementSibling.textContent} ${one.textContent}`);
    write(at("bar"), inBrief.join(words.list_comma));
    write(at("up-most"), most(1, marked));
    write(at("down-most"), most(-1, marked));
    at("lost-too").hidden = !lost;
    write(at("lost"), String(lost));
    const regraded = edges ? grades.filter((grade, unit) => grade !== first[unit]).length : 0;
    if (edges) write(at("regraded"), fill(words.of_total, { n: regraded, total: units.length }));
    clearTimeout(saying);
    saying = setTimeout(() => {
      const told = { n: changed, mean: mean.toFixed(2), up: most(1, spoken), down: most(-1, spoken) };
      const graded = regraded ? ` ${fill(words.said_grades, { n: regraded })}` : "";
      write(at("said"), (changed ? fill(words.said, told) : words.said_same) + graded);
    }, 900);
  };

  const draw = (glides) => {
    const grades = edges && citygauge.graded(model.scores, edges, data.slack);
    if (isLive) summary(grades);
    table(grades, glides);
  };
  field.addEventListener("input", () => table(edges && citygauge.graded(model.scores, edges, data.slack), false));
  if (!isLive) return draw(false);

  // The sliders.
  const controls = [...document.querySelectorAll(".weight")].map((element) => ({
    element,
    node: Number(element.dataset.node),
    range: element.querySelector("[type=range]"),
    number: element.querySelector("[type=number]"),
    share: element.querySelector(".share"),
    was: element.querySelector(".was"),
  }));
  const inIndex = (node) => {
    let share = 1;
    for (let one = node; one > 0; one = nodes[one].parent) share *= weights[one];
    return share;
  };
  const show = () => {
    for (const control of controls) {
      const { node, range, number, share, was } = control;
      const text = (100 * weights[node]).toFixed(1);
      const inside = nodes[node].parent > 0 ? fill(words.in_index, { share: percent(inIndex(node)) }) : "";
      if (number !== document.activeElement && number.value !== text) number.value = text;
      if (control.told === text + inside) continue;
      control.told = text + inside;
      if (range.value !== text) range.value = text;
      range.setAttribute("aria-valuetext", [`${text}%`, inside].filter(Boolean).join(words.list_comma));
      write(share, inside);
      const original = percent(given[node]);
      write(was, original === `${text}%` ? "" : fill(words.was, { share: original }));
    }
  };

  // What the siblings were before one of them took everything; the address of the view.
  const known = given.slice();
  let addressing = 0;
  const address = () => {
    const changed = groups.filter((children) => children.some((node) => weights[node] !== given[node]));
    const parts = changed.flat().map((node) => `${encodeURIComponent(nodes[node].code)}:${weights[node]}`);
    const url = location.href.split("#")[0] + (parts.length ? `#w=${parts.join(",")}` : "");
    try { history.replaceState(null, "", url); } catch { if (parts.length) location.hash = `w=${parts.join(",")}`; }
  };
  let waiting = false;
  const redraw = (glides) => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; show(); draw(glides); });
  };
  const changed = (glides) => {
    clearTimeout(addressing);
    addressing = setTimeout(address, 300);
    redraw(glides);
  };
  const move = (node, share) => {
    const children = counted[nodes[node].parent];
    const place = children.indexOf(node);
    const before = children.map((child) => weights[child]);
    if (before.some((weight, k) => k !== place && weight > 0)) {
      children.forEach((child, k) => { if (k !== place) known[child] = before[k]; });
    }
    const after = citygauge.moved(before, place, share, children.map((child) => known[child]));
    children.forEach((child, k) => { weights[child] = after[k]; });
    model.update(nodes[node].parent);
    changed(true);
  };
  for (const { node, range, number } of controls) {
    range.addEventListener("input", () => move(node, range.valueAsNumber / 100));
    number.addEventListener("input", () => {
      const value = number.valueAsNumber;
      if (value >= 0 && value <= 100) move(node, value / 100);
    });
    number.addEventListener("change", () => {
      const value = number.valueAsNumber;
      if (value > 100 || value < 0) move(node, value < 0 ? 0 : 1);
      number.value = (100 * weights[node]).toFixed(1);
    });
  }
  const all = (weight) => {
    for (const children of groups) for (const node of children) weights[node] = weight(node);
    known.set(weights);
    model.update();
    changed(true);
  };
  at("reset").addEventListener("click", () => all((node) => given[node]));
  at("equal").addEventListener("click", () => all((node) => 1 / counted[nodes[node].parent].length));
  at("by-count").addEventListener("click", () => all((node) => nodes[node].byCount));

  // The address: `#w=CODE:SHARE,…`; groups that it does not name are as published.
  const readAddress = () => {
    const told = new Map();
    const codes = new Map(nodes.map(({ code }, node) => [code, node]));
    for (const part of (/^#w=(.+)$/.exec(location.hash)?.[1] ?? "").split(",")) {
      const [code, share = ""] = part.split(":");
      try {
        const node = codes.get(decodeURIComponent(code));
        const weight = share === "" ? NaN : Number(share);
        if (node !== undefined && isOneOfTwo(node) && weight >= 0 && weight < Infinity) told.set(node, weight);
      } catch { /* half of an escaped character */ }
    }
    weights.set(given);
    for (const children of groups) {
      if (!children.some((node) => told.has(node))) continue;
      const wanted = children.map((node) => told.get(node) ?? given[node]);
      const total = wanted.reduce((sum, weight) => sum + weight, 0);
      const scale = Math.abs(total - 1) < 1e-9 ? 1 : total;
      if (total > 0) children.forEach((node, k) => { weights[node] = wanted[k] / scale; });
    }
    known.set(weights);
    model.update();
    for (const { element, node } of controls) {
      if (weights[node] === given[node]) continue;
      for (let one = element.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
    }
  };
  addEventListener("hashchange", () => { readAddress(); redraw(true); });

  // A set of weights as the workspace reads it, with those that this page cannot move.
  at("download").addEventListener("click", () => {
    const quoted = (text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const own = counted.flatMap((children) => (children.some((node) => weights[node] > 0) ? children : []));
    const rows = [...own.map((node) => [nodes[node].code, weights[node]]), ...data.rest];
    const text = ["code,weight", ...rows.map(([code, weight]) => `${quoted(code)},${weight}`), ""].join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "slider.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  readAddress();
  show();
  draw(false);
})();
