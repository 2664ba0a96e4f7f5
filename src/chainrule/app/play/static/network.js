// The picture of the network: units as boxes, weights as lines, one tab stop for all of them.

import { short, svg } from "./elements.js";

/** @typedef {{layer: number, unit: number | null, to: number}} Place */

const BOX = { width: 104, height: 62, gap: 20, step: 250, left: 14, top: 34 };
const HEAT = { ...BOX, width: 156, step: 290 };
const MAP = 54;
const DOT = { width: 46, height: 24, gap: 8, step: 190, left: 14, top: 34 };
const MOST_BOXES = 8;
const MOST_LABELS = 9;

export class NetworkPicture {
  /**
   * @param {HTMLElement} box
   * @param {(place: Place, byKey?: boolean) => void} choose
   */
  constructor(box, choose) {
    this.box = box;
    this.choose = choose;
    this.shape = "";
    /** @type {Map<string, {place: Place, index: number, group: SVGElement, line: SVGElement | null, label: SVGElement | null}>} */
    this.edges = new Map();
    /** @type {Map<string, SVGElement>} */
    this.texts = new Map();
    /** @type {SVGElement[]} */
    this.maps = [];
    this.canvas = document.createElement("canvas");
    this.scale = 0;
    this.held = false;
    this.focused = "";
  }

  /**
   * @param {Record<string, any>} header
   * @param {Record<string, any>} arrays
   * @param {{colour: string, names: string[], selected: Place | null}} how
   */
  draw(header, arrays, how) {
    this.mapped = header.widths[0] === 2;
    const shape = JSON.stringify([header.widths, header.activations, header.biases, header.link, how.names]);
    if (shape !== this.shape) this.build(header, how.names);
    this.shape = shape;
    const { phase } = header;
    const values = arrays[how.colour];
    let largest = 0;
    for (const one of values) if (Number.isFinite(one)) largest = Math.max(largest, Math.abs(one));
    this.scale = this.held ? Math.max(this.scale, largest) : largest;
    const chosen = how.selected ? keyOf(how.selected) : "";
    for (const [key, edge] of this.edges) {
      const value = values[edge.index];
      const { layer } = edge.place;
      const known = how.colour === "weight" || (how.colour === "gradient" ? phase.backward <= layer : phase.number === 0);
      const share = this.scale > 0 && known && Number.isFinite(value) ? Math.abs(value) / this.scale : 0;
      const kind = !Number.isFinite(value) ? "broken" : value < 0 ? "negative" : "positive";
      edge.group.setAttribute("class", `edge ${kind}${key === chosen ? " chosen" : ""}${header.frozen.includes(edge.index) ? " frozen" : ""}`);
      if (edge.line) {
        edge.line.style.strokeWidth = `${(0.8 + 4.2 * share).toFixed(2)}px`;
        edge.line.style.strokeOpacity = (0.35 + 0.65 * share).toFixed(2);
      }
      const weight = arrays.weight[edge.index];
      const gradient = phase.backward <= layer ? `, gradient ${short(arrays.gradient[edge.index])}` : "";
      edge.group.setAttribute("aria-label", `${wordsOf(edge.place)}, ${short(weight)}${gradient}`);
      edge.group.dataset.value = String(value);
      if (edge.label) edge.label.textContent = known ? short(value) : "";
    }
    for (const [name, text] of this.texts) {
      const [, letter, layer, unit] = /** @type {RegExpMatchArray} */ (name.match(/^([azd])(\d+)\.(\d+)$/));
      const value = arrays[letter + layer]?.[Number(unit)];
      const known = letter === "d" ? phase.backward <= Number(layer) : phase.forward >= Number(layer);
      text.textContent = known && value !== undefined ? short(value) : "·";
      text.classList.toggle("long", (text.textContent ?? "").length > 7);
      if (value !== undefined) text.dataset.value = String(value);
    }
  }

  /**
   * @param {Record<string, any>} header
   * @param {string[]} names
   */
  build(header, names) {
    const { widths, activations, link } = header;
    const most = Math.max(...widths);
    const large = most <= MOST_BOXES;
    const at = large ? (this.mapped ? HEAT : BOX) : DOT;
    this.maps = [];
    const height = at.top + most * (at.height + at.gap) + 14;
    const width = 2 * at.left + (widths.length - 1) * at.step + at.width;
    const middle = at.top + (most * (at.height + at.gap)) / 2;
    /** @param {number} column @param {number} unit */
    const corner = (column, unit) => ({
      x: at.left + column * at.step,
      y: middle + (unit - widths[column] / 2) * (at.height + at.gap) + at.gap / 2,
    });
    this.edges.clear();
    this.texts.clear();
    const lines = svg("g", {});
    const labels = svg("g", { "aria-hidden": "true" });
    const boxes = svg("g", {});
    const biases = svg("g", {});
    /** @type {{x: number, y: number}[]} */
    const taken = [];
    let index = 0;
    for (let layer = 1; layer < widths.length; layer += 1) {
      const [above, below] = [widths[layer - 1], widths[layer]];
      const named = above * below <= MOST_LABELS && large;
      for (let unit = 0; unit < above; unit += 1)
        for (let to = 0; to < below; to += 1) {
          const [one, two] = [corner(layer - 1, unit), corner(layer, to)];
          const ends = { x1: one.x + at.width, y1: one.y + at.height / 2, x2: two.x, y2: two.y + at.height / 2 };
          const line = svg("line", { class: "line", ...ends });
          const group = this.edge({ layer, unit, to }, index, line, svg("line", { class: "hit", ...ends }));
          lines.append(group);
          if (named) {
            const { x, y } = free(ends, taken);
            const label = svg("text", { class: "weight", x, y });
            labels.append(label);
            /** @type {any} */ (this.edges.get(keyOf({ layer, unit, to }))).label = label;
          }
          index += 1;
        }
      for (let to = 0; header.biases[layer - 1] && to < below; to += 1) {
        const { x, y } = corner(layer, to);
        const mark = svg("circle", { class: "line", cx: x + 1, cy: y + at.height - 1, r: large ? 7 : 5 });
        const hit = svg("circle", { class: "hit", cx: x + 1, cy: y + at.height - 1, r: 11 });
        const letter = large ? svg("text", { class: "bias", x: x + 1, y: y + at.height + 2.5 }, "b") : null;
        biases.append(this.edge({ layer, unit: null, to }, index, mark, hit, letter));
        index += 1;
      }
    }
    widths.forEach((/** @type {number} */ count, /** @type {number} */ column) => {
      const last = column === widths.length - 1;
      const kind = column === 0 ? "inputs" : last ? `output, ${activations[column - 1]}${link === "linear" ? "" : `, then ${link}`}` : `layer ${column}, ${activations[column - 1]}`;
      boxes.append(svg("text", { class: "kind", x: corner(column, 0).x + at.width / 2, y: 18 }, kind));
      for (let unit = 0; unit < count; unit += 1) boxes.append(this.unit(column, unit, corner(column, unit), at, large, names));
    });
    const picture = svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        class: "network",
        role: "group",
        "aria-label": `Network of ${widths.join(", ")} units. Arrow keys go from weight to weight, Enter opens the chain rule.`,
        style: `max-width: ${width * 1.25}px; min-width: ${Math.min(width, 560)}px`,
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      },
      lines, boxes, biases, labels,
    );
    this.box.replaceChildren(picture);
    const first = this.edges.get(this.focused) ?? this.edges.values().next().value;
    first?.group.setAttribute("tabindex", "0");
  }

  /**
   * @param {Place} place
   * @param {number} index
   * @param {SVGElement} line
   * @param {SVGElement} hit
   * @param {SVGElement | null} [letter]
   */
  edge(place, index, line, hit, letter = null) {
    const key = keyOf(place);
    const group = svg(
      "g",
      {
        class: "edge",
        role: "button",
        tabindex: "-1",
        "data-place": key,
        onclick: () => this.choose(place),
        onfocus: () => this.rove(key),
      },
      line, hit, letter,
    );
    this.edges.set(key, { place, index, group, line, label: null });
    return group;
  }

  /**
   * @param {number} column
   * @param {number} unit
   * @param {{x: number, y: number}} corner
   * @param {typeof BOX} at
   * @param {boolean} large
   * @param {string[]} names
   */
  unit(column, unit, { x, y }, at, large, names) {
    const group = svg("g", { class: column === 0 ? "unit input" : "unit" });
    group.append(svg("rect", { x, y, width: at.width, height: at.height, rx: 8 }));
    /** @param {string} letter @param {string} name @param {number} line @param {number} lines */
    const row = (letter, name, line, lines) => {
      const base = y + (at.height * (line + 0.5)) / lines + 4.5;
      const text = svg("text", { class: "value", x: x + at.width - 8, y: base });
      this.texts.set(`${letter}${column}.${unit}`, text);
      return large ? [svg("text", { class: "name", x: x + (column > 0 && this.mapped ? MAP + 12 : 10), y: base }, name), text] : [text];
    };
    if (column === 0) group.append(...row("a", names[unit] ?? `x${unit + 1}`, 0, 1));
    else if (large && this.mapped) {
      const map = svg("image", { class: "map", x: x + 4, y: y + 4, width: MAP, height: MAP, preserveAspectRatio: "none" });
      this.maps.push(map);
      group.append(map);
    }
    if (column > 0 && large) group.append(...row("z", "z", 0, 3), ...row("a", "a", 1, 3), ...row("d", "δ", 2, 3));
    else if (column > 0) group.append(...row("a", "a", 0, 1));
    const what = column === 0 ? `input ${names[unit] ?? unit + 1}` : `unit ${unit + 1} of layer ${column}`;
    group.append(svg("title", {}, what));
    return group;
  }

  /**
   * Draw what each unit answers over the plane: blue below 0, orange above.
   * @param {Uint8Array} heat
   */
  drawMaps(heat) {
    if (!this.maps.length) return;
    const cells = heat.length / this.maps.length;
    const size = Math.sqrt(cells);
    this.canvas.width = this.canvas.height = size;
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.maps.forEach((map, unit) => {
      const image = pen.createImageData(size, size);
      for (let at = 0; at < cells; at += 1) {
        const row = size - 1 - Math.floor(at / size);
        paint(image.data, 4 * (row * size + (at % size)), heat[unit * cells + at]);
      }
      pen.putImageData(image, 0, 0);
      map.setAttribute("href", this.canvas.toDataURL());
    });
  }

  /** @param {string} key */
  rove(key) {
    this.edges.get(this.focused)?.group.setAttribute("tabindex", "-1");
    for (const { group } of this.edges.values()) group.setAttribute("tabindex", "-1");
    this.edges.get(key)?.group.setAttribute("tabindex", "0");
    this.focused = key;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const now = this.edges.get(this.focused);
    if (!now) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(now.place, true);
      return;
    }
    const all = [...this.edges.values()];
    const here = all.filter((one) => one.place.layer === now.place.layer);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const aside = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    let next = null;
    if (step) next = here[(here.indexOf(now) + step + here.length) % here.length];
    if (aside) next = all.find((one) => one.place.layer === now.place.layer + aside) ?? null;
    if (event.key === "Home") next = all[0];
    if (event.key === "End") next = all[all.length - 1];
    if (!next) return;
    event.preventDefault();
    next.group.focus();
  }
}

/** @param {Uint8ClampedArray} data @param {number} to @param {number} level */
function paint(data, to, level) {
  const share = Math.abs(level - 127.5) / 127.5;
  const colour = level < 127.5 ? [0, 114, 178] : [213, 94, 0];
  for (let k = 0; k < 3; k += 1) data[to + k] = 255 + share * (colour[k] - 255);
  data[to + 3] = 255;
}

/** @param {Place} place */
export function keyOf({ layer, unit, to }) {
  return `${layer}:${unit === null ? "b" : unit}:${to}`;
}

/** @param {Place} place */
export function wordsOf({ layer, unit, to }) {
  if (unit === null) return `bias of unit ${to + 1} of layer ${layer}`;
  const from = layer === 1 ? `input ${unit + 1}` : `unit ${unit + 1} of layer ${layer - 1}`;
  return `weight from ${from} to unit ${to + 1} of layer ${layer}`;
}

/**
 * The place on a line where a label meets no other one.
 * @param {{x1: number, y1: number, x2: number, y2: number}} ends
 * @param {{x: number, y: number}[]} taken
 */
function free({ x1, y1, x2, y2 }, taken) {
  let best = { x: 0, y: 0, room: -1 };
  for (const share of [0.3, 0.5, 0.68, 0.4, 0.6, 0.22, 0.78]) {
    const at = { x: x1 + share * (x2 - x1), y: y1 + share * (y2 - y1) - 5 };
    const room = Math.min(2, ...taken.map((one) => Math.max(Math.abs(one.x - at.x) / 50, Math.abs(one.y - at.y) / 15)));
    if (room > best.room) best = { ...at, room };
    if (room >= 1) break;
  }
  taken.push(best);
  return best;
}
