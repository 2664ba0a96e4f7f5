// The map of predictions over two inputs, or the curve over one, with the rows as points.

import { el, short } from "./elements.js";

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
      el("canvas", { width: 2 * SIZE, height: 2 * SIZE, role: "img", tabindex: "-1" })
    );
    this.canvas.addEventListener("click", (event) => this.click(event, follow));
    this.legend = el("ul", { class: "legend" });
    this.words = el("p", { class: "small" });
    this.sendPoint = draw;
    this.tool = /** @type {HTMLSelectElement} */ (el("select", { id: "tool" }));
    this.form = el("form", { class: "line-up", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.put(this.coordinates.map((one) => one.valueAsNumber));
    } });
    /** @type {HTMLInputElement[]} */
    this.coordinates = [];
    this.tools = el("div", {},
      el("span", { class: "together" }, el("label", { for: "tool" }, "A click"), this.tool),
      el("details", {}, el("summary", {}, "The same by numbers"), this.form));
    box.replaceChildren(this.canvas, this.legend, this.tools, this.words);
    this.toolKey = "";
    /** @type {Record<string, any>} */
    this.points = {};
    /** @type {number[]} */
    this.range = [0, 1, 0, 1];
    this.small = document.createElement("canvas");
    this.key = "";
    this.flat = false;
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
    this.drawTools(header);
    this.words.textContent = boundary.words;
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Record<string, any>} boundary
   * @param {Record<string, any>} arrays
   */
  map(pen, boundary, arrays) {
    this.range = boundary.range;
    const count = Math.sqrt(arrays.level.length);
    this.small.width = this.small.height = count;
    const small = /** @type {CanvasRenderingContext2D} */ (this.small.getContext("2d"));
    const image = small.createImageData(count, count);
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
    small.putImageData(image, 0, 0);
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
        const [x, y] = this.pair(places[2 * row], flat ? values[row] : places[2 * row + 1]);
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
  }

  /** @param {MouseEvent} event @param {(row: number) => void} follow */
  click(event, follow) {
    const box = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * SIZE;
    const y = ((event.clientY - box.top) / box.height) * SIZE;
    const { points, targets } = this.points;
    if (this.tool.value !== "follow") {
      const [a, b, c, d] = this.range;
      const across = a + ((x - EDGE) / INNER) * (b - a);
      const up = c + ((SIZE - EDGE - y) / INNER) * (d - c);
      if (x >= EDGE && x <= SIZE - PAD && y >= PAD && y <= SIZE - EDGE) this.put([across, up]);
      return;
    }
    let [nearest, away] = [-1, 15];
    for (let row = 0; row < targets.length; row += 1) {
      const [one, two] = this.at(points[2 * row], this.flat ? targets[row] : points[2 * row + 1]);
      const distance = Math.hypot(one - x, two - y);
      if (distance < away) [nearest, away] = [row, distance];
    }
    if (nearest >= 0) follow(nearest);
  }

  /**
   * Do with a place what the tool says.
   * @param {number[]} place
   */
  put([across, up]) {
    if (!Number.isFinite(across) || !Number.isFinite(up)) return;
    const tool = this.tool.value;
    const place = this.flat ? [across] : [across, up];
    if (tool === "remove") this.sendPoint({ action: "point", place, target: 0, remove: true });
    else if (tool !== "follow") this.sendPoint({ action: "point", place, target: this.flat ? up : Number(tool) });
  }

  /** @param {Record<string, any>} header */
  drawTools(header) {
    const { kind, widths, boundary } = header;
    const trained = header.choices?.trained === true;
    this.tools.hidden = trained || widths[0] > 2 || (kind === "numbers" && widths[0] === 2);
    const key = JSON.stringify([kind, widths[0], widths.at(-1), boundary.names]);
    if (key === this.toolKey) return;
    this.toolKey = key;
    const before = this.tool.value;
    const classes = kind === "two classes" ? 2 : widths.at(-1);
    const adds = kind === "numbers" ? [["0", "adds a point"]] :
      Array.from({ length: Math.min(6, classes + 1) }, (_, k) => [String(k), `adds a point of class ${k}${k === classes ? " (new)" : ""}`]);
    const options = [["follow", "follows the row"], ...adds, ["remove", "removes the nearest point"]];
    this.tool.replaceChildren(...options.map(([value, words]) => el("option", { value }, words)));
    this.tool.value = options.some(([value]) => value === before) ? before : "follow";
    this.coordinates = boundary.names.map((/** @type {string} */ name) =>
      /** @type {HTMLInputElement} */ (el("input", { type: "number", step: "any", "aria-label": name, placeholder: name, required: true })));
    this.form.replaceChildren(...this.coordinates, el("button", { type: "submit" }, "Do it"));
  }

  /** @param {Record<string, any>} header */
  sentence(header) {
    const { boundary } = header;
    if (boundary.kind === "curve") return `The prediction as a curve over ${boundary.names[0]}, with ${header.rows} rows.`;
    return `The prediction over ${boundary.names.join(" and ")} as a map, with ${header.rows} rows.`;
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
