// The map of predictions over two inputs, or the curve over one, with the rows as points.

import { el, short } from "./elements.js";
import { Points } from "./points.js";

const SIZE = 320;
const EDGE = 34;
const PAD = 10;
const INNER = SIZE - EDGE - PAD;
// Okabe and Ito's colours, told apart by nearly everybody; shapes say the same again.
const CLASSES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];
const [LOW, HIGH] = [[0, 114, 178], [213, 94, 0]];

export class PlanePicture {
  /**
   * @param {HTMLElement} box
   * @param {(row: number) => void} follow
   * @param {(request: Record<string, any>) => void} draw
   */
  constructor(box, follow, draw) {
    this.canvas = /** @type {HTMLCanvasElement} */ (
      el("canvas", { width: 2 * SIZE, height: 2 * SIZE, role: "application", tabindex: "0", "aria-roledescription": "map" })
    );
    this.legend = el("ul", { class: "legend" });
    this.words = el("p", { class: "small" });
    /** @type {Points} */
    this.tools = new Points({
      canvas: this.canvas,
      values: () => this.values(),
      pixel: ([x, y]) => this.at(x, y),
      place: (pixel) => this.place(pixel),
      redraw: () => this.again(),
    }, follow, draw);
    box.replaceChildren(this.canvas, this.tools.spoken, this.legend, this.tools.box, this.words);
    /** @type {[Record<string, any>, Record<string, any>, number | null] | null} */
    this.drawn = null;
    /** @type {Record<string, any>} */
    this.points = {};
    /** @type {number[]} */
    this.range = [0, 1, 0, 1];
    this.small = document.createElement("canvas");
    this.key = "";
    this.flat = false;
  }

  /** The places of the points, as they are drawn. */
  values() {
    const { points, targets } = this.points;
    return Array.from(targets ?? [], (target, row) => [points[2 * row], this.flat ? target : points[2 * row + 1]]);
  }

  /**
   * The place that a pixel stands for, or null beside the map.
   * @param {number[]} pixel
   */
  place([x, y]) {
    const [a, b, c, d] = this.range;
    if (!(x >= EDGE && x <= SIZE - PAD && y >= PAD && y <= SIZE - EDGE)) return null;
    return [a + ((x - EDGE) / INNER) * (b - a), c + ((SIZE - EDGE - y) / INNER) * (d - c)];
  }

  again() {
    if (this.drawn) this.draw(...this.drawn);
  }

  /** @param {Record<string, any>} arrays */
  take(arrays) {
    if (arrays.points) this.points = arrays;
  }

  /** @param {number} x @param {number} y */
  at(x, y) {
    const [a, b, c, d] = this.range;
    return [EDGE + ((x - a) / (b - a)) * INNER, SIZE - EDGE - ((y - c) / (d - c)) * INNER];
  }

  /**
   * @param {Record<string, any>} header
   * @param {Record<string, any>} arrays
   * @param {number | null} followed
   */
  draw(header, arrays, followed) {
    this.drawn = [header, arrays, followed];
    const { boundary } = header;
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    pen.setTransform(2, 0, 0, 2, 0, 0);
    pen.clearRect(0, 0, SIZE, SIZE);
    const ink = getComputedStyle(this.canvas).color;
    this.flat = boundary.kind === "curve";
    if (this.flat) this.curve(pen, arrays.curve, ink);
    else this.map(pen, boundary, arrays);
    this.axes(pen, boundary.names, ink);
    this.marks(pen, header, ink, followed);
    this.canvas.setAttribute("aria-label", this.sentence(header));
    this.keys(header);
    this.tools.draw(header);
    this.words.textContent = boundary.words;
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Record<string, any>} boundary
   * @param {Record<string, any>} arrays
   */
  map(pen, boundary, arrays) {
    this.range = boundary.range;
    paintMap(this.small, arrays);
    pen.imageSmoothingEnabled = true;
    pen.fillStyle = "#fff";
    pen.fillRect(EDGE, PAD, INNER, INNER);
    pen.drawImage(this.small, EDGE, PAD, INNER, INNER);
  }

  /** @param {CanvasRenderingContext2D} pen @param {any} curve @param {string} ink */
  curve(pen, curve, ink) {
    const n = curve.length / 2;
    const { targets } = this.points;
    let [low, high] = [Infinity, -Infinity];
    for (const y of [...targets, ...curve.slice(n)]) {
      if (Number.isFinite(y)) [low, high] = [Math.min(low, y), Math.max(high, y)];
    }
    const room = 0.08 * (high - low) || 0.5;
    this.range = [curve[0], curve[n - 1], low - room, high + room];
    pen.beginPath();
    for (let k = 0; k < n; k += 1) pen.lineTo(...this.pair(curve[k], curve[n + k]));
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    pen.stroke();
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  pair(x, y) {
    const [one, two] = this.at(x, y);
    return [one, two];
  }

  /** @param {CanvasRenderingContext2D} pen @param {string[]} names @param {string} ink */
  axes(pen, names, ink) {
    const [a, b, c, d] = this.range;
    pen.strokeStyle = ink;
    pen.fillStyle = ink;
    pen.lineWidth = 1;
    pen.strokeRect(EDGE, PAD, INNER, INNER);
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(names[0], EDGE + INNER / 2, SIZE - 8);
    pen.fillText(short(a, 2), EDGE + 8, SIZE - EDGE + 14);
    pen.fillText(short(b, 2), SIZE - PAD - 8, SIZE - EDGE + 14);
    pen.save();
    pen.translate(14, PAD + INNER / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(names[1], 0, 0);
    pen.restore();
    pen.textAlign = "right";
    pen.fillText(short(c, 2), EDGE - 4, SIZE - EDGE);
    pen.fillText(short(d, 2), EDGE - 4, PAD + 10);
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Record<string, any>} header
   * @param {string} ink
   * @param {number | null} followed
   */
  marks(pen, header, ink, followed) {
    const { points, targets, apart, apart_targets } = this.points;
    if (!points) return;
    const flat = header.boundary.kind === "curve";
    /** @param {any} places @param {any} values @param {boolean} hollow */
    const all = (places, values, hollow) => {
      for (let row = 0; row < values.length; row += 1) {
        const moved = !hollow && this.tools.drag?.row === row ? this.tools.drag.to : null;
        const [x, y] = this.pair(moved?.[0] ?? places[2 * row], moved?.[1] ?? (flat ? values[row] : places[2 * row + 1]));
        const group = header.kind === "numbers" ? 0 : values[row];
        pen.beginPath();
        shape(pen, x, y, group, hollow ? 3.2 : 4);
        pen.fillStyle = hollow ? "#fff" : flat ? ink : CLASSES[group % 6];
        pen.strokeStyle = hollow ? CLASSES[group % 6] : "#fff";
        pen.lineWidth = 1.2;
        pen.fill();
        pen.stroke();
        if (!hollow && row === followed) {
          pen.beginPath();
          pen.arc(x, y, 9, 0, 7);
          pen.strokeStyle = ink;
          pen.lineWidth = 2.5;
          pen.stroke();
        }
      }
    };
    if (apart) all(apart, apart_targets, true);
    all(points, targets, false);
    if (this.tools.cursor) this.cross(pen, this.tools.cursor, ink);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number[]} at @param {string} ink */
  cross(pen, [x, y], ink) {
    pen.beginPath();
    for (const [one, two] of [[x - 9, y], [x + 9, y], [x, y - 9], [x, y + 9]]) {
      pen.moveTo(x, y);
      pen.lineTo(one, two);
    }
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    pen.stroke();
  }

  /** @param {Record<string, any>} header */
  sentence(header) {
    const { boundary } = header;
    const keys = "Arrow keys move a cursor, Enter does what a click does.";
    if (boundary.kind === "curve") return `The prediction as a curve over ${boundary.names[0]}, with ${header.rows} rows. ${keys}`;
    return `The prediction over ${boundary.names.join(" and ")} as a map, with ${header.rows} rows. ${keys}`;
  }

  /** @param {Record<string, any>} header */
  keys(header) {
    const { boundary, kind } = header;
    const key = `${boundary.kind}${kind}${boundary.low}${boundary.high}`;
    if (key === this.key) return;
    this.key = key;
    /** @type {string[]} */
    let words = [];
    if (kind === "two classes") words = ["class 0", "class 1"];
    if (kind === "classes") words = boundary.classes;
    const items = words.map((name, group) => el("li", {}, mark(group), name));
    if (boundary.kind === "value" && kind === "numbers")
      items.push(el("li", {}, el("span", { class: "ramp" }), `${short(boundary.low)} to ${short(boundary.high)}`));
    if (this.points.apart) items.push(el("li", {}, "hollow: held out"));
    this.legend.replaceChildren(...items);
  }
}

/**
 * Paint predictions over a plane, a pixel for each.
 * @param {HTMLCanvasElement} canvas
 * @param {Record<string, any>} arrays
 */
export function paintMap(canvas, arrays) {
  const count = Math.sqrt(arrays.level.length);
  canvas.width = canvas.height = count;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(count, count);
  for (let row = 0; row < count; row += 1)
    for (let column = 0; column < count; column += 1) {
      const from = row * count + column;
      const to = 4 * ((count - 1 - row) * count + column);
      const share = arrays.level[from] / 255;
      const colour = arrays.class ? rgb(CLASSES[arrays.class[from] % 6]) : null;
      const strength = colour ? 0.2 + 0.55 * share : 0.75 * Math.abs(2 * share - 1) + 0.06;
      const base = colour ?? (share < 0.5 ? LOW : HIGH);
      for (let k = 0; k < 3; k += 1) image.data[to + k] = base[k];
      image.data[to + 3] = 255 * Math.min(1, strength);
    }
  pen.putImageData(image, 0, 0);
}

/** @param {number} group */
function mark(group) {
  const canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { width: 24, height: 24, class: "mark", "aria-hidden": "true" }));
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(2, 2);
  pen.beginPath();
  shape(pen, 6, 6, group, 4.5);
  pen.fillStyle = CLASSES[group % 6];
  pen.fill();
  return canvas;
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} group @param {number} r */
function shape(pen, x, y, group, r) {
  const kind = group % 4;
  if (kind === 0) pen.arc(x, y, r, 0, 7);
  else if (kind === 1) pen.rect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r);
  else {
    const turn = kind === 2 ? 0 : Math.PI;
    for (let k = 0; k < 3; k += 1) {
      const angle = turn - Math.PI / 2 + (k * 2 * Math.PI) / 3;
      pen.lineTo(x + 1.25 * r * Math.cos(angle), y + 1.25 * r * Math.sin(angle));
    }
    pen.closePath();
  }
}

/** @param {string} text */
function rgb(text) {
  return [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16));
}
