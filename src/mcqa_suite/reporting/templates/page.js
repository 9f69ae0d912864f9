"use strict";
// Sorting and copying. The page can be read without it.
(() => {
  const value = (row, index) => {
    const cell = row.children[index];
    const text = cell.dataset.value;
    if (text === undefined) return cell.textContent.trim();
    return text === "" ? null : Number(text);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  const sort = (table, index, down) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].filter((row) => !("fixed" in row.dataset));
    const fixed = [...body.rows].filter((row) => "fixed" in row.dataset);
    const filled = rows.filter((row) => value(row, index) !== null);
    const empty = rows.filter((row) => value(row, index) === null);
    filled.sort((a, b) => compare(value(a, index), value(b, index)) * (down ? -1 : 1));
    body.append(...filled, ...empty, ...fixed);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "none" || !head.hasAttribute("aria-sort") ? index > 1 : head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, index, down);
      });
    });
  }
  // Show the columns of the chosen metric and filter; without a choice those by which the tasks are judged.
  const columns = document.getElementById("columns");
  if (columns) {
    const [metric, filter] = ["metric", "filter"].map((name) => document.getElementById(`columns-${name}`));
    const table = document.querySelector("table.board"), heads = [...table.tHead.rows[0].cells];
    const show = () => {
      heads.forEach((head, index) => {
        if (!("metric" in head.dataset)) return;
        const right = metric?.value ? head.dataset.metric === metric.value : !("other" in head.dataset);
        const off = !right || Boolean(filter?.value && head.dataset.filter !== filter.value);
        for (const row of table.rows) row.cells[index].hidden = off;
      });
      document.getElementById("columns-note").textContent = metric?.value ? "Differences are tested by the metric that judges a task; ranks and means stay." : "";
    };
    columns.addEventListener("change", show);
    columns.hidden = false;
  }
  const data = document.getElementById("copies");
  if (data) {
    const copies = JSON.parse(data.textContent);
    const status = document.getElementById("copied");
    const old = (text) => {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    };
    // Text with tabs as a table, which slides take.
    const asTable = (text) => {
      const table = document.createElement("table");
      for (const line of text.trimEnd().split("\n")) {
        const row = table.insertRow();
        for (const cell of line.split("\t")) row.insertCell().textContent = cell;
      }
      return new Blob([new XMLSerializer().serializeToString(table)], { type: "text/html" });
    };
    const write = (style, text) => (style === "slides"
      ? navigator.clipboard.write([new ClipboardItem({ "text/html": asTable(text), "text/plain": new Blob([text], { type: "text/plain" }) })])
      : navigator.clipboard.writeText(text));
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.addEventListener("click", async () => {
        const text = copies[button.dataset.copy];
        let done = true;
        try {
          await write(button.dataset.copy, text);
        } catch {
          done = old(text);
        }
        status.textContent = done ? `${button.dataset.copy} copied` : "not copied: the browser did not allow it";
        button.focus();
      });
    }
    document.querySelector(".copy").hidden = false;
  }
  // Open the folded parts for printing, except the text of grids, which are printed as tables.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], .arc-folded)")];
    for (const item of opened) item.open = true;
  });
  addEventListener("afterprint", () => {
    for (const item of opened) item.open = false;
  });
})();
