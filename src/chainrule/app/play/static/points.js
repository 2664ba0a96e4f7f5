// What a click, a drag or a key does on the map: follow a row, add a point, move one, take one away.

import { el, short } from "./elements.js";

// Pixels of the canvas: how near a point must be, and how far a drag must go.
const NEAR = 15;
const FAR = 5;
const STEPS = 40;

/**
 * @typedef {{
 *   canvas: HTMLCanvasElement,
 *   values: () => number[][],
 *   pixel: (place: number[]) => number[],
 *   place: (pixel: number[]) => number[] | null,
 *   redraw: () => void,
 * }} Sheet
 */

export class Points {
  /**
   * @param {Sheet} sheet
   * @param {(row: number) => void} follow
   * @param {(request: Record<string, any>) => void} send
   */
  constructor(sheet, follow, send) {
    this.sheet = sheet;
    this.follow = follow;
    this.send = send;
    this.tool = /** @type {HTMLSelectElement} */ (el("select", { id: "tool", onchange: () => this.chosen() }));
    this.fields = el("span", { class: "line-up" });
    this.form = el("form", { class: "line-up", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.put(this.coordinates.map((one) => one.valueAsNumber), this.row.valueAsNumber - 1);
    } }, this.fields, el("button", { type: "submit" }, "Do it"));
    this.row = /** @type {HTMLInputElement} */ (el("input", { id: "point-row", type: "number", min: 1, step: 1, "aria-label": "row", placeholder: "row", required: true }));
    /** @type {HTMLInputElement[]} */
    this.coordinates = [];
    this.box = el("div", {},
      el("span", { class: "together" }, el("label", { for: "tool" }, "A click"), this.tool),
      el("details", {}, el("summary", {}, "The same by numbers"), this.form));
    this.spoken = el("p", { class: "small spoken", role: "status" });
    this.key = "";
    this.flat = false;
    /** @type {{row: number, from: number[], to: number[] | null} | null} */
    this.drag = null;
    /** @type {number[] | null} */
    this.cursor = null;
    const { canvas } = sheet;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => this.drop());
    canvas.addEventListener("keydown", (event) => this.pressed(event));
    canvas.addEventListener("blur", () => { this.cursor = null; this.drop(); });
  }

  /** @param {Record<string, any>} header */
  draw(header) {
    const { kind, widths, boundary } = header;
    const trained = header.choices?.trained === true;
    const none = trained || widths[0] > 2 || (kind === "numbers" && widths[0] === 2);
    this.box.hidden = none;
    this.flat = boundary.kind === "curve";
    this.row.max = String(header.rows);
    const key = JSON.stringify([none, kind, widths[0], widths.at(-1), boundary.names]);
    if (key === this.key) return;
    this.key = key;
    this.spoken.textContent = "";
    const before = this.tool.value;
    const classes = kind === "two classes" ? 2 : widths.at(-1);
    const adds = kind === "numbers" ? [["0", "adds a point"]] :
      Array.from({ length: Math.min(6, classes + 1) }, (_, k) => [String(k), `adds a point of class ${k}${k === classes ? " (new)" : ""}`]);
    const options = [["follow", "follows the row"], ...(none ? [] : [...adds, ["move", "and a drag move a point"], ["remove", "removes the nearest point"]])];
    this.tool.replaceChildren(...options.map(([value, words]) => el("option", { value }, words)));
    this.tool.value = options.some(([value]) => value === before) ? before : "follow";
    this.coordinates = boundary.names.map((/** @type {string} */ name) =>
      /** @type {HTMLInputElement} */ (el("input", { type: "number", step: "any", "aria-label": name, placeholder: name, required: true })));
    this.chosen();
  }

  chosen() {
    const moves = this.tool.value === "move";
    this.fields.replaceChildren(...(moves ? [this.row] : []), ...this.coordinates);
    // a finger that draws must not scroll the page
    this.sheet.canvas.style.touchAction = this.tool.value === "follow" ? "auto" : "none";
    this.drop();
  }

  /** @param {PointerEvent} event */
  pixel(event) {
    const { canvas } = this.sheet;
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / 2 / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  /**
   * The row whose point is nearest to a pixel, or -1 where none is near.
   * @param {number[]} pixel
   * @param {number} [within]
   */
  nearest([x, y], within = NEAR) {
    let [nearest, away] = [-1, within];
    this.sheet.values().forEach((value, row) => {
      const [one, two] = this.sheet.pixel(value);
      const distance = Math.hypot(one - x, two - y);
      if (distance < away) [nearest, away] = [row, distance];
    });
    return nearest;
  }

  /** @param {PointerEvent} event */
  down(event) {
    const pixel = this.pixel(event);
    const draws = !["follow", "remove"].includes(this.tool.value);
    this.drag = { row: draws ? this.nearest(pixel) : -1, from: pixel, to: null };
    if (this.drag.row >= 0) this.sheet.canvas.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  moved(event) {
    if (!this.drag || this.drag.row < 0) return;
    const pixel = this.pixel(event);
    const [x, y] = this.drag.from;
    if (!this.drag.to && Math.hypot(pixel[0] - x, pixel[1] - y) < FAR) return;
    this.drag.to = this.sheet.place(pixel) ?? this.drag.to;
    this.sheet.redraw();
  }

  /** @param {PointerEvent} event */
  up(event) {
    // a busy browser may leave out the last moves
    this.moved(event);
    const { drag } = this;
    this.drag = null;
    if (drag?.to) this.put(drag.to, drag.row, "move");
    else if (drag) this.click(this.pixel(event));
    this.sheet.redraw();
  }

  drop() {
    this.drag = null;
    this.sheet.redraw();
  }

  /** @param {number[]} pixel */
  click(pixel) {
    const tool = this.tool.value;
    if (tool === "follow") {
      const row = this.nearest(pixel);
      if (row >= 0) this.follow(row);
      return;
    }
    const place = this.sheet.place(pixel);
    if (place && tool !== "move") this.put(place, -1);
  }

  /**
   * Do with a place what the tool says.
   * @param {number[]} place
   * @param {number} row
   * @param {string} [tool]
   */
  put([across, up], row, tool = this.tool.value) {
    if (!Number.isFinite(across) || !Number.isFinite(up)) return;
    const place = this.flat ? [across] : [across, up];
    const target = this.flat ? up : Number(tool);
    if (tool === "follow") {
      const found = this.nearest(this.sheet.pixel([across, up]), Infinity);
      if (found >= 0) this.follow(found);
    } else if (tool === "remove") this.send({ action: "point", place, target: 0, remove: true });
    else if (tool === "move") this.send({ action: "point", place, row, target: this.flat ? up : 0 });
    else this.send({ action: "point", place, target });
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const arrows = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
    const step = arrows[event.key];
    const size = this.sheet.canvas.width / 2;
    if (event.key === "Escape") {
      this.drop();
      return;
    }
    if (!step && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    this.cursor ??= [size / 2, size / 2];
    const { cursor } = this;
    if (step) {
      const next = cursor.map((at, k) => at + step[k] * (event.shiftKey ? 5 : 1) * (size / STEPS / 2));
      if (this.sheet.place(next)) this.cursor = next;
      if (this.drag) this.drag.to = this.sheet.place(this.cursor ?? next);
    } else if (this.drag?.to) {
      const { to, row } = this.drag;
      this.drag = null;
      this.put(to, row, "move");
    } else if (this.tool.value === "move") {
      const row = this.nearest(cursor, 2 * size);
      if (row >= 0) {
        this.cursor = this.sheet.pixel(this.sheet.values()[row]);
        this.drag = { row, from: this.cursor, to: this.sheet.values()[row] };
      }
    } else this.put(this.sheet.place(cursor) ?? [], -1);
    this.sheet.redraw();
    this.speak();
  }

  speak() {
    const place = this.cursor && this.sheet.place(this.cursor);
    if (!this.cursor || !place) return;
    const where = `${short(place[0])}, ${short(place[1])}`;
    const row = this.nearest(this.cursor, Infinity);
    const near = row < 0 ? "" : `; the nearest point is row ${row + 1}`;
    this.spoken.textContent = this.drag ? `Row ${this.drag.row + 1} goes to ${where}. Enter leaves it here, Escape where it was.` : `At ${where}${near}.`;
  }
}
