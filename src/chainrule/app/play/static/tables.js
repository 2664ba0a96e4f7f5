// The network as tables: the equal of the picture.

import { el, num, renew, short, table } from "./elements.js";
import { keyOf } from "./network.js";

export class NetworkTables {
  /** @param {(place: import("./network.js").Place, byKey?: boolean) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.tables = el("div", { class: "tables" });
    this.box = /** @type {HTMLDetailsElement} */ (el("details", {}, el("summary", {}, "The network as tables"), this.tables));
  }

  /**
   * @param {Record<string, any>} header
   * @param {Record<string, any>} arrays
   * @param {{colour: string, names: string[]}} how
   */
  draw(header, arrays, { colour, names }) {
    if (!header.drawn) return;
    const { widths } = header;
    let index = 0;
    const tables = [];
    for (let layer = 1; layer < widths.length; layer += 1) {
      const head = ["from", ...Array.from({ length: widths[layer] }, (_, to) => `unit ${to + 1}`)];
      const rows = [];
      const last = widths[layer - 1] - (header.biases[layer - 1] ? 0 : 1);
      for (let unit = 0; unit <= last; unit += 1) {
        const bias = unit === widths[layer - 1];
        const name = bias ? "bias" : layer === 1 ? names[unit] ?? `x${unit + 1}` : `unit ${unit + 1}`;
        const cells = [];
        for (let to = 0; to < widths[layer]; to += 1) {
          const place = { layer, unit: bias ? null : unit, to };
          const value = arrays[colour][index];
          cells.push(el("button", { type: "button", class: "cell", "data-place": keyOf(place), onclick: (/** @type {MouseEvent} */ event) => this.choose(place, event.detail === 0) }, num(value, short(value, 4))));
          index += 1;
        }
        rows.push([name, ...cells]);
      }
      tables.push(table(head, rows, `Layer ${layer}: ${colour}`));
    }
    renew(this.tables, ...tables);
  }

  /**
   * The cell of a weight, where the tables are open.
   * @param {string} key
   */
  cell(key) {
    return this.box.open ? /** @type {HTMLElement | null} */ (this.tables.querySelector(`[data-place="${key}"]`)) : null;
  }
}
