// The chosen question of the sample browser, drawn with the answers of each model. `data` is what browser.js reads and selects.
const browserItem = (data) => {
  const [TASK, DOC, SUBJECT, GOLD, QUESTION, CELLS] = [0, 1, 2, 3, 4, 5];
  const [, RIGHT, STATUS, PICK, REST] = [0, 1, 2, 3, 4];
  const CHANGES = ["", "right → wrong", "wrong → right", "wrong → other wrong", "", ""];
  const { shown, textOf, plain, changedParts } = browserTexts;
  const detail = document.getElementById("browser-item");

  // --- small parts ---------------------------------------------------------------------------------------------------
  const { make } = arcGrids;

  const named = (raw) => { // text whose direction (left to right or not) is detected
    const element = make("bdi");
    element.dir = "auto";
    element.textContent = shown(raw);
    return element;
  };

  // A text in pieces; `changed` are the [start, end] of what its parent did not write.
  function written(pieces, form, changed = []) {
    const element = make("bdi");
    element.dir = "auto";
    let at = 0;
    for (const piece of pieces) {
      if (typeof piece === "number") {
        element.append(make("span", "browser-cut", ` […${piece.toLocaleString("en")} characters left out…] `));
        continue;
      }
      const text = textOf(piece, form), inside = piece.m ? make("mark") : element;
      inside.append(...withChanges(text, at, changed));
      if (piece.m) element.append(inside);
      at += text.length;
    }
    return element;
  }

  function withChanges(text, at, changed) {
    const parts = [], clip = (place) => Math.max(0, Math.min(text.length, place - at));
    let done = 0;
    for (const [start, end] of changed) {
      const [from, to] = [clip(start), clip(end)];
      if (from >= to) continue;
      parts.push(shown(text.slice(done, from)), make("span", "browser-new", shown(text.slice(from, to))));
      done = to;
    }
    return [...parts, shown(text.slice(done))];
  }

  function verdict(cell) {
    if (cell === null) return make("span", "browser-muted", "no answer to the same prompt");
    const [name, word] = [["browser-wrong", "✗ wrong"], ["browser-right", "✓ right"], ["browser-muted", "– not 0 or 1"]][cell[RIGHT]];
    return make("span", name, word);
  }

  function heading(model, cell, index) {
    const change = cell === null ? "" : CHANGES[data.changeOf(index, model)], parent = data.parentOf(model);
    const parts = [named(data.about.models[model]), make("br"), verdict(cell)];
    if (change) parts.push(make("br"), make("span", "browser-muted", change, ...(parent > 0 ? [", against ", named(data.about.models[parent])] : [])));
    return parts;
  }

  // --- the chosen item -----------------------------------------------------------------------------------------------
  function button(word, name, step) {
    const element = make("button", "", word);
    element.type = "button";
    element.setAttribute("aria-label", name);
    element.addEventListener("click", () => data.move(step));
    return element;
  }

  function optionsTable(item, index) {
    const [, , options] = item[QUESTION], gold = item[GOLD], cells = item[CELLS];
    const top = make("tr", "", make("th", "", "Option"));
    cells.forEach((cell, m) => top.append(make("th", "", ...heading(m, cell, index))));
    const body = make("tbody");
    options.forEach((option, o) => {
      const isGold = gold.includes(o);
      const name = make("th", "", `${data.about.labels[o]}. `, written(option));
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

  // The parent of a model and what it wrote; null where nothing can be compared.
  function parentReads(model, item) {
    const parent = data.parentOf(model), cell = parent < 0 ? null : item[CELLS][parent];
    return cell && Array.isArray(cell[REST]) ? [parent, cell[REST]] : null;
  }

  function card(model, cell, item, index) {
    const element = make("section", "browser-card", make("h4", "", ...heading(model, cell, index)));
    const reads = cell && Array.isArray(cell[REST]) ? cell[REST] : [];
    const before = parentReads(model, item);
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
      const other = before?.[1][number]?.[3], [old, now] = [other && plain(other, form), plain(response, form)];
      const changed = other && old !== now ? changedParts(old, now) : [];
      const text = box("browser-response", `Response of ${shown(data.about.models[model])}`,
        response.length ? written(response, form, changed) : make("em", "", "(nothing written)"));
      element.append(line);
      const grid = target && (answer.g ?? response.find((piece) => piece.m && piece.g)?.g);
      const words = outcome && make("span", grid === target ? "browser-right" : "browser-wrong", shown(outcome));
      if (grid) element.append(arcGrids.table(grid, words, target), folded("The response as text", text));
      else {
        element.append(...(words ? [make("p", "", words)] : []));
        element.append(other && old === now ? folded(`The same response as ${shown(data.about.models[before[0]])}`, text) : text);
      }
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
    const others = data.items.length === 1 ? "" : " To print another one, open the HTML file, choose it and print again.";
    document.getElementById("browser-paper").textContent = `Only the chosen question is printed, 1 of ${data.items.length.toLocaleString("en")}.${others}`;
    if (data.chosen < 0) {
      detail.replaceChildren(make("p", "browser-muted", "No question passes these filters."));
      return;
    }
    const index = data.chosen, item = data.items[index], [id, stem, options, form] = item[QUESTION];
    const subject = data.about.subjects[item[SUBJECT]], [code, task, name] = data.about.tasks[item[TASK]];
    const title = make("h3", "", named(name), `, document ${item[DOC]}`);
    const words = [...(name === code ? [] : [code]), ...(id ? [id] : []), ...(subject ? [`subject ${subject}`] : [])];
    const facts = make("p", "browser-muted", ...words.flatMap((word, i) => (i ? [" · ", named(word)] : [named(word)])));
    const anchor = make("a", "", "Link to this item");
    anchor.href = data.link(item);
    const steps = make("div", "browser-steps", button("↑ Previous", "Previous question", -1), button("↓ Next", "Next question", 1), anchor);
    const question = box("browser-question", "Question", written(stem, form));
    const parts = [title, facts, steps, ...(form ? gridQuestion(item, question) : [question])];
    if (options.length) {
      parts.push(optionsTable(item, index));
      if (!item[GOLD].length) parts.push(make("p", "browser-muted", "The log does not say which option is right."));
      if (item[CELLS].some((cell) => cell && typeof cell[REST] === "number")) {
        parts.push(make("p", "browser-muted", "Bars: softmax of the options' log-likelihoods."));
      }
    } else if (!targetOf(item)) parts.push(make("p", "", make("strong", "", "Gold: "), written(item[GOLD])));
    if (item[CELLS].some((cell) => cell && Array.isArray(cell[REST]))) {
      const read = item[CELLS].flatMap((cell) => (cell ? cell[REST] : [])).filter(Array.isArray);
      const marked = read.some((one) => one[3].some((piece) => piece.m));
      if (marked) parts.push(make("p", "browser-muted", `Marked${form ? " in a response" : ""}: the text that the answer was read from.`));
      const cards = make("div", "browser-cards", ...item[CELLS].map((cell, m) => card(m, cell, item, index)));
      if (cards.querySelector(".browser-new")) {
        parts.push(make("p", "browser-muted", make("span", "browser-new", "Underlined"), ": words that are not in the response of the model it is compared with."));
      }
      parts.push(cards);
    }
    for (const element of document.querySelectorAll("#explanations [data-item]")) {
      if (element.dataset.item === `${task}:${item[DOC]}`) parts.push(element.cloneNode(true));
    }
    for (const [m, cell] of item[CELLS].entries()) {
      if (cell && cell[REST] === undefined) {
        parts.push(make("p", "browser-wrong", named(data.about.models[m]), `: log-likelihoods are ${data.about.statuses[cell[STATUS]]}.`));
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

  return { named, render };
};
