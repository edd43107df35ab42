// Distributions, as bars in SVG: how many fills, orders or answers fell between two values.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// `spec`: edges, counts, unit, what (one counts them), mark (a value to point at) and its name, log (scale of edges).
function drawBars(host, spec) {
  host.replaceChildren();
  if (spec.empty) return host.append(emptySentence(spec.empty));
  const width = Math.max(220, host.clientWidth);
  const height = 190;
  const [left, right, top, bottom] = [46, 10, 22, 44];
  const place = spec.log ? Math.log10 : (value) => value;
  const [low, high] = [place(spec.edges[0]), place(spec.edges[spec.edges.length - 1])];
  const x = (value) => left + ((place(value) - low) / (high - low)) * (width - left - right);
  const most = Math.max(...spec.counts, 1);
  const y = (count) => height - bottom - (count / most) * (height - top - bottom);
  const svg = shape("svg", { class: "bars", viewBox: `0 0 ${width} ${height}`, height, role: "img" });
  svg.setAttribute("aria-label", spec.summary);
  for (const count of countTicks(most)) {
    svg.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(count), y2: y(count) }));
    svg.append(shape("text", { x: left - 6, y: y(count) + 4, "text-anchor": "end" }, withDecimals(count, 0)));
  }
  spec.counts.forEach((count, i) => {
    const [from, to] = [spec.edges[i], spec.edges[i + 1]];
    const sign = !spec.leans ? "plain" : (from + to) / 2 < 0 ? "below" : "above";
    const bar = shape("rect", { class: sign, x: x(from) + 0.5, width: Math.max(1, x(to) - x(from) - 1), y: y(count),
      height: height - bottom - y(count) });
    bar.append(shape("title", {}, `${amount(from, 4)} to ${amount(to, 4)} ${spec.unit}: ${withDecimals(count, 0)} ${spec.what}`));
    svg.append(bar);
  });
  for (const value of spec.log ? decades(spec.edges) : valueTicks(spec.edges)) {
    svg.append(shape("line", { class: value === 0 ? "zero" : "grid", x1: x(value), x2: x(value), y1: value === 0 ? top : height - bottom,
      y2: height - bottom + 4 }));
    svg.append(shape("text", { x: x(value), y: height - bottom + 18, "text-anchor": "middle" }, amount(value, 3)));
  }
  if (Number.isFinite(spec.mark)) {
    const at = Math.max(left, Math.min(width - right, x(spec.mark)));
    const side = at > width / 2 ? "end" : "start";
    svg.append(shape("line", { class: "mark", x1: at, x2: at, y1: 16, y2: height - bottom }));
    svg.append(shape("text", { class: "mark-text", x: at + (side === "end" ? -5 : 5), y: 13, "text-anchor": side }, spec.markName));
  }
  svg.append(shape("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, spec.unit));
  svg.append(shape("text", { x: 0, y: 12 }, spec.mark !== undefined && x(spec.mark) < 120 ? "" : spec.what));
  host.append(svg);
}

function countTicks(most) {
  const step = niceStep(most / 3, 1);
  return range(0, most, step);
}

function valueTicks(edges) {
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const step = niceStep((high - low) / 7, 0);
  return range(Math.ceil(low / step - 1e-9) * step, high, step);
}

function decades(edges) {
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const marks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of high / low > 100 ? [1] : [1, 2, 5]) {
      const value = Number(`${digit}e${power}`);
      if (value >= low && value <= high) marks.push(value);
    }
  }
  return marks;
}

function niceStep(about, least) {
  const power = 10 ** Math.floor(Math.log10(about));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((value) => value >= about * 0.999);
  return Math.max(step, least);
}

function range(from, to, step) {
  const values = [];
  for (let i = 0; from + i * step <= to + step * 1e-9; i++) values.push(Number((from + i * step).toPrecision(12)));
  return values;
}
