// Units, elements, tips: what all parts of the page have in common. Numbers are in SI units until they are shown.

const data = JSON.parse(document.getElementById("data").textContent);

const TIME = [[1, "s"], [1e-3, "ms"], [1e-6, "\u00b5s"], [1e-9, "ns"]];
const RATE = [[1e12, "TB/s"], [1e9, "GB/s"], [1e6, "MB/s"], [1e3, "kB/s"], [1, "B/s"]];

/** Four significant digits, thousands apart; never in exponents. */
function digits(value, significant = 4) {
  if (value === 0) return "0";
  const decimals = Math.max(0, significant - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
function withUnit(value, units) {
  const [size, name] = units.find(([size]) => Math.abs(value) >= size) || units[units.length - 1];
  return `${digits(value / size)} ${name}`;
}
const time = (seconds) => withUnit(seconds, TIME);
const rate = (bytesPerSecond) => withUnit(bytesPerSecond, RATE);
const memory = (bytes) => `${digits(bytes / 1e9)} GB`;
const percent = (share, decimals = 1) => `${(100 * share).toFixed(decimals)} %`;
/** Both ends in the unit of the larger one, and with its decimals. */
function timeRange([lo, hi]) {
  const [size, name] = TIME.find(([size]) => hi >= size) || TIME[TIME.length - 1];
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(hi / size)));
  return `${(lo / size).toFixed(decimals)} – ${(hi / size).toFixed(decimals)} ${name}`;
}
const speedup = (value) => `${value.toFixed(2)} ×`;
const speedupRange = ([lo, hi]) => `${lo.toFixed(2)} – ${hi.toFixed(2)} ×`;
const words = (name) => name.replaceAll("_", " ");

/** An element with attributes and children; text is text, never markup. */
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}
function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}
function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
function drawing(width, height, label) {
  return shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
}
function section(id, ...children) {
  document.getElementById(id).append(...children);
}

/** @param rows of cells: text, an element, or [text, soft text] */
function table(head, rows, { wordColumns = [] } = {}) {
  const cell = (kind, content, column) => {
    const node = element(kind, wordColumns.includes(column) ? { class: "words" } : {});
    if (kind === "th" && column === 0) node.scope = "row";
    if (Array.isArray(content)) node.append(content[0], element("span", { class: "soft" }, content[1]));
    else node.append(content);
    return node;
  };
  const heads = head.map((text, column) => cell("th", text, column));
  heads.forEach((one) => { one.scope = "col"; });
  const body = rows.map((row) => element("tr", {}, ...row.map((content, column) => cell(column ? "td" : "th", content, column))));
  return element("div", { class: "scroll" },
    element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body)));
}

function legend(entries) {
  return element("ul", { class: "legend" }, ...entries.map(({ name, color, width }) => {
    const chip = element("i", { "aria-hidden": "true" });
    if (width) {
      chip.className = "line";
      chip.style.borderTopWidth = `${width}px`;
      chip.style.borderTopColor = color;
    } else {
      chip.style.background = color;
    }
    return element("li", {}, chip, name);
  }));
}

/** What the pointer is over says its tip; screen readers and touch get the same words as its title. */
function tip(node, text) {
  node.dataset.tip = text;
  return node;
}
function showTips() {
  const box = document.getElementById("tip");
  document.addEventListener("pointermove", (event) => {
    const over = event.target.closest ? event.target.closest("[data-tip]") : null;
    box.hidden = over === null;
    if (over === null) return;
    box.textContent = over.dataset.tip;
    const left = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
    const top = event.clientY + 18 + box.offsetHeight > innerHeight ? event.clientY - 12 - box.offsetHeight : event.clientY + 18;
    box.style.left = `${Math.max(4, left)}px`;
    box.style.top = `${Math.max(4, top)}px`;
  });
}

/** Buttons of which one is pressed. */
function choice(label, names, chosen) {
  const buttons = names.map((name, index) => element("button", { type: "button", "aria-pressed": String(index === 0) }, name));
  buttons.forEach((button, index) => button.addEventListener("click", () => {
    buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    chosen(index);
  }));
  return element("span", { class: "controls", role: "group", "aria-label": label }, ...buttons);
}

/** Round numbers from 0 (or lo) to hi, about `count` of them. */
function ticks(lo, hi, count = 6) {
  const rough = (hi - lo) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const all = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi * (1 + 1e-12); ++i) all.push(i * step);
  return all;
}

const partOf = (kind) => data.parts.find((part) => part.kinds.includes(kind)) || data.parts[data.parts.length - 1];
