// A wide layer as a matrix of weights: a part at a time, with a cell cursor.

import { el, focused, renew, short } from "./elements.js";
import { keyOf, wordsOf } from "./network.js";

/** @typedef {import("./network.js").Place} Place */

export class MatrixPicture {
  /**
   * @param {HTMLElement} box
   * @param {{choose: (place: Place, byKey?: boolean) => void, move: (request: Record<string, any>) => void}} hands
   */
  constructor(box, hands) {
    this.box = box;
    this.hands = hands;
    this.shape = "";
    this.cursor = [0, 0];
    /** @type {HTMLElement[][]} */
    this.cells = [];
  }

  /**
   * @param {Record<string, any>} header
   * @param {Record<string, any>} arrays
   * @param {{colour: string, names: string[], selected: Place | null, still: boolean}} how
   */
  draw(header, arrays, how) {
    const { tile, widths } = header;
    this.widths = widths;
    const shape = JSON.stringify([tile.layer, tile.unit, tile.to, tile.rows, tile.columns, widths, header.activations]);
    if (shape !== this.shape) this.build(header, how.names);
    this.shape = shape;
    const values = arrays[`tile_${how.colour}`];
    const largest = tile.largest[how.colour] || 1;
    const chosen = how.selected ? keyOf(how.selected) : "";
    for (let row = 0; row < tile.rows; row += 1)
      for (let column = 0; column < tile.columns; column += 1) {
        const at = row * tile.columns + column;
        const value = values[at];
        const cell = this.cells[row][column];
        const place = { layer: tile.layer, unit: tile.unit + row, to: tile.to + column };
        const share = Number.isFinite(value) ? Math.min(1, Math.abs(value) / largest) : 0;
        cell.style.setProperty("--share", `${Math.round(100 * share)}%`);
        cell.className = `weight-cell ${value < 0 ? "negative" : "positive"}${keyOf(place) === chosen ? " chosen" : ""}`;
        if (!how.still) continue;
        cell.dataset.value = String(value);
        cell.setAttribute("aria-label", `${wordsOf(place)}, ${how.colour} ${short(value)}`);
        cell.title = `${wordsOf(place)}: ${how.colour} ${short(value, 4)}`;
      }
  }

  /**
   * @param {Record<string, any>} header
   * @param {string[]} names
   */
  build(header, names) {
    const { tile, widths } = header;
    const before = focused(this.box);
    const kept = this.box.contains(before) && before?.classList.contains("weight-cell");
    this.cells = [];
    const head = el("tr", {}, el("th", { scope: "col" }, "from \\ to"));
    for (let column = 0; column < tile.columns; column += 1) head.append(el("th", { scope: "col" }, String(tile.to + column + 1)));
    const body = el("tbody", {});
    for (let row = 0; row < tile.rows; row += 1) {
      const unit = tile.unit + row;
      const name = tile.layer === 1 ? names[unit] ?? `x${unit + 1}` : String(unit + 1);
      const line = el("tr", {}, el("th", { scope: "row", title: name }, name));
      /** @type {HTMLElement[]} */
      const cells = [];
      for (let column = 0; column < tile.columns; column += 1) {
        const place = { layer: tile.layer, unit, to: tile.to + column };
        const cell = el("button", {
          type: "button", class: "weight-cell", tabindex: "-1", "data-place": keyOf(place),
          onclick: (/** @type {MouseEvent} */ event) => this.hands.choose(place, event.detail === 0), onfocus: () => this.rove(row, column),
        });
        cells.push(cell);
        line.append(el("td", {}, cell));
      }
      this.cells.push(cells);
      body.append(line);
    }
    const layers = el("div", { class: "line-up" });
    for (let layer = 1; layer < widths.length; layer += 1)
      layers.append(el("button", {
        type: "button", "aria-pressed": String(layer === tile.layer),
        onclick: () => this.hands.move({ layer, unit: 0, to: 0 }),
      }, `Layer ${layer}: ${widths[layer - 1]} × ${widths[layer]}`));
    const from = /** @type {HTMLInputElement} */ (el("input", { id: "jump-from", type: "number", min: 1, max: widths[tile.layer - 1], value: tile.unit + 1 }));
    const to = /** @type {HTMLInputElement} */ (el("input", { id: "jump-to", type: "number", min: 1, max: widths[tile.layer], value: tile.to + 1 }));
    const jump = el("form", { class: "line-up", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.hands.move({ layer: tile.layer, unit: from.valueAsNumber - 1, to: to.valueAsNumber - 1 });
    } },
      el("label", { for: "jump-from" }, "From unit"), from, el("label", { for: "jump-to" }, "to unit"), to,
      el("button", { type: "submit" }, "Show"),
      el("button", { type: "button", id: "largest", onclick: () => this.hands.move({ layer: tile.layer, largest: true }) }, "Largest gradient"));
    const words = `Layer ${tile.layer}, weights from ${tile.unit + 1} to ${tile.unit + tile.rows} of ${widths[tile.layer - 1]}, to units ${tile.to + 1} to ${tile.to + tile.columns} of ${widths[tile.layer]}. Arrow keys move, Enter opens the chain rule.`;
    renew(this.box, layers, jump, el("p", { class: "small" }, words),
      el("div", { class: "scroll" },
        el("table", { class: "matrix", onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event, tile) },
          el("caption", {}, `Weights of layer ${tile.layer}`), el("thead", {}, head), body)));
    const [row, column] = this.cursor.map((at, k) => Math.max(0, Math.min(at, (k ? tile.columns : tile.rows) - 1)));
    this.cells[row][column].setAttribute("tabindex", "0");
    this.cursor = [row, column];
    if (kept) this.cells[row][column].focus();
  }

  /**
   * The cell of a weight, or the one that Tab reaches.
   * @param {string} key
   */
  cell(key) {
    const [row, column] = this.cursor;
    return this.cells.flat().find((one) => one.dataset.place === key) ?? this.cells[row][column];
  }

  /** @param {number} row @param {number} column */
  rove(row, column) {
    const [one, two] = this.cursor;
    this.cells[one]?.[two]?.setAttribute("tabindex", "-1");
    this.cells[row][column].setAttribute("tabindex", "0");
    this.cursor = [row, column];
  }

  /** @param {KeyboardEvent} event @param {Record<string, any>} tile */
  key(event, tile) {
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1],
      PageDown: [tile.rows, 0], PageUp: [-tile.rows, 0],
    });
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const [row, column] = [this.cursor[0] + step[0], this.cursor[1] + step[1]];
    if (this.cells[row]?.[column]) {
      this.cells[row][column].focus();
      return;
    }
    const unit = tile.unit + (row < 0 ? -tile.rows : row >= tile.rows ? tile.rows : 0);
    const to = tile.to + (column < 0 ? -tile.columns : column >= tile.columns ? tile.columns : 0);
    const [above, below] = [this.widths[tile.layer - 1], this.widths[tile.layer]];
    this.hands.move({
      layer: tile.layer,
      unit: Math.max(0, Math.min(unit, above - 1)),
      to: Math.max(0, Math.min(to, below - 1)),
    });
  }
}
