// Make elements and write numbers.

/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  return /** @type {HTMLElement} */ (fill(document.createElement(tag), attributes, children));
}

/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  return /** @type {SVGElement} */ (fill(made, attributes, children));
}

/**
 * @param {Element} made
 * @param {Record<string, any>} attributes
 * @param {(Node | string | null)[]} children
 */
function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "markup") made.innerHTML = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined)
      made.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null) made.append(child);
  return made;
}

/**
 * Write a number with a few digits.
 * @param {number | string | null} value
 * @param {number} [digits]
 */
export function short(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  const number = Number(value);
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : number > 0 ? "∞" : "−∞";
  if (number === 0) return "0";
  const size = Math.abs(number);
  let text = size >= 1e5 || size < 1e-4 ? number.toExponential(digits - 1) : number.toPrecision(digits);
  if (text.includes(".")) text = text.replace(/\.?0+(e|$)/, "$1");
  if (/^-?\d+e\+?\d+$/.test(text) && size < 1e5 && size >= 1e-4) text = String(Number(text));
  return text.replace("e+", "e").replace(/-/g, "−");
}

/**
 * A number in the page, which holds its full precision too.
 * @param {number | string} value
 * @param {string} [shown]
 * @param {Record<string, any>} [attributes]
 */
export function num(value, shown, attributes = {}) {
  const text = (shown ?? short(value, 4)).replace(/-/g, "−");
  return el("span", { class: "num", "data-value": String(value), ...attributes }, text);
}

/**
 * @param {string[]} head
 * @param {(string | Node)[][]} rows
 * @param {string} [caption]
 */
export function table(head, rows, caption) {
  const named = caption ? [el("caption", {}, caption)] : [];
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption ?? head.join(", ") },
    el("table", {}, ...named,
      el("thead", {}, el("tr", {}, ...head.map((one) => el("th", { scope: "col" }, one)))),
      el("tbody", {}, ...rows.map(([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((one) => el("td", {}, one)))))));
}

/**
 * The element that has the focus, in the page or in the part of a notebook that a node is in.
 * @param {Node} node
 * @returns {HTMLElement | null}
 */
export function focused(node) {
  const root = /** @type {Document | ShadowRoot} */ (node.getRootNode());
  return /** @type {HTMLElement | null} */ (root.activeElement ?? document.activeElement);
}

/** @type {WeakSet<Element>} */
const begun = new WeakSet();

/**
 * Note when a reader writes into a field.
 * @template {HTMLElement} T
 * @param {T} field
 * @returns {T}
 */
export function watched(field) {
  field.addEventListener("input", () => begun.add(field));
  for (const end of ["change", "blur"]) field.addEventListener(end, () => begun.delete(field));
  return field;
}

/**
 * Whether a reader has begun to write into a field, and not finished.
 * @param {Element} field
 */
export function written(field) {
  return begun.has(field);
}

/**
 * Fill a box anew: what had the focus in it has it again, or what now stands there.
 * @param {HTMLElement} box
 * @param {...(Node | string)} children
 */
export function renew(box, ...children) {
  const before = focused(box);
  const held = before && before !== box && box.contains(before) ? before : null;
  const name = held && nameOf(held);
  const number = held ? alike(box, name).indexOf(held) : 0;
  box.replaceChildren(...children);
  if (!held) return;
  const same = alike(box, name);
  const next = same[number] ?? same[0] ?? /** @type {HTMLElement | null} */ (box.querySelector(CAN_FOCUS));
  next?.focus({ preventScroll: true });
}

/**
 * Hide a box; the focus goes from it to another element.
 * @param {HTMLElement} box
 * @param {HTMLElement} other
 */
export function hide(box, other) {
  if (box.hidden) return;
  const had = box.contains(focused(box));
  box.hidden = true;
  if (had) other.focus();
}

const CAN_FOCUS = "button:not(:disabled), summary, input:not(:disabled), select:not(:disabled), [tabindex]";

/** @param {HTMLElement} box @param {string | null} name */
function alike(box, name) {
  const all = /** @type {HTMLElement[]} */ ([...box.querySelectorAll(CAN_FOCUS)]);
  return all.filter((one) => nameOf(one) === name);
}

/** @param {HTMLElement} one */
function nameOf(one) {
  const { path, place } = one.dataset;
  return one.id || path || place || `${one.tagName} ${one.getAttribute("aria-label") ?? one.textContent}`;
}
