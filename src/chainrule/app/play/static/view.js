// The view: it draws frames and sends actions; it knows no transport and computes nothing.

import { Alerts } from "./alerts.js";
import { Badge } from "./badge.js";
import { Controls } from "./controls.js";
import { el, short, watched, written } from "./elements.js";
import { readLink, writeLink } from "./link.js";
import { MatrixPicture } from "./matrix.js";
import { NetworkPicture, keyOf } from "./network.js";
import { ChainPanel } from "./panel.js";
import { Measuring } from "./measuring.js";
import { More, toClipboard } from "./more.js";
import { Outcome } from "./outcome.js";
import { PlanePicture } from "./plane.js";
import { NetworkTables } from "./tables.js";
import { TourCard } from "./tour.js";

/** @typedef {import("./transport.js").Ask} Ask */
/** @typedef {import("./transport.js").Frame} Frame */

// Milliseconds between two drawings of what is slow to compute or to read, while playing.
const SLOW = 100;
// Rows that a menu lists.
const FEW_ROWS = 12;
// Milliseconds of rest before the gradients are checked.
const CHECK_LATER = 250;
const SPEEDS = [["one step a second", 1000, 1], ["slow", 250, 1], ["a step a frame", 0, 1], ["fast", 0, 10], ["as fast as it goes", 0, 20000]];

export class View {
  /**
   * @param {HTMLElement} box
   * @param {Ask} ask
   * @param {{fragment?: Record<string, string>, share?: (settings: Record<string, string>, again: boolean) => void}} [shell]
   */
  constructor(box, ask, shell = {}) {
    this.box = box;
    this.ask = ask;
    this.shell = shell;
    this.known = -1;
    this.playing = false;
    /** @type {Promise<void>} */
    this.queue = Promise.resolve();
    /** @type {Frame | null} */
    this.frame = null;
    /** @type {Record<string, any>} */
    this.last = {};
    this.colour = "weight";
    this.scopeKey = "";
    this.shared = "";
    // the first link, and one that is followed, take the place of the link that is there
    this.following = true;
    /** @type {Record<string, any> | null} */
    this.choices = null;
    this.play = el("button", { type: "button", title: "Step after step", onclick: () => this.toggle(), id: "play" }, "Play");
    this.until = /** @type {HTMLInputElement} */ (el("input", { type: "number", min: 1, step: 1, id: "until", placeholder: "never" }));
    this.speed = /** @type {HTMLSelectElement} */ (el("select", { id: "speed" }, ...SPEEDS.map(([words], k) => el("option", { value: k, selected: k === 2 }, String(words)))));
    /** @type {string[]} */
    this.names = [];
    const settings = el("div", {});
    const wide = this.box.clientWidth > 1100;
    const controls = el("details", { id: "settings", open: wide }, el("summary", {}, "Settings"), settings);
    const picture = el("div", { class: "picture" });
    const panel = el("section", { class: "card chain", "aria-labelledby": "chain-title" });
    const plane = el("div", { class: "plane" });
    this.controls = new Controls(settings, (changes) => this.send({ action: "change", settings: changes }));
    this.picture = new NetworkPicture(picture, (place, byKey) => this.choose(place, byKey));
    const matrix = el("div", { class: "matrix-box" });
    this.matrix = new MatrixPicture(matrix, {
      choose: (place, byKey) => this.choose(place, byKey),
      move: (place) => this.send({ action: "tile", ...place, want: ["panel"] }),
    });
    this.boxes = { picture, matrix };
    this.plane = new PlanePicture(plane, (row) => this.send({ action: "view", scope: row, want: ["panel"] }), (request) => this.send({ ...request, quiet: true }));
    this.panel = new ChainPanel(panel, {
      unfold: (path) => this.send({ action: "unfold", path, want: ["panel"] }),
      check: () => this.check(),
      edit: (value) => Number.isFinite(value) && this.send({ action: "edit", value }),
      freeze: (frozen) => this.send({ action: "freeze", frozen, want: ["panel"] }),
      follow: (row) => this.send({ action: "view", scope: row, want: ["panel"] }),
      copy: (kind) => this.copy(kind),
      close: () => this.close(),
    });
    this.live = el("p", { class: "said", role: "status", "aria-live": "polite" });
    this.alerts = new Alerts((request) => this.send(request), this.play);
    this.error = el("p", { class: "error", role: "alert", hidden: true });
    this.phase = el("p", { class: "phase" });
    this.answer = el("p", { id: "answer" });
    this.outcome = new Outcome();
    this.badge = new Badge((place) => this.choose(place, true), () => this.gradients());
    this.tour = new TourCard((stop, part) => this.send({ action: "visit", stop, part: part ?? null }));
    this.measuring = new Measuring((request) => this.send(request));
    this.tables = new NetworkTables((place, byKey) => this.choose(place, byKey));
    this.notes = el("div", {});
    this.mapKey = el("span", {}, " · the map in a unit: its output over the plane, blue below 0, orange above");
    this.sizeKey = el("span", {}, "width");
    this.scope = /** @type {HTMLSelectElement} */ (el("select", { id: "scope", onchange: () => this.send({ action: "view", scope: scopeOf(this.scope.value), want: ["panel"] }) }));
    this.row = /** @type {HTMLInputElement} */ (el("input", { id: "scope-row", type: "number", min: 1, step: 1, hidden: true, "aria-label": "Number of the row",
      onchange: () => this.row.value !== "" && this.send({ action: "view", scope: this.row.valueAsNumber - 1, want: ["panel"] }) }));
    watched(this.row);
    this.colours = /** @type {HTMLSelectElement} */ (
      el("select", { id: "colour", onchange: () => { this.colour = this.colours.value; this.redraw(); } },
        el("option", { value: "weight" }, "weight"), el("option", { value: "gradient" }, "gradient"), el("option", { value: "update" }, "last update"))
    );
    this.more = new More(ask, (request) => this.send(request), (words, wrong) => this.say(words, wrong));
    controls.append(this.notes, this.more.box);
    this.content = [
      this.tour.box, this.toolbar(), this.badge.card, this.error, this.alerts.banner, this.alerts.notice, this.live,
      el("div", { class: "columns" },
        el("section", { class: "card settings", "aria-label": "Settings" }, controls),
        el("div", { class: "middle" },
          el("section", { class: "card", id: "network", "aria-label": "Network" },
            el("div", { class: "line-up" },
              el("span", { class: "together" }, el("label", { for: "colour" }, "Lines show"), this.colours),
              el("span", { class: "together" }, el("label", { for: "scope" }, "Numbers of"), this.scope, this.row)),
            el("div", { class: "told" }, this.answer, this.phase), picture, matrix,
            el("p", { class: "small key" }, el("span", { class: "swatch positive" }), "positive ", el("span", { class: "swatch negative" }), "negative (dashed) · ", this.sizeKey, ": size, against the largest", this.mapKey),
            this.tables.box),
          panel),
        el("div", { class: "outcome" },
          el("section", { class: "card", "aria-label": "Result" }, this.outcome.numbers, plane),
          el("section", { class: "card", "aria-label": "Losses" }, this.outcome.losses),
          el("section", { class: "card", "aria-label": "Layers" }, el("h2", {}, "Layers"), this.outcome.health),
          this.measuring.box)),
    ];
    this.box.addEventListener("keydown", (event) => { if (event.key === "Escape") this.error.hidden = true; });
  }

  toolbar() {
    /** @param {string} words @param {string} hint @param {() => void} act @param {string} [id] */
    const button = (words, hint, act, id) => el("button", { type: "button", title: hint, onclick: act, id }, words);
    return el("div", { class: "toolbar", role: "toolbar", "aria-label": "Run" },
      button("Reset", "Back to the same start", () => this.send({ action: "reset" }), "reset"),
      button("New seed", "Another start, another order of rows", () => this.send({ action: "change", settings: { seed: (this.last.settings.seed + 1) % 2 ** 31, start: "drawn" } }), "new-seed"),
      button("Back", "One step back", () => this.send({ action: "back", steps: 1 }), "back"),
      button("Part of a step", "Forward, loss, backward, update", () => this.send({ action: "substep" }), "substep"),
      button("Step", "One batch", () => this.send({ action: "step" }), "step"),
      button("Epoch", "To the end of the pass over all rows", () => this.send({ action: "epoch" }), "epoch"),
      this.play,
      el("span", { class: "together" }, el("label", { for: "speed" }, "Speed"), this.speed),
      el("span", { class: "together" }, el("label", { for: "until" }, "Stop at epoch"), this.until),
      this.badge.button);
  }

  /** Check some weights of every layer, unless another answer is on its way. */
  async gradients() {
    clearTimeout(this.later);
    this.badge.wait();
    const moment = this.moment(this.last);
    try {
      const { header } = await this.ask({ action: "gradients", known: this.known, want: [] });
      this.badge.take(header.gradients, moment);
    } catch {
      this.badge.fail();
    }
  }

  /** @param {Record<string, any>} header */
  moment(header) {
    return { structure: `${header.version}`, step: `${header.version}:${header.step}:${header.past}:${header.scope}` };
  }

  /** Show the page as its link says, or as it is where that is refused. */
  async begin() {
    const { fragment = {} } = this.shell;
    const first = await this.ask({ action: "look", known: -1 });
    const settings = readLink(fragment, first.header.choices.defaults);
    let refused = "";
    let shown = first;
    if (Object.keys(settings).length) {
      try {
        shown = await this.ask({ action: "link", settings, known: -1 });
      } catch (error) {
        refused = /** @type {Error} */ (error).message;
      }
    }
    this.take(shown);
    this.box.replaceChildren(...this.content);
    if (refused) this.say(refused, true);
    this.following = false;
  }

  /**
   * Go to the settings of a link; where they are refused the link is again that of the page.
   * @param {Record<string, string>} fragment
   */
  async follow(fragment) {
    this.following = true;
    await this.send({ action: "link", settings: readLink(fragment, this.choices?.defaults ?? {}) });
    this.shared = "";
    this.share(this.last.settings);
    this.following = false;
  }

  /**
   * Ask one thing after the other; what the server refuses is shown in its own words.
   * @param {Record<string, any>} request
   * @returns {Promise<void>}
   */
  send(request) {
    if (request.action !== "advance" && !request.quiet) this.playing = false;
    this.queue = this.queue.then(async () => {
      try {
        const frame = await this.ask({ known: this.known, ...request });
        this.error.hidden = true;
        this.take(frame, request.want);
      } catch (error) {
        this.playing = false;
        this.say(/** @type {Error} */ (error).message, true);
        this.showPlay();
        if (this.frame) this.controls.draw(this.last);
      }
    });
    return this.queue;
  }

  /** @param {Frame} frame @param {string[]} [want] */
  take(frame, want) {
    const { header, arrays } = frame;
    if (header.input_names) this.names = header.input_names;
    if (header.choices) this.choices = header.choices;
    this.known = header.version;
    this.plane.take(arrays);
    this.frame = { header, arrays: { ...this.frame?.arrays, ...arrays } };
    this.last = { ...this.last, panel: undefined, failure: null, ...header };
    if (want && !want.includes("panel")) this.last.panel = this.kept;
    this.kept = this.last.panel;
    this.redraw();
    if (header.check) this.panel.drawCheck(header.check);
    this.share(header.settings);
  }

  redraw() {
    if (!this.frame) return;
    const { arrays } = this.frame;
    const header = this.last;
    // what a frame of playing leaves out is on the page already
    const fresh = this.playing ? this.frame.header : header;
    this.controls.draw(header);
    const selected = header.panel ? { layer: header.panel.layer, unit: header.panel.unit, to: header.panel.to } : null;
    this.picture.held = this.playing;
    const how = { colour: this.colour, names: this.names, selected, still: !this.playing };
    if (header.drawn) {
      this.picture.draw(header, arrays, how);
      if (arrays.heat) this.picture.drawMaps(/** @type {Uint8Array} */ (arrays.heat));
    } else this.matrix.draw(header, arrays, how);
    this.boxes.picture.hidden = !header.drawn;
    this.boxes.matrix.hidden = header.drawn;
    this.tables.box.hidden = !header.drawn;
    this.sizeKey.textContent = header.drawn ? "width" : "shade";
    this.mapKey.hidden = !this.picture.maps.length || !header.drawn;
    this.notes.replaceChildren(...header.notes.map((/** @type {string} */ one) => el("p", { class: "small" }, one)));
    if (fresh.boundary) this.plane.draw(header, arrays, typeof header.scope === "number" ? header.scope : null);
    this.panel.draw(header, !this.playing);
    this.drawScope(header);
    this.alerts.draw(header, this.playing);
    this.tour.draw(header.tour);
    this.measuring.draw(header.measured);
    this.outcome.draw(header, fresh);
    if (!this.playing) {
      this.tables.draw(header, arrays, how);
      this.more.draw(header);
    }
    const { scope_words: rows, answer, phase } = header;
    this.answer.textContent = answer || `${rows[0].toUpperCase()}${rows.slice(1)}.`;
    this.phase.textContent = phase.words;
    this.phase.hidden = !phase.words;
    this.answer.hidden = Boolean(phase.words);
    if (this.badge.draw(this.moment(header), this.playing)) {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.playing || this.gradients(), CHECK_LATER);
    }
    if (header.said) this.live.textContent = header.said;
    this.showPlay();
  }

  /** @param {Record<string, any>} header */
  drawScope(header) {
    const one = typeof header.scope === "number";
    const few = header.rows <= FEW_ROWS;
    if (one && !written(this.row)) this.row.value = String(header.scope + 1);
    this.row.hidden = !one || few;
    this.row.max = String(header.rows);
    const key = `${header.version}:${header.rows}:${header.scope}`;
    if (key === this.scopeKey) return;
    this.scopeKey = key;
    const options = [["batch", "the next batch"], ["all", "all rows"]];
    if (few) for (let row = 0; row < header.rows; row += 1) options.push([String(row), `row ${row + 1}`]);
    else options.push([one ? String(header.scope) : "0", "one row"]);
    this.scope.replaceChildren(...options.map(([value, words]) => el("option", { value }, words)));
    this.scope.value = String(header.scope);
  }

  /** @param {import("./network.js").Place} place @param {boolean} [byKey] */
  async choose(place, byKey = false) {
    await this.send({ action: "select", ...place, want: ["panel"] });
    if (byKey) this.panel.title.focus();
    else this.panel.tree.scrollIntoView({ block: "nearest" });
  }

  /** Close the chain rule; the focus goes to its weight. */
  async close() {
    const { panel } = this.last;
    await this.send({ action: "close", want: ["panel"] });
    if (!panel) return;
    const key = keyOf(panel);
    const found = this.tables.cell(key) ?? (this.last.drawn ? this.picture.edges.get(key)?.group : this.matrix.cell(key));
    /** @type {HTMLElement | SVGElement | undefined} */ (found)?.focus();
  }

  async check() {
    await this.send({ action: "check", want: ["panel"] });
  }

  /** @param {"text" | "latex" | "python"} kind */
  async copy(kind) {
    try {
      const { header } = await this.ask({ action: "copy", kind, known: this.known, want: [] });
      await toClipboard(header.copy[kind], (words, wrong) => this.say(words, wrong));
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, true);
    }
  }

  /** @param {string} words @param {boolean} [wrong] */
  say(words, wrong = false) {
    this.error.hidden = !wrong;
    if (wrong) this.error.textContent = words;
    else this.live.textContent = words;
  }

  toggle() {
    this.playing = !this.playing;
    this.showPlay();
    if (this.playing) this.run();
    else this.send({ action: "look" });
  }

  showPlay() {
    this.play.textContent = this.playing ? "Pause" : "Play";
    this.play.setAttribute("aria-pressed", String(this.playing));
  }

  async run() {
    let slow = 0;
    let said = 0;
    while (this.playing) {
      const [, pause, steps] = SPEEDS[Number(this.speed.value)];
      const now = performance.now();
      const whole = now - slow > SLOW;
      if (whole) slow = now;
      const until = this.until.valueAsNumber;
      const request = { action: "advance", steps, want: whole ? ["boundary", "losses", "health", "panel"] : [] };
      await this.send(until > 0 ? { ...request, until } : request);
      if (this.last.failure || this.last.finished || (until > 0 && this.last.epoch >= until)) break;
      if (now - said > 5000) {
        said = now;
        this.live.textContent = this.standing();
      }
      await (Number(pause) > 0 ? new Promise((done) => setTimeout(done, Number(pause))) : new Promise((done) => requestAnimationFrame(done)));
    }
    this.playing = false;
    await this.send({ action: "look" });
    this.live.textContent = this.standing();
  }

  standing() {
    return `Step ${this.last.step.toLocaleString("en")}, loss ${short(this.last.loss)}.`;
  }

  /** @param {Record<string, any>} settings */
  share(settings) {
    if (!this.choices || !this.shell.share) return;
    const { defaults, forms } = this.choices;
    const others = writeLink(settings, { defaults, forms });
    const key = JSON.stringify(others);
    if (key !== this.shared) this.shell.share(others, this.following);
    this.shared = key;
  }
}

/** @param {string} value */
function scopeOf(value) {
  return /^\d+$/.test(value) ? Number(value) : value;
}
