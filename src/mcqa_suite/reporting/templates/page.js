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
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.addEventListener("click", async () => {
        const text = copies[button.dataset.copy];
        let done = true;
        try {
          await navigator.clipboard.writeText(text);
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
