"use strict";
// ARC grids: "012/345" as a table, and as the text in which a model saw it. grids.html.j2 has the same tables without scripts.
const arcGrids = (() => {
  const SEPARATOR = { spaced: " ", plain: "", separator: "|" };

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  function text(grid, form) { // as the form's encoder in grids/encoders.py
    const rows = grid.split("/"), [cells, ...frames] = form.split("+");
    let lines = cells === "json" ? [`[${rows.map((row) => `[${[...row].join(", ")}]`).join(", ")}]`]
      : rows.map((row) => [...row].join(SEPARATOR[cells]));
    for (const frame of frames) {
      if (frame === "rows") lines = lines.map((line, i) => `${i + 1} ${line}`);
      else if (frame === "shape") lines = [`shape: ${rows.length}x${rows[0].length}`, ...lines];
      else lines = ["```grid", ...lines, "```"];
    }
    return lines.join("\n");
  }

  function table(grid, caption, target) {
    const rows = grid.split("/"), width = rows[0].length;
    const sameShape = target && grid.length === target.length && target.indexOf("/") === grid.indexOf("/");
    const right = sameShape ? target.split("/") : rows;
    const lines = rows.map((row, y) => make("tr", "", ...[...row].map((cell, x) => {
      const wrong = cell !== right[y][x];
      return make("td", `c${cell}${wrong ? " arc-wrong" : ""}`, cell, ...(wrong ? [make("i", "unseen", " wrong")] : []));
    })));
    const size = Math.max(rows.length, width) > 12 ? "arc-small" : width < 6 ? "arc-narrow" : "arc-large";
    const scroll = make("div", "arc", make("table", `arc-grid ${size}`, make("caption", "", caption), make("tbody", "", ...lines)));
    if (size === "arc-small") { // it scrolls, so it must be reachable with the keyboard
      scroll.tabIndex = 0;
      scroll.setAttribute("role", "group");
      scroll.setAttribute("aria-label", "Wide grid, scrolls sideways");
    }
    return scroll;
  }

  // Each input beside its output, and the last input beside the target. The line before a grid is its name.
  function pairs(stem, target) {
    const groups = [];
    stem.forEach((piece, i) => {
      if (!piece.g) return;
      const name = String(stem[i - 1]).trimEnd().split("\n").pop().replace(/:$/, "");
      if (name.startsWith("Output") && groups.length) groups.at(-1).push([name, piece.g]);
      else groups.push([[name, piece.g]]);
    });
    const last = groups.at(-1);
    if (last?.length === 1 && target) {
      last[0][0] += ", to solve";
      last.push(["Target", target]);
    } else if (target) groups.push([["Target", target]]);
    const all = make("div", "arc-pairs");
    all.setAttribute("role", "group");
    all.setAttribute("aria-label", "The question's grids");
    for (const pair of groups) {
      const row = make("div", `arc-pair${pair === groups.at(-1) && target ? " arc-test" : ""}`);
      pair.forEach(([name, grid], i) => {
        if (i) row.append(arrow());
        row.append(table(grid, name));
      });
      all.append(row);
    }
    return all;
  }

  function arrow() {
    const element = make("span", "arc-arrow", "→");
    element.setAttribute("aria-hidden", "true");
    return element;
  }

  return { make, text, table, pairs };
})();
