// Figures and moments as people read them: the same manner as figures.py has on the side of Python.
"use strict";

const THIN = "\u202f";

function withDecimals(value, decimals) {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    .replace(/,/g, THIN).replace("-", "\u2212");
}

function amount(value, digits = 5) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const whole = Math.floor(Math.log10(Math.abs(value))) + 1;
  const text = withDecimals(value, Math.max(0, Math.min(10, digits - whole)));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function signed(value, digits = 5) {
  return (value > 0 ? "+" : "") + amount(value, digits);
}

function iso(ms) {
  return new Date(ms).toISOString();
}

// "14:05", and as much finer as the step between two labels needs.
function clock(ms, step = 60000) {
  const text = iso(ms);
  if (step >= 60000) return text.slice(11, 16);
  return step >= 1000 ? text.slice(11, 19) : text.slice(11, 23);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function day(ms) {
  const at = new Date(ms);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function emptySentence(sentence) {
  return element("p", { class: "empty" }, sentence);
}
