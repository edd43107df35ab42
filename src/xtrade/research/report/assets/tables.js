// Tables that are sorted by a click on a column and filtered by typing.
"use strict";

// `columns`: {name, kind: "words" | "number" | "signed" | "moment" | "span", digits}; rows are arrays in their order.
function drawTable(host, spec, rows) {
  host.replaceChildren();
  if (!spec.rows.length) return host.append(emptySentence(spec.empty));
  const search = element("input", { type: "search", placeholder: "filter: buy, maker, 43 21…", "aria-label": `Filter: ${spec.title}` });
  const said = element("span", { class: "soft", role: "status" });
  const body = element("tbody");
  const state = { by: spec.sortedBy ?? 0, down: spec.down ?? false, needle: "" };
  const written = new Map(rows.map((row) => [row, row.map((cell, i) => cellText(cell, spec.columns[i]))]));
  const heads = spec.columns.map((column, i) => {
    const button = element("button", { type: "button" }, column.name);
    button.onclick = () => {
      state.down = state.by === i ? !state.down : column.kind !== "words";
      state.by = i;
      fill();
    };
    return element("th", { scope: "col", class: column.kind === "words" ? "words" : "" }, button);
  });

  function fill() {
    const needles = state.needle.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = rows.filter((row) => {
      const text = written.get(row).join(" ").replaceAll(THIN, "").toLowerCase();
      return needles.every((needle) => text.includes(needle));
    });
    kept.sort((a, b) => compared(a[state.by], b[state.by]) * (state.down ? -1 : 1));
    body.replaceChildren(...kept.map((row) => element("tr", {}, ...written.get(row).map((text, i) => cell(text, row[i], spec.columns[i])))));
    heads.forEach((head, i) => {
      if (i === state.by) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const all = spec.total > spec.rows.length ? `, the first ${amount(spec.rows.length, 9)} of ${amount(spec.total, 9)} are in this file` : "";
    said.textContent = `${withDecimals(kept.length, 0)} of ${withDecimals(rows.length, 0)} shown${all}`;
  }

  search.oninput = () => { state.needle = search.value; fill(); };
  host.append(
    element("div", { class: "tools" }, search, said),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": spec.title },
      element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body)),
  );
  fill();
}

function cell(text, value, column) {
  const lean = column.kind === "signed" && value ? (value > 0 ? "gain" : "loss") : "";
  return element("td", { class: column.kind === "words" ? "words" : lean }, text);
}

function cellText(value, column) {
  if (value === null || value === undefined) return "–";
  if (column.kind === "moment") return momentText(value);
  if (column.kind === "number") return amount(value, column.digits);
  if (column.kind === "signed") return signed(value, column.digits);
  if (column.kind === "span") return spanText(value);
  return String(value);
}

function spanText(ms) {
  for (const [size, name] of [[86400000, "d"], [3600000, "h"], [60000, "min"], [1000, "s"]]) {
    if (ms >= size) return `${amount(ms / size, 3)}${THIN}${name}`;
  }
  return `${amount(ms, 3)}${THIN}ms`;
}

// What is unknown comes last, whichever way a column is sorted upwards.
function compared(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -1 : 1;
}
