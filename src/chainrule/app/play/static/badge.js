// The gradient check of the whole network: a badge that is always there, and its table.

import { el, num, renew, short, table } from "./elements.js";

/** @typedef {import("./network.js").Place} Place */

// Seconds of a check that may be made again after each step.
const QUICK = 0.25;

export class Badge {
  /**
   * @param {(place: Place) => void} choose
   * @param {() => void} again
   */
  constructor(choose, again) {
    this.choose = choose;
    this.button = el("button", { type: "button", id: "gradients", class: "badge", "aria-expanded": "false", "aria-controls": "gradient-table", onclick: () => this.open() }, "gradient check");
    this.result = el("div", {});
    this.card = el("section", { class: "card checks", id: "gradient-table", "aria-label": "Gradient check", hidden: true,
      onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.open() },
      this.result,
      el("div", { class: "line-up" },
        el("button", { type: "button", onclick: again }, "Check again"),
        el("button", { type: "button", onclick: () => this.open() }, "Close")));
    /** @type {Record<string, any> | null} */
    this.found = null;
    this.at = { structure: "", step: "" };
    this.waiting = false;
  }

  open() {
    this.card.hidden = !this.card.hidden;
    this.button.setAttribute("aria-expanded", String(!this.card.hidden));
    if (this.card.hidden) this.button.focus();
  }

  wait() {
    this.waiting = true;
  }

  fail() {
    this.waiting = false;
  }

  /**
   * Show whether the verdict is of this moment; return true where it should be made now.
   * @param {{structure: string, step: string}} moment
   * @param {boolean} playing
   */
  draw(moment, playing) {
    if (this.found) this.write(moment);
    if (playing || this.waiting || moment.step === this.at.step) return false;
    return !this.found || moment.structure !== this.at.structure || this.found.seconds < QUICK;
  }

  /** @param {Record<string, any>} found @param {{structure: string, step: string}} moment */
  take(found, moment) {
    this.waiting = false;
    this.found = found;
    this.at = moment;
    this.write(moment);
    const { good, of, kinks, worst, rows, seed, step } = found;
    const name = (/** @type {any} */ one) => el("button", { type: "button", class: "opener", onclick: () => this.choose({ layer: one.layer, unit: one.unit, to: one.to }) }, one.name);
    renew(this.result,
      el("p", {}, `The chain rule against finite differences in float64, at step ${step.toLocaleString("en")}, on ${rows.toLocaleString("en")} ${rows === 1 ? "row" : "rows"}, for weights and biases drawn from every layer (seed ${seed}): ${good} of ${of} passed, worst relative error ${short(worst, 2)}.`,
        kinks ? ` ${kinks} at a kink, where no difference is valid.` : ""),
      table(["weight", "chain rule", "difference", "error", "verdict"],
        found.verdicts.map((/** @type {any} */ one) => [name(one), num(one.gradient, short(one.gradient, 6)), num(one.difference, short(one.difference, 6)), num(one.error, short(one.error, 2)), `${mark(one.status)} ${one.status}${one.reason ? `: ${one.reason}` : ""}`]),
        "The worst first; each opens its chain rule"));
  }

  /** @param {{structure: string, step: string}} moment */
  write(moment) {
    if (!this.found) return;
    const { passed, good, of, worst, step } = this.found;
    const stale = moment.step !== this.at.step;
    const when = stale ? `, at step ${step.toLocaleString("en")}` : "";
    this.button.className = `badge ${stale ? "" : passed ? "good" : "bad"}`;
    const words = `gradients ${passed ? "✓" : "✗"} ${good}/${of}, worst ${short(worst, 1)}${when}`;
    if (words === this.button.textContent) return;
    this.button.textContent = words;
    this.button.title = `Gradient check: ${good} of ${of} derivatives agree with finite differences, worst relative error ${short(worst, 2)}${when}`;
  }
}

/** @param {string} status */
function mark(status) {
  return status === "passed" ? "✓" : status === "differs" ? "✗" : "•";
}
