"use strict";
// ARC grids: "012/345" as a picture, and as the text in which a model saw it. grid_svg.py draws the same for a page without scripts.
const arcGrids = (() => {
  const SPOKEN = 100, PLACES = 10, LARGEST = 18, SMALLEST = 6, SIDE = 180; // as in grid_svg.py
  const READABLE = 14; // pixels of a cell that holds a digit
  const SEPARATOR = { spaced: " ", plain: "", separator: "|" };
  const UNREAD = {
    none: "the response holds no valid grid",
    refused: "the model refused",
    truncated: "the response was cut off",
    empty: "nothing was written",
  };

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

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

  const sameShape = (grid, target) => grid.length === target.length && grid.indexOf("/") === target.indexOf("/");

  function wrongCells(grid, target) {
    const rows = target.split("/");
    return grid.split("/").flatMap((row, y) => [...row].flatMap((cell, x) => (cell === rows[y][x] ? [] : [[y, x]])));
  }

  function words(grid, target) {
    if (grid === target) return "✓ right";
    const rows = grid.split("/"), wanted = target.split("/");
    if (!sameShape(grid, target)) {
      return `✗ wrong shape: ${counted(rows.length, "row")} by ${counted(rows[0].length, "column")}, where ${wanted.length} by ${wanted[0].length} is right`;
    }
    return `✗ ${wrongCells(grid, target).length} of ${rows.length * rows[0].length} cells wrong, crossed out`;
  }

  const unread = (status) => `✗ no grid could be read: ${UNREAD[status] ?? status}`;

  function spoken(label, grid, target) {
    const rows = grid.split("/"), columns = rows[0].length;
    const parts = [`${label}, ${counted(rows.length, "row")} by ${counted(columns, "column")}`];
    const wrong = target && sameShape(grid, target) ? wrongCells(grid, target) : [];
    if (wrong.length) {
      const more = wrong.length > PLACES ? ` and ${wrong.length - PLACES} more` : "";
      parts.push(`wrong at ${wrong.slice(0, PLACES).map(([y, x]) => `row ${y + 1} column ${x + 1}`).join(", ")}${more}`);
    }
    if (rows.length * columns <= SPOKEN) parts.push(`cells ${rows.map((row) => [...row].join(" ")).join("; ")}`);
    return parts.join(". ");
  }

  function part(svg, tag, attributes, content = "") {
    const element = document.createElementNS(svg.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = content;
    svg.append(element);
  }

  function drawn(grid, label, { target, palette, digits }) {
    const rows = grid.split("/"), height = rows.length, width = rows[0].length;
    const side = Math.max(digits ? READABLE : SMALLEST, Math.min(LARGEST, Math.floor(SIDE / Math.max(height, width))));
    const svg = document.getElementById("browser-grid").content.firstElementChild.cloneNode();
    svg.setAttribute("aria-label", spoken(label, grid, target));
    svg.setAttribute("viewBox", `-.1 -.1 ${width}.2 ${height}.2`);
    svg.setAttribute("width", side * width);
    svg.setAttribute("height", side * height);
    const runs = palette.map(() => "");
    rows.forEach((row, y) => {
      for (const { 0: run, index } of row.matchAll(/(.)\1*/g)) runs[run[0]] += `M${index} ${y}h${run.length}v1h-${run.length}z`;
    });
    runs.forEach((d, digit) => d && part(svg, "path", { fill: palette[digit], d }));
    let lines = "";
    for (let x = 1; x < width; x++) lines += `M${x} 0v${height}`;
    for (let y = 1; y < height; y++) lines += `M0 ${y}h${width}`;
    part(svg, "path", { class: "arc-lines", d: lines || "M0 0" });
    part(svg, "path", { class: "arc-frame", d: `M0 0h${width}v${height}h-${width}z` });
    if (digits) {
      const x = [...rows[0]].map((_, i) => i + 0.5).join(" ");
      rows.forEach((row, y) => part(svg, "text", { x, y: y + 0.72 }, row));
    }
    if (target && target !== grid && sameShape(grid, target)) {
      const d = wrongCells(grid, target).map(([y, x]) => `M${x}.2 ${y}.2l.6.6m0-.6l-.6.6`).join("");
      for (const name of ["arc-under", "arc-cross"]) part(svg, "path", { class: name, d });
    }
    return svg;
  }

  function picture(grid, label, caption, look) {
    return make("div", "arc", drawn(grid, label, look), make("p", "", caption));
  }

  // Input and output side by side, the last input with the target: a grid's name is the line before it.
  function pairs(stem, target, look) {
    const found = [];
    stem.forEach((piece, i) => {
      if (!piece.g) return;
      const name = String(stem[i - 1]).trimEnd().split("\n").pop().replace(/:$/, "");
      if (name.startsWith("Output") && found.length) found.at(-1).push([name, piece.g]);
      else found.push([[name, piece.g]]);
    });
    const last = found.at(-1);
    if (last?.length === 1 && target) {
      last[0][0] += ", to solve";
      last.push(["Target", target]);
    } else if (target) found.push([["Target", target]]);
    const all = make("div", look.digits ? "arc-pairs arc-wide" : "arc-pairs");
    all.setAttribute("role", "group");
    all.setAttribute("aria-label", "The question's grids");
    for (const pair of found) {
      const row = make("div", `arc-pair${pair === found.at(-1) && target ? " arc-test" : ""}`);
      pair.forEach(([name, grid], i) => {
        if (i) row.append(arrow());
        row.append(picture(grid, name, name, look));
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

  return { make, text, words, unread, picture, pairs };
})();
