// The sample browser. Every text of a question or a model goes through shown() and textContent, never through markup.
(() => {
  const ROW = 56; // pixels, as in the style sheet
  const [TASK, DOC, SUBJECT, GOLD, QUESTION, CELLS] = [0, 1, 2, 3, 4, 5];
  const [CHANGE, RIGHT, STATUS, PICK, REST] = [0, 1, 2, 3, 4];
  const NONE = 255;
  const CHANGES = ["", "right → wrong", "wrong → right", "wrong → other wrong", "", ""];
  const KINDS = 6; // transitions of one way to compare
  const at = (id) => document.getElementById(`browser-${id}`);
  const whole = document.getElementById("browser");
  const form = at("filters"), list = at("list"), all = at("all"), count = at("count"), text = at("text");

  const views = [...document.querySelectorAll("input[name=against]")];

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
    changes = [0, 1].map(() => new Uint8Array(items.length * models).fill(NONE)); // of each way to compare
    statuses = new Uint8Array(items.length * models).fill(NONE);
    items.forEach((item, i) => item[CELLS].forEach((cell, m) => {
      if (cell === null) return;
      changes[0][i * models + m] = cell[CHANGE] % KINDS;
      changes[1][i * models + m] = Math.floor(cell[CHANGE] / KINDS);
      statuses[i * models + m] = cell[STATUS];
    }));
  }

  const { shown, plain } = browserTexts;

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

  // --- ways to compare: with the parent or with the base -------------------------------------------------------------
  const view = () => Math.max(0, views.findIndex((input) => input.checked));
  const parentOf = (m) => about.parents[Math.min(view(), about.parents.length - 1)][m]; // -1 for the base
  const changeOf = (i, m) => changes[view()][i * about.models.length + m];

  // How far a model's answer is from its parent's: half the sum of the changes of the options' probabilities, else by the score.
  function shift(i, m) {
    const cells = items[i][CELLS], own = cells[m], other = parentOf(m) < 0 ? null : cells[parentOf(m)];
    if (!own || !other) return 0;
    if (typeof own[REST] !== "number" || typeof other[REST] !== "number") return [0, 1, 1, 0.5][changeOf(i, m)] ?? 0;
    let sum = 0;
    for (let o = REST; o < own.length; o++) sum += Math.abs(own[o] - other[o]);
    return sum / 2000;
  }

  const shifts = new Map(); // of each way to compare and model filter
  function largestShifts(from, to) {
    const name = `${view()} ${from} ${to}`;
    if (!shifts.has(name)) {
      shifts.set(name, items.map((_, i) => {
        let most = 0;
        for (let m = from; m < to; m++) most = Math.max(most, shift(i, m));
        return most;
      }));
    }
    return shifts.get(name);
  }

  // --- the chosen item: browser_item.js ------------------------------------------------------------------------------
  const key = (item) => `${about.tasks[item[TASK]][1]}:${item[DOC]}`;
  const link = (item) => browserAddress.write({ ...filters(), item: shown(key(item)) });

  const { make } = arcGrids;
  const { named, render } = browserItem({
    get about() { return about; },
    get chosen() { return chosen < 0 ? -1 : visible[chosen]; },
    get items() { return items; },
    parentOf, changeOf, link: (item) => link(item), move: (step) => move(step),
  });

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
    marks.title = `✓ right, ✗ wrong: ${about.models.join(", ")}`;
    const head = make("span", "browser-head", named(`${about.tasks[item[TASK]][2]} ${item[DOC]}`), marks);
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
  const nameOf = (id, names) => (number(id) < 0 ? "" : shown(names[number(id)]));
  const choices = () => [...about.tasks.map((task) => task[1]), ...about.groups.map((group) => group[1])];

  // The filters as an address has them.
  function filters() {
    return {
      task: nameOf("task", choices()), subject: nameOf("subject", about.subjects), model: nameOf("model", about.models),
      change: at("transition").value, status: nameOf("status", about.statuses), text: text.value.trim(),
      order: at("order").value, against: view() ? views[view()].value : "",
    };
  }

  // Set the filters from an address; what it does not name is cleared.
  function setFilters(wanted) {
    const set = (id, names, value) => (at(id).value = value === undefined ? "" : String(names.findIndex((name) => shown(name) === value)));
    set("task", choices(), wanted.task);
    set("subject", about.subjects, wanted.subject);
    set("model", about.models, wanted.model);
    set("status", about.statuses, wanted.status);
    at("transition").value = wanted.change ?? "";
    at("order").value = wanted.order ?? "";
    for (const id of ["task", "subject", "model", "status", "transition", "order"]) if (at(id).selectedIndex < 0) at(id).value = "";
    text.value = wanted.text ?? "";
    const chosenView = views.find((input) => input.value === wanted.against) ?? views[0];
    if (chosenView) chosenView.checked = true;
  }

  function filter(wanted) {
    const models = about.models.length;
    const subject = number("subject"), model = number("model"), status = number("status"), task = number("task");
    const tasks = task < 0 ? null : new Set(task < about.tasks.length ? [task] : about.groups[task - about.tasks.length][2]);
    const kinds = at("transition").value.split(",").filter(Boolean).map(Number);
    const words = text.value.toLowerCase().trim();
    const [from, to] = model < 0 ? [0, models] : [model, model + 1];
    const before = wanted ?? (chosen < 0 ? -1 : visible[chosen]);
    const current = changes[view()];
    const any = (values, i, test) => {
      for (let m = from; m < to; m++) if (test(values[i * models + m])) return true;
      return false;
    };
    // "Unchanged" must hold for every model; any other transition for at least one of them.
    const quiet = kinds.includes(0) ? [1, 2, 3] : null;
    visible = [];
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (tasks && !tasks.has(item[TASK])) continue;
      if (subject >= 0 && item[SUBJECT] !== subject) continue;
      if (kinds.length && !any(current, i, (change) => kinds.includes(change))) continue;
      if (quiet && any(current, i, (change) => quiet.includes(change))) continue;
      if (status >= 0 && !any(statuses, i, (value) => value === status)) continue;
      if (words && !searchable(i).includes(words)) continue;
      visible.push(i);
    }
    if (!at("order").value && about.base) {
      const shift = largestShifts(from, to);
      visible.sort((a, b) => shift[b] - shift[a] || a - b);
    }
    const rest = items.length === about.total ? "" : `; ${about.total.toLocaleString("en")} were evaluated`;
    count.textContent = `${visible.length.toLocaleString("en")} of ${items.length.toLocaleString("en")} questions shown${rest}`;
    for (const row of rows.values()) row.remove();
    rows.clear();
    all.style.height = `${visible.length * ROW}px`;
    list.scrollTop = 0;
    const place = visible.indexOf(before);
    chosen = -1;
    choose(place >= 0 ? place : visible.length ? 0 : -1, false);
    draw();
  }

  function onInput() {
    filter();
    history.replaceState(null, "", chosen < 0 ? browserAddress.write(filters()) : link(items[visible[chosen]]));
  }

  // --- download ------------------------------------------------------------------------------------------------------
  function record(i) {
    const item = items[i], [id, stem, options, form] = item[QUESTION];
    const names = options.map((option, o) => `${about.labels[o]}. ${plain(option)}`);
    const gold = options.length ? item[GOLD].map((o) => names[o]) : [plain(item[GOLD], form)];
    const models = item[CELLS].map((cell, m) => {
      const parent = parentOf(m), head = { model: about.models[m], against: parent < 0 ? "" : about.models[parent] };
      if (cell === null) return { ...head, status: "no answer to the same prompt" };
      const own = { ...head, right: [false, true, null][cell[RIGHT]], change: CHANGES[changeOf(i, m)] ?? "", status: about.statuses[cell[STATUS]] };
      if (typeof cell[REST] === "number") {
        const shares = cell.slice(REST).map((share) => share / 1000);
        return { ...own, answer: names[cell[PICK]] ?? "", p_gold: item[GOLD].reduce((sum, o) => sum + shares[o], 0), probabilities: shares };
      }
      const reads = (cell[REST] ?? []).filter(Array.isArray);
      const answer = reads[0] && (reads[0][2].g ?? reads[0][2]);
      return { ...own, answer: answer ?? "", responses: reads.map((read) => plain(read[3], form)) };
    });
    return { task: about.tasks[item[TASK]][0], document: item[DOC], id, subject: about.subjects[item[SUBJECT]], question: plain(stem, form), options: names, gold, models };
  }

  function download(event) {
    const kind = event.target.dataset.download, records = visible.map(record);
    browserDownload.save(`samples.${kind}`, kind === "csv" ? browserDownload.csv(records) : browserDownload.jsonl(records));
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
    const wanted = browserAddress.read(location.hash);
    if (!wanted) return;
    setFilters(wanted);
    const found = wanted.item === undefined ? undefined : items.findIndex((item) => shown(key(item)) === wanted.item);
    filter(found);
    if (found >= 0 && !visible.includes(found)) {
      form.reset();
      filter(found);
    }
    if (found < 0) count.textContent = `${shown(wanted.item).slice(0, 120)} is not embedded in this page. ${count.textContent}`;
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
    fill("task", [...about.tasks.map((task) => task[2]), ...about.groups.map((group) => group[0])]);
    fill("subject", about.subjects);
    fill("model", about.models);
    fill("status", about.statuses);
    at("subjects").hidden = about.subjects.length < 2;
    at("transitions").hidden = at("orders").hidden = !about.base || about.models.length < 2;
    at("numbers").hidden = !about.grids;
    off.hidden = true;
    at("on").hidden = at("paper").hidden = false;
    if (at("gallery")) at("gallery").open = false;
    if (!at("transitions").hidden) at("transition").value = "1,2,3";
    filter();
    if (!visible.length) form.reset(), filter(); // nothing changed
    follow();
    form.addEventListener("input", onInput);
    for (const button of whole.querySelectorAll("[data-download]")) button.addEventListener("click", download);
    for (const input of views) input.addEventListener("change", onInput);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter)); // after the fields are empty
    list.addEventListener("scroll", draw, { passive: true });
    addEventListener("resize", draw);
    addEventListener("hashchange", follow);
    document.addEventListener("keydown", onKey);
    whole.dataset.ready = "yes";
    setTimeout(prepareSearch, 200, 0);
  }

  setTimeout(start); // after the page is drawn
})();
