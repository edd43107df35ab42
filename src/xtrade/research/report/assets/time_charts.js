// Charts over time, drawn by uPlot: one cursor and one stretch of time for all of them, usable with the keys.
"use strict";

const NARROW = 560;
const LEAST = 70; // pixels for the labels of a price
const TOGETHER = 32; // fills that are drawn before those after them cover them
const MARKERS = [[1, 1], [1, 0], [-1, 1], [-1, 0]]; // side and maker; unknown (2) is drawn as a taker
const SOLID = [];
const DASHES = [SOLID, [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [14, 4]];
const COLOURS = ["--one", "--two", "--five", "--four", "--three", "--six"];

const timeCharts = {
  whole: [0, 1],
  shown: [0, 1],
  drawn: [],
  moved: () => {},

  // Take every chart from the page, keeping the stretch of time that is looked at.
  clear() {
    for (const chart of this.drawn) chart.plot.destroy();
    this.drawn = [];
  },

  show(from, to) {
    const least = 1; // a millisecond: recorded times are not finer here
    const width = Math.max(least, Math.min(to - from, this.whole[1] - this.whole[0]));
    from = Math.max(this.whole[0], Math.min(from, this.whole[1] - width));
    this.shown = [from, from + width];
    for (const { plot } of this.drawn) {
      plot.setScale("x", { min: this.shown[0], max: this.shown[1] });
      atRest(plot);
    }
    this.moved();
  },

  zoom(factor, around = (this.shown[0] + this.shown[1]) / 2) {
    this.show(around + (this.shown[0] - around) * factor, around + (this.shown[1] - around) * factor);
  },

  shift(share) {
    const by = (this.shown[1] - this.shown[0]) * share;
    this.show(this.shown[0] + by, this.shown[1] + by);
  },

  all() {
    this.show(...this.whole);
  },

  draw(host, spec) {
    host.replaceChildren();
    if (spec.empty) {
      host.removeAttribute("tabindex");
      host.append(emptySentence(spec.empty));
      return;
    }
    const data = [spec.x, ...spec.lines.map((line) => line.y)];
    const plot = new uPlot(this.options(host, spec), data, host);
    this.drawn.push({ host, plot });
    atRest(plot);
    host.tabIndex = 0;
    host.onkeydown = (event) => this.key(event, plot, spec);
  },

  options(host, spec) {
    const css = colours();
    const chosen = spec.lines.map((line, i) => ({
      label: line.name,
      stroke: css(line.colour || COLOURS[i % COLOURS.length]),
      width: line.width || 1.5,
      dash: line.dash || (spec.lines.length > 1 ? DASHES[i % DASHES.length] : SOLID),
      fill: line.fill ? css(line.fill) : undefined,
      fillTo: 0,
      paths: line.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
      points: { show: spec.x.length < 3 },
      value: (_, value) => (spec.percent ? percentText(value) : amount(value, 6)),
    }));
    const axis = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 },
      font: FONT, labelFont: FONT };
    return {
      width: Math.max(200, host.clientWidth),
      height: heightOf(host, spec),
      ms: 1,
      tzDate: (ms) => uPlot.tzDate(new Date(ms), "Etc/UTC"),
      padding: [10, 24, 0, 0],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        sync: { key: "time", scales: ["x", null], setSeries: false,
          filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        bind: { dblclick: () => () => { timeCharts.all(); return null; } },
        points: { size: 7 },
      },
      scales: {
        x: { time: true, min: this.shown[0], max: this.shown[1], range: (_, min, max) => [min, max] },
        y: { range: (plot, low, high) => rangeOf(plot, spec, low, high) },
      },
      legend: { markers: { dash: (_, i) => (["solid", "dashed", "dotted"][Math.min(2, DASHES.indexOf(chosen[i - 1]?.dash ?? SOLID))] || "solid") } },
      series: [{ label: "Time, UTC", value: (_, ms) => (ms === null ? "–" : momentText(ms)) }, ...chosen],
      axes: [
        { ...axis, values: timeLabels, space: 72, size: 50 },
        { ...axis, values: (_, splits, __, ___, step) => splits.map((y) => axisText(y, step, spec)), size: axisSize,
          label: spec.unit, labelSize: 20, labelGap: 2 },
      ],
      hooks: {
        setSelect: [(plot) => {
          if (plot.select.width < 4) return;
          const from = plot.posToVal(plot.select.left, "x");
          const to = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          timeCharts.show(from, to);
        }],
        setCursor: [(plot) => {
          if (plot.cursor.left === null || plot.cursor.left < 0) atRest(plot);
          if (spec.fills) spec.fills.readout.textContent = nearestFill(plot, spec.fills);
        }],
        draw: [(plot) => zeroLine(plot, css), ...(spec.fills ? [(plot) => drawFills(plot, spec.fills, css)] : [])],
      },
    };
  },

  key(event, plot, spec) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const done = () => event.preventDefault();
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      done();
      const step = event.key === "ArrowLeft" ? -1 : 1;
      if (event.shiftKey) return this.shift(step / 4);
      return moveCursor(plot, spec, step);
    }
    const at = plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : undefined;
    if (event.key === "+" || event.key === "=") { done(); this.zoom(1 / 2, at); }
    if (event.key === "-") { done(); this.zoom(2, at); }
    if (event.key === "0" || event.key === "Escape") { done(); this.all(); }
  },

  resize() {
    for (const { host, plot } of this.drawn) {
      const width = Math.max(200, host.clientWidth);
      if (width !== plot.width) plot.setSize({ width, height: plot.height });
    }
  },
};

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";

// The colours of the theme that is on, by name.
function colours() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}

function heightOf(host, spec) {
  const narrow = host.clientWidth < NARROW;
  return (spec.low ? 180 : narrow ? 250 : 300) + (narrow ? 24 : 0);
}

// The key shows the last values in sight while no cursor is on the chart.
function atRest(plot) {
  const x = plot.data[0];
  let last = x.length - 1;
  while (last > 0 && x[last] > timeCharts.shown[1]) last--;
  plot.setLegend({ idx: last }, false);
}

function rangeOf(plot, spec, low, high) {
  if (spec.fills) [low, high] = withFills(plot, spec.fills, low, high);
  if (low === null || high === null || low === undefined) return [0, 1];
  if (spec.toZero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  if (low === high) {
    const room = Math.abs(low) * 0.01 || 1;
    return [low - room, high + room];
  }
  const room = (high - low) * 0.06;
  const [bottom, top] = [low - room, high + room];
  if (!spec.toZero) return [bottom, top];
  return [low === 0 ? 0 : bottom, high === 0 ? 0 : top];
}

function withFills(plot, fills, low, high) {
  const { min, max } = plot.scales.x;
  for (let i = 0; i < fills.x.length; i++) {
    if (fills.x[i] < min || fills.x[i] > max) continue;
    if (low === null || fills.price[i] < low) low = fills.price[i];
    if (high === null || fills.price[i] > high) high = fills.price[i];
  }
  return [low, high];
}

function timeLabels(_, splits, __, ___, step) {
  let before = null;
  return splits.map((ms) => {
    const today = day(ms);
    const label = step >= 86400000 ? today.replace(/ \d+$/, "") : clock(ms, step);
    const changed = today !== before;
    before = today;
    if (step >= 86400000) return label;
    return changed ? `${label}\n${today}` : label;
  });
}

function momentText(ms) {
  return iso(ms).slice(0, ms % 1000 ? 23 : 19).replace("T", " ");
}

function percentText(value) {
  return value === null || value === undefined ? "–" : `${amount(value, 4)}${THIN}%`;
}

function axisText(value, step, spec) {
  let decimals = 0;
  while (decimals < 10 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6 * step * 10 ** decimals) decimals++;
  const text = withDecimals(value, decimals).replace(/^\u2212(0(\.0+)?)$/, "$1");
  return spec.percent ? `${text}${THIN}%` : text;
}

// Wide enough for the longest label; asked twice at most, so that it does not swing.
function axisSize(plot, values, index, round) {
  const axis = plot.axes[index];
  if (round > 1) return axis._size;
  const longest = (values || []).reduce((most, text) => (text.length > most.length ? text : most), "");
  plot.ctx.font = axis.font[0];
  const needed = Math.ceil(axis.ticks.size + axis.gap + plot.ctx.measureText(longest).width / devicePixelRatio) + 2;
  return Math.max(needed, plot.width < NARROW ? 0 : LEAST); // charts below each other share one time axis
}

function zeroLine(plot, css) {
  const { min, max } = plot.scales.y;
  if (!(min < 0 && max > 0)) return;
  const y = Math.round(plot.valToPos(0, "y", true)) + 0.5;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = css("--soft");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

// Buys point up and sells point down; what waited (maker) is filled, what took is hollow.
function drawFills(plot, fills, css) {
  const { min, max } = plot.scales.x;
  const { ctx, bbox } = plot;
  const seen = [];
  for (let i = 0; i < fills.x.length; i++) if (fills.x[i] >= min && fills.x[i] <= max) seen.push(i);
  const room = bbox.width / devicePixelRatio;
  const crowd = seen.length > 2 * room;
  const size = (crowd ? 2 : seen.length > room / 4 ? 3.5 : 5) * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.setLineDash([]);
  ctx.globalAlpha = size < 5 * devicePixelRatio ? 0.75 : 1;
  ctx.lineWidth = (crowd ? 0.7 : 1.4) * devicePixelRatio;
  const inks = MARKERS.map(([side, maker]) => [side, maker, css(side > 0 ? "--buy" : "--sell"), css("--panel")]);
  // In the order of time, so that among thousands neither side hides the other.
  for (let from = 0; from < seen.length; from += TOGETHER) for (const [side, maker, ink, panel] of inks) {
    ctx.strokeStyle = ink;
    ctx.fillStyle = maker === 1 ? ink : panel;
    ctx.beginPath();
    for (const i of seen.slice(from, from + TOGETHER)) {
      if (fills.side[i] !== side || (fills.maker[i] === 1) !== (maker === 1)) continue;
      const x = plot.valToPos(fills.x[i], "x", true);
      const y = plot.valToPos(fills.price[i], "y", true);
      ctx.moveTo(x, y - size * side);
      ctx.lineTo(x + size, y + size * 0.8 * side);
      ctx.lineTo(x - size, y + size * 0.8 * side);
      ctx.closePath();
    }
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

function nearestFill(plot, fills) {
  const { left, top } = plot.cursor;
  if (left === null || left < 0) return fills.atRest;
  let best = 14 * 14;
  let found = -1;
  for (let i = 0; i < fills.x.length; i++) {
    const away = (plot.valToPos(fills.x[i], "x") - left) ** 2 + (plot.valToPos(fills.price[i], "y") - top) ** 2;
    if (away < best) [best, found] = [away, i];
  }
  if (found < 0) return fills.atRest;
  const who = fills.maker[found] === 1 ? "maker" : fills.maker[found] === 0 ? "taker" : "maker or taker not told";
  const verb = fills.side[found] > 0 ? "Bought" : "Sold";
  return `${verb} ${amount(fills.quantity[found], 6)}${fills.unit} at ${amount(fills.price[found], 8)}, ${who}, `
    + `${momentText(fills.x[found])} UTC, ${fills.strategies[fills.strategy[found]]}`;
}

function moveCursor(plot, spec, step) {
  const x = spec.x;
  const from = Math.max(0, x.findIndex((ms) => ms >= timeCharts.shown[0]));
  const now = plot.cursor.idx ?? from;
  const next = Math.max(0, Math.min(x.length - 1, now + step));
  if (x[next] < timeCharts.shown[0] || x[next] > timeCharts.shown[1]) timeCharts.shift(step / 2);
  plot.setCursor({ left: plot.valToPos(x[next], "x"), top: plot.over.clientHeight / 2 });
  const said = spec.lines.map((line) => `${line.name} ${amount(line.y[next], 6)}`).join(", ");
  document.getElementById("spoken").textContent = `${momentText(x[next])} UTC: ${said} ${spec.unit}`;
}
