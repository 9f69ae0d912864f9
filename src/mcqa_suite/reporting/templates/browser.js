// The sample browser. Every text of a question or a model goes through shown() and textContent, never through markup.
(() => {
  const ROW = 56; // pixels, as in the style sheet
  const [TASK, DOC, SUBJECT, GOLD, QUESTION, CELLS] = [0, 1, 2, 3, 4, 5];
  const [CHANGE, RIGHT, STATUS, PICK, REST] = [0, 1, 2, 3, 4];
  const NONE = 255;
  const CHANGES = ["", "right → wrong", "wrong → right", "wrong → other wrong", "", ""];
  const at = (id) => document.getElementById(`browser-${id}`);
  const whole = document.getElementById("browser");
  const form = at("filters"), list = at("list"), all = at("all"), detail = at("item"), count = at("count"), text = at("text");

  let about, items, changes, statuses, haystack = [];
  let visible = [], chosen = -1; // indices of items; an index into `visible`
  const rows = new Map(); // index into `visible` -> element

  // --- reading -------------------------------------------------------------------------------------------------------
  async function read() {
    const letters = atob(at("data").textContent.trim());
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const lines = (await new Response(stream).text()).split("\n");
    about = JSON.parse(lines.pop());
    const found = lines.map((line) => JSON.parse(line));
    for (const item of found) if (typeof item[QUESTION] === "number") item[QUESTION] = found[item[QUESTION]][QUESTION];
    items = found.sort((a, b) => a[TASK] - b[TASK] || a[DOC] - b[DOC]);
    const models = about.models.length;
    changes = new Uint8Array(items.length * models).fill(NONE);
    statuses = new Uint8Array(items.length * models).fill(NONE);
    items.forEach((item, i) => item[CELLS].forEach((cell, m) => {
      if (cell === null) return;
      changes[i * models + m] = cell[CHANGE];
      statuses[i * models + m] = cell[STATUS];
    }));
  }

  const textOf = (p, form) => (typeof p === "string" ? p : typeof p === "number" ? "" : p.g ? arcGrids.text(p.g, form) : p.m);
  const plain = (pieces, form) => pieces.map((p) => textOf(p, form)).join("");

  function searchable(i) {
    if (haystack[i] !== undefined) return haystack[i];
    const item = items[i], [id, stem, options, form] = item[QUESTION];
    const parts = [about.tasks[item[TASK]][0], item[DOC], id, plain(stem, form), ...options.map((option) => plain(option))];
    for (const cell of item[CELLS]) {
      for (const read of cell && Array.isArray(cell[REST]) ? cell[REST] : []) {
        if (Array.isArray(read)) parts.push(read[1], plain(read[3], form));
      }
    }
    return (haystack[i] = parts.join("\n").toLowerCase());
  }

  function prepareSearch(from) {
    const until = performance.now() + 8;
    while (from < items.length && performance.now() < until) searchable(from++);
    if (from < items.length) setTimeout(prepareSearch, 16, from);
  }

  // --- small parts ---------------------------------------------------------------------------------------------------
  // Replaces control characters and lone surrogates by visible characters.
  const shown = (raw) => String(raw).replace(/\r\n/g, "\n").replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\u007f/g, "\u2421");

  const { make } = arcGrids;

  const named = (raw) => { // text whose direction (left to right or not) is detected
    const element = make("bdi");
    element.dir = "auto";
    element.textContent = shown(raw);
    return element;
  };

  function written(pieces, form) {
    const element = make("bdi");
    element.dir = "auto";
    for (const piece of pieces) {
      if (typeof piece === "string") element.append(shown(piece));
      else if (typeof piece === "number") {
        element.append(make("span", "browser-cut", ` […${piece.toLocaleString("en")} characters left out…] `));
      } else element.append(piece.m ? make("mark", "", shown(textOf(piece, form))) : textOf(piece, form));
    }
    return element;
  }

  function verdict(cell) {
    if (cell === null) return make("span", "browser-muted", "no answer to the same prompt");
    const [name, word] = [["browser-wrong", "✗ wrong"], ["browser-right", "✓ right"], ["browser-muted", "– not 0 or 1"]][cell[RIGHT]];
    return make("span", name, word);
  }

  function heading(model, cell) {
    const change = cell === null ? "" : CHANGES[cell[CHANGE]];
    const parts = [named(about.models[model]), make("br"), verdict(cell)];
    if (change) parts.push(make("br"), make("span", "browser-muted", change));
    return parts;
  }

  // --- the chosen item -----------------------------------------------------------------------------------------------
  const key = (item) => `${about.tasks[item[TASK]][1]}:${item[DOC]}`;
  const link = (item) => `#item=${encodeURIComponent(shown(key(item)))}`;

  function button(word, name, step) {
    const element = make("button", "", word);
    element.type = "button";
    element.setAttribute("aria-label", name);
    element.addEventListener("click", () => move(step));
    return element;
  }

  function optionsTable(item) {
    const [, , options] = item[QUESTION], gold = item[GOLD], cells = item[CELLS];
    const top = make("tr", "", make("th", "", "Option"));
    cells.forEach((cell, m) => top.append(make("th", "", ...heading(m, cell))));
    const body = make("tbody");
    options.forEach((option, o) => {
      const isGold = gold.includes(o);
      const name = make("th", "", `${about.labels[o]}. `, written(option));
      if (isGold) name.append(" ", make("span", "browser-tag browser-right", "✓ gold"));
      const line = make("tr", isGold ? "browser-gold" : "", name);
      for (const cell of cells) line.append(optionCell(cell, o));
      body.append(line);
    });
    for (const head of top.children) head.scope = "col";
    for (const line of body.children) line.firstChild.scope = "row";
    const table = make("table", "", make("thead", "", top), body);
    table.setAttribute("aria-label", "Options and what each model chose");
    const scroll = make("div", "browser-scroll", table);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", "Options and models, scrolls sideways");
    return scroll;
  }

  function optionCell(cell, option) {
    const element = make("td");
    if (cell === null) return element;
    const share = cell[REST + option];
    if (typeof share === "number") element.append(`${(share / 10).toFixed(1)} %`);
    if (cell[PICK] === option) {
      element.className = "browser-chosen";
      element.append(" ", make("strong", "", "chosen"));
    }
    if (typeof share === "number") {
      const filled = make("span");
      filled.style.width = `${share / 10}%`;
      const bar = make("span", "browser-share", filled);
      bar.setAttribute("aria-hidden", "true");
      element.append(bar);
    }
    return element;
  }

  function box(className, name, ...children) { // it scrolls, so it must be reachable with the keyboard
    const element = make("div", className, ...children);
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", name);
    return element;
  }

  function card(model, cell, item) {
    const element = make("section", "browser-card", make("h4", "", ...heading(model, cell)));
    const reads = cell && Array.isArray(cell[REST]) ? cell[REST] : [];
    const many = reads.filter(Array.isArray).length > 1;
    const [, , , form] = item[QUESTION], target = targetOf(item);
    reads.forEach((read, number) => {
      if (typeof read === "number") {
        element.append(make("p", "browser-muted", `The log has ${read} more responses.`));
        return;
      }
      const [status, rule, answer, response, outcome] = read;
      const line = make("p", "", target && many ? `Attempt ${number + 1}, read: ` : "Read: ", make("strong", "", named(status)));
      if (typeof answer === "string" && answer) line.append(", answer ", make("strong", "", named(answer)));
      if (rule) line.append(", rule ", make("code", "", named(rule)));
      const text = box("browser-response", `Response of ${shown(about.models[model])}`,
        response.length ? written(response, form) : make("em", "", "(nothing written)"));
      element.append(line);
      const grid = target && (answer.g ?? response.find((piece) => piece.m && piece.g)?.g);
      const words = outcome && make("span", grid === target ? "browser-right" : "browser-wrong", shown(outcome));
      if (grid) element.append(arcGrids.table(grid, words, target), folded("The response as text", text));
      else element.append(...(words ? [make("p", "", words)] : []), text);
    });
    return element;
  }

  // --- grids ---------------------------------------------------------------------------------------------------------
  const targetOf = (item) => item[GOLD].find((piece) => piece.g)?.g;

  function folded(name, ...children) {
    const element = make("details", "arc-folded", make("summary", "", name), ...children);
    element.addEventListener("toggle", scrollToMarks);
    return element;
  }

  function gridQuestion(item, question) {
    const [, stem, , form] = item[QUESTION], target = targetOf(item);
    const parts = [arcGrids.pairs(stem, target)];
    if (target) question.append(make("p", "", make("strong", "", "Target:")), written(item[GOLD], form));
    return [...parts, folded(target ? "Question and target as text" : "Question as text", question)];
  }

  function render() {
    const others = items.length === 1 ? "" : " To print another one, open the HTML file, choose it and print again.";
    at("paper").textContent = `Only the chosen question is printed, 1 of ${items.length.toLocaleString("en")}.${others}`;
    if (chosen < 0) {
      detail.replaceChildren(make("p", "browser-muted", "No question passes these filters."));
      return;
    }
    const item = items[visible[chosen]], [id, stem, options, form] = item[QUESTION];
    const subject = about.subjects[item[SUBJECT]];
    const title = make("h3", "", named(about.tasks[item[TASK]][0]), `, document ${item[DOC]}`);
    const facts = make("p", "browser-muted", named(id), ...(subject ? [" · subject ", named(subject)] : []));
    const anchor = make("a", "", "Link to this item");
    anchor.href = link(item);
    const steps = make("div", "browser-steps", button("↑ Previous", "Previous question", -1), button("↓ Next", "Next question", 1), anchor);
    const question = box("browser-question", "Question", written(stem, form));
    const parts = [title, facts, steps, ...(form ? gridQuestion(item, question) : [question])];
    if (options.length) {
      parts.push(optionsTable(item));
      if (!item[GOLD].length) parts.push(make("p", "browser-muted", "The log does not say which option is right."));
      if (item[CELLS].some((cell) => cell && typeof cell[REST] === "number")) {
        parts.push(make("p", "browser-muted", "Bars: softmax of the options' log-likelihoods."));
      }
    } else if (!targetOf(item)) parts.push(make("p", "", make("strong", "", "Gold: "), written(item[GOLD])));
    if (item[CELLS].some((cell) => cell && Array.isArray(cell[REST]))) {
      const read = item[CELLS].flatMap((cell) => (cell ? cell[REST] : [])).filter(Array.isArray);
      const marked = read.some((one) => one[3].some((piece) => piece.m));
      if (marked) parts.push(make("p", "browser-muted", `Marked${form ? " in a response" : ""}: the text that the answer was read from.`));
      parts.push(make("div", "browser-cards", ...item[CELLS].map((cell, m) => card(m, cell, item))));
    }
    for (const [m, cell] of item[CELLS].entries()) {
      if (cell && cell[REST] === undefined) {
        parts.push(make("p", "browser-wrong", named(about.models[m]), `: log-likelihoods are ${about.statuses[cell[STATUS]]}.`));
      }
    }
    detail.replaceChildren(...parts);
    scrollToMarks();
  }

  // Scroll each response to its mark, which is often in the last line of a long response.
  function scrollToMarks() {
    const places = [...detail.querySelectorAll(".browser-response")].map((response) => {
      const mark = response.querySelector("mark");
      const down = mark ? mark.getBoundingClientRect().bottom - response.getBoundingClientRect().bottom : 0;
      return [response, down + 24];
    });
    for (const [response, down] of places) if (down > 24) response.scrollTop += down;
  }

  // --- the list: only the rows in view are elements ------------------------------------------------------------------
  function draw() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 6);
    const last = Math.min(visible.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 6);
    for (const [place, row] of rows) {
      if (place < first || place >= last) {
        row.remove();
        rows.delete(place);
      }
    }
    for (let place = first; place < last; place++) {
      if (rows.has(place)) continue;
      const row = rowOf(place);
      rows.set(place, row);
      all.append(row);
    }
  }

  function rowOf(place) {
    const item = items[visible[place]];
    const marks = make("span", "browser-marks");
    for (const cell of item[CELLS]) {
      const right = cell === null ? 2 : cell[RIGHT];
      marks.append(make("span", ["browser-wrong", "browser-right", "browser-muted"][right], "✗✓–"[right]));
    }
    const head = make("span", "browser-head", named(`${about.tasks[item[TASK]][0]} ${item[DOC]}`), marks);
    const [id, stem, , form] = item[QUESTION]; // grid questions all begin with the same words, so their id is shown
    const row = make("div", "browser-row", head, named(form ? id : plain(stem).slice(0, 160)));
    row.id = `browser-row-${place}`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(place === chosen));
    row.setAttribute("aria-posinset", String(place + 1));
    row.setAttribute("aria-setsize", String(visible.length));
    row.style.transform = `translateY(${place * ROW}px)`;
    row.addEventListener("click", () => choose(place, true));
    return row;
  }

  function choose(place, keep) {
    rows.get(chosen)?.setAttribute("aria-selected", "false");
    chosen = place;
    if (place >= 0) {
      const top = place * ROW, bottom = top + ROW;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
      draw();
      rows.get(place)?.setAttribute("aria-selected", "true");
      list.setAttribute("aria-activedescendant", `browser-row-${place}`);
      if (keep) history.replaceState(null, "", link(items[visible[place]]));
    } else list.removeAttribute("aria-activedescendant");
    render();
  }

  function move(step) {
    if (visible.length) choose(Math.min(visible.length - 1, Math.max(0, chosen + step)), true);
  }

  // --- filters -------------------------------------------------------------------------------------------------------
  const number = (id) => (at(id).value === "" ? -1 : Number(at(id).value));

  function filter(wanted) {
    const models = about.models.length;
    const task = number("task"), subject = number("subject"), model = number("model"), status = number("status");
    const kinds = at("transition").value.split(",").filter(Boolean).map(Number);
    const words = text.value.toLowerCase().trim();
    const [from, to] = model < 0 ? [0, models] : [model, model + 1];
    const before = wanted ?? (chosen < 0 ? -1 : visible[chosen]);
    const any = (values, i, test) => {
      for (let m = from; m < to; m++) if (test(values[i * models + m])) return true;
      return false;
    };
    // "Unchanged" must hold for every model; any other transition for at least one of them.
    const quiet = kinds.includes(0) ? [1, 2, 3] : null;
    visible = [];
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (task >= 0 && item[TASK] !== task) continue;
      if (subject >= 0 && item[SUBJECT] !== subject) continue;
      if (kinds.length && !any(changes, i, (change) => kinds.includes(change))) continue;
      if (quiet && any(changes, i, (change) => quiet.includes(change))) continue;
      if (status >= 0 && !any(statuses, i, (value) => value === status)) continue;
      if (words && !searchable(i).includes(words)) continue;
      visible.push(i);
    }
    const embedded = items.length === about.total ? "" : ` embedded (${about.total.toLocaleString("en")} were evaluated)`;
    count.textContent = `${visible.length.toLocaleString("en")} of ${items.length.toLocaleString("en")} questions shown${embedded}`;
    for (const row of rows.values()) row.remove();
    rows.clear();
    all.style.height = `${visible.length * ROW}px`;
    list.scrollTop = 0;
    const place = visible.indexOf(before);
    chosen = -1;
    choose(place >= 0 ? place : visible.length ? 0 : -1, false);
    draw();
  }

  function fill(id, names) {
    names.forEach((name, value) => {
      const option = make("option", "", shown(name) || "(none)");
      option.value = String(value);
      at(id).append(option);
    });
  }

  const scrollHere = () => (whole.closest("section") ?? whole).scrollIntoView();

  // --- links and keys ------------------------------------------------------------------------------------------------
  function follow() {
    if (!location.hash.startsWith("#item=")) return;
    let wanted = location.hash.slice(6);
    try { wanted = decodeURIComponent(wanted); } catch { /* not URI-encoded: use it unchanged */ }
    const found = items.findIndex((item) => shown(key(item)) === wanted);
    if (found < 0) {
      count.textContent = `${shown(wanted).slice(0, 120)} is not embedded in this page. ${count.textContent}`;
    } else {
      if (!visible.includes(found)) form.reset();
      filter(found);
    }
    scrollHere();
  }

  const STEPS = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target;
    if (target === text && event.key === "Escape") return list.focus();
    if (target.closest?.("input, select, textarea, [contenteditable]")) return;
    const inside = target === document.body || target.closest?.(".browser");
    if (!inside || !(event.key === "/" || event.key in STEPS)) return;
    if (event.key === "/") text.focus();
    else if (event.key.length === 1 || target === list) {
      move(STEPS[event.key]);
      const box = list.getBoundingClientRect();
      if (box.bottom < 0 || box.top > innerHeight) scrollHere();
    } else return;
    event.preventDefault();
  }

  async function start() {
    const off = at("off");
    if (typeof DecompressionStream === "undefined") {
      off.textContent = "This web browser is too old to unpack the questions (it has no DecompressionStream).";
      return;
    }
    off.textContent = "Unpacking the questions…";
    try {
      await read();
    } catch (error) {
      off.textContent = `The questions could not be unpacked: ${error.message}`;
      return;
    }
    fill("task", about.tasks.map((task) => task[0]));
    fill("subject", about.subjects);
    fill("model", about.models);
    fill("status", about.statuses);
    at("subjects").hidden = about.subjects.length < 2;
    at("transitions").hidden = !about.base || about.models.length < 2;
    at("numbers").hidden = !about.grids;
    off.hidden = true;
    at("on").hidden = at("paper").hidden = false;
    if (at("gallery")) at("gallery").open = false;
    filter();
    follow();
    form.addEventListener("input", () => filter());
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    list.addEventListener("scroll", draw, { passive: true });
    addEventListener("resize", draw);
    addEventListener("hashchange", follow);
    document.addEventListener("keydown", onKey);
    whole.dataset.ready = "yes";
    setTimeout(prepareSearch, 200, 0);
  }

  setTimeout(start); // after the page is drawn
})();
