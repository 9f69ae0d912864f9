// Texts of the sample browser: cleaned, joined from pieces, and compared word by word.
const browserTexts = (() => {
  const MOST_WORDS = 700; // of the part that differs; longer ones are marked as a whole

  // Replaces control characters and lone surrogates by visible characters.
  const shown = (raw) => String(raw).replace(/\r\n/g, "\n").replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\u007f/g, "\u2421");

  const textOf = (p, form) => (typeof p === "string" ? p : typeof p === "number" ? "" : p.g ? arcGrids.text(p.g, form) : p.m);
  const plain = (pieces, form) => pieces.map((p) => textOf(p, form)).join("");

  // [start, end] of each part of `after` that is not in `before`, by the longest common sequence of words.
  function changedParts(before, after) {
    const words = (text) => text.match(/\s*\S+|\s+$/g) ?? [];
    const old = words(before), now = words(after);
    let first = 0, last = 0;
    while (first < old.length && first < now.length && old[first] === now[first]) first++;
    while (last < Math.min(old.length, now.length) - first && old.at(-1 - last) === now.at(-1 - last)) last++;
    const own = common(old.slice(first, old.length - last), now.slice(first, now.length - last));
    const parts = [];
    let at = 0;
    now.forEach((word, i) => {
      const same = i < first || i >= now.length - last || own[i - first];
      if (!same && parts.length && parts.at(-1)[1] === at) parts.at(-1)[1] = at + word.length;
      else if (!same) parts.push([at, at + word.length]);
      at += word.length;
    });
    return parts;
  }

  // For each word of `now` whether it belongs to the longest common sequence.
  function common(old, now) {
    const same = new Array(now.length).fill(false);
    if (old.length > MOST_WORDS || now.length > MOST_WORDS) return same;
    const width = now.length + 1, best = new Uint16Array((old.length + 1) * width);
    for (let i = old.length - 1; i >= 0; i--) {
      for (let j = now.length - 1; j >= 0; j--) {
        const down = best[(i + 1) * width + j], right = best[i * width + j + 1];
        best[i * width + j] = old[i] === now[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(down, right);
      }
    }
    for (let i = 0, j = 0; i < old.length && j < now.length; ) {
      if (old[i] === now[j]) same[j] = true, i++, j++;
      else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
      else j++;
    }
    return same;
  }

  return { shown, textOf, plain, changedParts };
})();
