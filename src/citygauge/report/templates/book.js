(() => {
  "use strict";
  const words = document.body.dataset;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // The contents: open beside the text, folded above it; they show where the reader is.
  const contents = document.getElementById("contents");
  const side = contents.parentElement;
  const wide = matchMedia("(min-width: 64rem)");
  const fold = () => { contents.open = wide.matches; };
  wide.addEventListener("change", fold);
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) contents.open = false;
  });
  const headings = all("main :is(h2, h3, h4)");
  const links = new Map(all("nav > details > .entries > ol a").map((link) => [link.hash.slice(1), link]));
  let marked = null;
  const mark = () => {
    const passed = headings.filter((one) => one.getBoundingClientRect().top < innerHeight / 4);
    const link = links.get(encodeURIComponent((passed.at(-1) ?? headings[0])?.id ?? ""))
      ?? links.get((passed.at(-1) ?? headings[0])?.id);
    if (!link || link === marked) return;
    marked?.removeAttribute("aria-current");
    all(".is-open", contents).forEach((one) => one.classList.remove("is-open"));
    link.setAttribute("aria-current", "true");
    for (let one = link.closest("li"); one; one = one.parentElement.closest("li")) one.classList.add("is-open");
    marked = link;
    if (wide.matches) {
      const [own, frame] = [link.getBoundingClientRect(), side.getBoundingClientRect()];
      if (own.top < frame.top || own.bottom > frame.bottom) side.scrollTop += own.top - frame.top - frame.height / 3;
    }
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mark(); });
  }, { passive: true });
  mark();

  // Only what is wider than its place is a stop of the keyboard.
  const stop = (one) => {
    const moves = one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
    if (moves) one.tabIndex = 0; else one.removeAttribute("tabindex");
  };
  const sizes = new ResizeObserver((seen) => seen.forEach(({ target }) => stop(target)));
  all(".scroll").forEach((one) => sizes.observe(one));

  // Where the numbers come from, on request.
  const numbers = all("data[data-source]");
  const button = document.getElementById("trace");
  const tip = document.body.appendChild(document.createElement("div"));
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  let shown = null;
  let leaving = 0;
  const say = (name, text) => {
    const line = document.createElement("p");
    line.textContent = name + words.joint + text;
    return line;
  };
  const hide = () => {
    shown?.removeAttribute("aria-describedby");
    tip.hidden = true;
    shown = null;
  };
  const show = (number) => {
    clearTimeout(leaving);
    if (!document.body.classList.contains("traced") || shown === number) return;
    hide();
    const path = number.dataset.source.split("|").join(" › ").replaceAll(",", ", ");
    tip.replaceChildren(say(words.value, number.value || words.noValue), say(words.from, path));
    tip.hidden = false;
    const at = number.getBoundingClientRect();
    const left = Math.min(at.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
    const below = at.bottom + 6 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(left, 8) + scrollX}px`;
    tip.style.top = `${(below ? at.bottom + 6 : at.top - tip.offsetHeight - 6) + scrollY}px`;
    number.setAttribute("aria-describedby", "tip");
    shown = number;
  };
  const leave = () => { clearTimeout(leaving); leaving = setTimeout(hide, 200); };
  const numberAt = (event) => event.target.closest?.("data[data-source]");
  document.addEventListener("pointerover", (event) => {
    const number = numberAt(event);
    if (number) show(number); else if (tip.contains(event.target)) clearTimeout(leaving); else if (shown) leave();
  });
  document.addEventListener("focusin", (event) => { const number = numberAt(event); if (number) show(number); else hide(); });
  document.addEventListener("click", (event) => { const number = numberAt(event); if (number) show(number); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  if (numbers.length) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const on = document.body.classList.toggle("traced");
      button.setAttribute("aria-pressed", String(on));
      hide();
      for (const number of numbers) {
        if (on) { number.tabIndex = 0; number.setAttribute("role", "button"); }
        else { number.removeAttribute("tabindex"); number.removeAttribute("role"); }
      }
    });
  }

  // Charts answer to the pointer once they are in view; the picture stays for print.
  const embed = async (chart) => {
    const place = chart.querySelector(".live");
    const options = {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    };
    try {
      const specification = JSON.parse(chart.querySelector(".specification").textContent);
      await window.vegaEmbed(place, specification, options);
      chart.classList.add("is-live");
    } catch (error) {
      place.replaceChildren();
      console.warn(error);
    }
  };
  const charts = all(".chart");
  if (charts.length && window.vegaEmbed) {
    const begun = new Set();
    const begin = (chart) => {
      if (begun.has(chart)) return null;
      begun.add(chart);
      seen.unobserve(chart);
      return embed(chart);
    };
    const seen = new IntersectionObserver((found) => {
      for (const one of found) if (one.isIntersecting) begin(one.target);
    }, { rootMargin: "300px 0px" });
    setTimeout(async () => { for (const chart of charts) await begin(chart); }, 3000);
    charts.forEach((chart) => seen.observe(chart));
  }
})();
