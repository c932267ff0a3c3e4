"use strict";
// Opens the cells of the map: the page holds every case once, as compact rows, and draws what is asked for.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const [panel, list, count, more, search] = ["cell", "cases", "count", "more", "search"].map(byId);
  const cells = [...document.querySelectorAll("button.cell")];
  const AT_ONCE = 400; // rows drawn before "Show all"
  const [NAME, WHAT, OUTCOME, EXPECTED, RECEIVED, DETAIL, CHANGES, MS] = [0, 1, 2, 3, 4, 5, 6, 7];
  let open = null; // the cell that is shown
  let all = false; // whether every row is drawn

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function shape(outcome) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", `shape ${outcome}`);
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#shape-${data.shapes[outcome]}`);
    svg.append(use);
    return svg;
  }

  const text = (number) => (number < 0 ? "" : data.texts[number]);
  const outcome = (row) => data.outcomes[row[OUTCOME]];

  // -- the list of cases ------------------------------------------------------------------------------------

  function tally(rows, column) {
    const found = new Map();
    for (const row of rows) found.set(row[column], (found.get(row[column]) || 0) + 1);
    return [...found].sort((a, b) => a[0] - b[0]);
  }

  function choices(place, rows, column, label) {
    place.querySelectorAll("label").forEach((old) => old.remove());
    for (const [value, times] of tally(rows, column)) {
      const box = make("input", { type: "checkbox", value: String(value) });
      place.append(make("label", {}, box, ...label(value), ` ${times}`));
    }
  }

  function chosen(place) {
    return new Set([...byId(place).querySelectorAll(":checked")].map((box) => Number(box.value)));
  }

  function kept() {
    const outcomes = chosen("by-outcome");
    const whats = chosen("by-what");
    const words = search.value.trim().toLowerCase();
    return data.cells[open].rows.filter(
      (row) =>
        (!outcomes.size || outcomes.has(row[OUTCOME])) &&
        (!whats.size || whats.has(row[WHAT])) &&
        (!words || `${data.names[row[NAME]]} ${text(row[DETAIL])}`.toLowerCase().includes(words)),
    );
  }

  function draw() {
    const rows = kept();
    const shown = all ? rows : rows.slice(0, AT_ONCE);
    list.replaceChildren(...shown.map(line));
    const total = data.cells[open].rows.length;
    count.textContent = rows.length === total ? `${total} cases` : `${rows.length} of ${total} cases`;
    more.hidden = shown.length === rows.length;
    more.textContent = `Show ${rows.length - shown.length} more`;
  }

  function line(row) {
    const name = outcome(row);
    const said = text(row[DETAIL]) || text(row[CHANGES]);
    const summary = make(
      "summary",
      {},
      make("span", { class: `badge ${name}` }, shape(name), data.words[name]),
      make("span", { class: "what" }, data.whats[row[WHAT]]),
      make("code", {}, data.names[row[NAME]]),
      make("span", { class: "say" }, said.split("\n")[0]),
    );
    const item = make("details", { "data-case": caseKey(row) }, summary);
    item.addEventListener("toggle", () => {
      if (!item.open) return;
      if (item.childElementCount === 1) item.append(body(row));
      mark(`${data.cells[open].key}/${caseKey(row)}`);
    });
    return item;
  }

  const caseKey = (row) => `${data.whats[row[WHAT]]}/${data.names[row[NAME]]}`;

  // -- one case ----------------------------------------------------------------------------------------------

  function body(row) {
    const place = make("div", { class: "body" });
    const said = [text(row[CHANGES]), text(row[DETAIL])].filter(Boolean).join("\n");
    if (said) place.append(make("p", { class: "detail" }, said));
    const sent = data.vectors[row[NAME]];
    const cell = data.cells[open];
    const held = row[EXPECTED] >= 0 || row[RECEIVED] >= 0 || (sent !== undefined && cell.values.includes(row[WHAT]));
    if (held) {
      const original = sent === undefined ? null : text(sent);
      const declared = ["permitted", "changed"].includes(outcome(row)) && row[EXPECTED] < 0 && row[RECEIVED] >= 0;
      const expected = row[EXPECTED] >= 0 ? text(row[EXPECTED]) : original;
      const asSent = outcome(row) === "exact" ? expected : null;
      const received = row[RECEIVED] >= 0 ? text(row[RECEIVED]) : asSent;
      const sides = make("div", { class: "sides" });
      const [left, right] = expected !== null && received !== null ? compared(expected, received) : [[expected], [received]];
      const repeat = original !== null && expected === original;
      if (original !== null) sides.append(side("Sent", declared ? left : [original]));
      if (declared) sides.append(side("Expected", [quiet("the change that came: it is one of those allowed")]));
      else sides.append(side("Expected", repeat && expected === received ? [quiet("as sent")] : left));
      const equal = expected !== null && expected === received;
      sides.append(side("Received", equal ? [quiet(repeat ? "as sent" : "as expected"), `\n${received}`] : right));
      place.append(sides);
    }
    const time = row[MS] >= 0 ? `${row[MS]} ms` : "";
    if (time) place.append(make("p", { class: "hint" }, time));
    return place;
  }

  const quiet = (words) => make("span", { class: "same" }, words);

  function side(title, parts) {
    const shown = parts[0] === null ? [quiet("nothing")] : parts;
    return make("div", { class: "side" }, make("h3", {}, title), make("pre", { tabindex: "0", "aria-label": title }, ...shown));
  }

  // The words of two texts, those that only one has marked: a longest common subsequence, unless both are too long.
  function compared(a, b) {
    if (a === b) return [[a], [b]];
    const split = (s) => s.match(/\s+|[^\s,[\](){}]+|[^\s]/gu) || [];
    let [x, y] = [split(a), split(b)];
    let head = 0;
    while (head < x.length && head < y.length && x[head] === y[head]) head += 1;
    let tail = 0;
    while (tail < x.length - head && tail < y.length - head && x[x.length - 1 - tail] === y[y.length - 1 - tail]) tail += 1;
    const [n, m] = [x.length - head - tail, y.length - head - tail];
    const [onlyX, onlyY] = [new Set(), new Set()];
    const add = (set, from, length) => {
      for (let i = 0; i < length; i += 1) set.add(from + i);
    };
    if (n * m > 1e6) {
      add(onlyX, head, n);
      add(onlyY, head, m);
    } else {
      const table = new Uint32Array((n + 1) * (m + 1));
      const at = (i, j) => i * (m + 1) + j;
      for (let i = n - 1; i >= 0; i -= 1) {
        for (let j = m - 1; j >= 0; j -= 1) {
          table[at(i, j)] =
            x[head + i] === y[head + j] ? table[at(i + 1, j + 1)] + 1 : Math.max(table[at(i + 1, j)], table[at(i, j + 1)]);
        }
      }
      let [i, j] = [0, 0];
      while (i < n && j < m) {
        if (x[head + i] === y[head + j]) [i, j] = [i + 1, j + 1];
        else if (table[at(i + 1, j)] >= table[at(i, j + 1)]) onlyX.add(head + i++);
        else onlyY.add(head + j++);
      }
      add(onlyX, head + i, n - i);
      add(onlyY, head + j, m - j);
    }
    return [marked(x, onlyX, "gone"), marked(y, onlyY, "new")];
  }

  function marked(words, only, kind) {
    const parts = [];
    let run = "";
    let inside = false;
    const flush = () => {
      if (run) parts.push(inside ? make("mark", { class: kind }, run) : run);
      run = "";
    };
    words.forEach((word, i) => {
      if (only.has(i) !== inside) {
        flush();
        inside = !inside;
      }
      run += word;
    });
    flush();
    return parts;
  }

  // -- opening and closing, addresses -------------------------------------------------------------------------

  const address = (key) => `#${key.split("/").map(encodeURIComponent).join("/")}`;
  let quietly = ""; // the address that this page itself has just set

  function mark(key) {
    if (location.hash === address(key)) return;
    quietly = address(key);
    history.replaceState(null, "", quietly);
  }

  function show(number, focus) {
    if (open !== null) buttonOf(open).setAttribute("aria-expanded", "false");
    open = number;
    all = false;
    search.value = "";
    const { title, about, rows } = data.cells[number];
    byId("cell-title").textContent = title;
    byId("cell-about").textContent = about;
    choices(byId("by-outcome"), rows, OUTCOME, (value) => [shape(data.outcomes[value]), data.words[data.outcomes[value]]]);
    choices(byId("by-what"), rows, WHAT, (value) => [data.whats[value]]);
    buttonOf(number).setAttribute("aria-expanded", "true");
    panel.hidden = false;
    draw();
    if (focus) {
      byId("cell-title").focus({ preventScroll: true });
      panel.scrollIntoView({ block: "start" });
    }
  }

  const buttonOf = (number) => cells.find((button) => Number(button.dataset.cell) === number);

  function close() {
    if (open === null) return;
    const button = buttonOf(open);
    button.setAttribute("aria-expanded", "false");
    open = null;
    panel.hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
    button.focus();
  }

  function follow() {
    if (location.hash === quietly && quietly) return;
    let key = "";
    try {
      key = location.hash.slice(1).split("/").map(decodeURIComponent).join("/");
    } catch {
      return; // an address that nobody wrote here
    }
    const number = data.cells.findIndex((cell) => key === cell.key || key.startsWith(`${cell.key}/`));
    if (number < 0) return;
    show(number, true);
    const wanted = key.slice(data.cells[number].key.length + 1);
    if (!wanted) return;
    all = true;
    draw();
    const item = [...list.children].find((one) => one.dataset.case === wanted);
    if (item) {
      item.open = true;
      item.scrollIntoView({ block: "center" });
    }
  }

  for (const button of cells) {
    button.addEventListener("click", () => {
      const number = Number(button.dataset.cell);
      if (open === number) return close();
      mark(data.cells[number].key);
      show(number, true);
    });
  }
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    const step = steps[event.key];
    const from = event.target.closest && event.target.closest("button.cell");
    if (!step || !from) return;
    event.preventDefault();
    let [row, column] = [Number(from.dataset.row), Number(from.dataset.column)];
    for (let tries = 0; tries < 200; tries += 1) {
      [row, column] = [row + step[0], column + step[1]];
      const next = cells.find((one) => Number(one.dataset.row) === row && Number(one.dataset.column) === column);
      if (next) return next.focus();
    }
  });
  byId("filters").addEventListener("input", draw);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("close").addEventListener("click", close);
  more.addEventListener("click", () => {
    all = true;
    draw();
  });
  window.addEventListener("hashchange", follow);
  follow();
})();
