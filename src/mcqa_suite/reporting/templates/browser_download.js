// Questions of the sample browser as CSV (a line for each question and model) and as JSONL (a line for each question).
const browserDownload = (() => {
  // A spreadsheet would run a text that begins like a formula, so it gets a ' before it.
  const cell = (value) => {
    if (typeof value === "number") return String(value);
    const text = String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&");
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const COLUMNS = ["task", "document", "id", "subject", "question", "gold", "model", "against", "right", "change", "answer", "status", "p_gold", "response"];

  function csv(records) {
    const lines = records.flatMap((record) => record.models.map((model) => {
      const row = { ...record, ...model, gold: record.gold.join(" / "), response: (model.responses ?? [])[0] };
      return COLUMNS.map((name) => cell(row[name])).join(",");
    }));
    return `${[COLUMNS.join(","), ...lines].join("\n")}\n`;
  }

  const jsonl = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join("");

  function save(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  return { csv, jsonl, save };
})();
