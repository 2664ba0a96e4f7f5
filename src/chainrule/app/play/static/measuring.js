// Compare learning rates and batch sizes, measured on the page's rows.

import { el, hide, renew, short, table } from "./elements.js";
import { paintMap } from "./plane.js";

export class Measuring {
  /** @param {(request: Record<string, any>) => Promise<void>} send */
  constructor(send) {
    this.send = send;
    this.result = el("div", {});
    this.status = el("p", { class: "small", role: "status" });
    this.summary = el("summary", {}, "Measure");
    this.cancel = el("button", { type: "button", id: "measure-cancel", hidden: true, onclick: () => send({ action: "cancel" }) }, "Cancel");
    this.box = el("section", { class: "card", "aria-label": "Measure" },
      el("details", { id: "measure" }, this.summary,
        el("p", { class: "small" }, "On this data, this network and this machine; the training above is left as it is."),
        el("div", { class: "line-up" },
          el("button", { type: "button", id: "measure-rates", onclick: () => this.begin("rates") }, "Compare learning rates"),
          el("button", { type: "button", id: "measure-sizes", onclick: () => this.begin("sizes") }, "Compare batch sizes"),
          this.cancel),
        this.status, this.result));
    this.key = "";
  }

  /** @param {string} kind */
  async begin(kind) {
    await this.send({ action: "measure", kind });
  }

  /** @param {Record<string, any> | null} measured */
  draw(measured) {
    if (measured?.running) this.cancel.hidden = false;
    else hide(this.cancel, this.summary);
    if (!measured) {
      this.status.textContent = "";
      this.result.replaceChildren();
      this.key = "";
      return;
    }
    if (measured.running) {
      this.status.textContent = `Measuring: ${measured.steps.toLocaleString("en")} steps made in ${short(measured.seconds, 2)} s.`;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.send({ action: "look", want: [], quiet: true }), 400);
      return;
    }
    this.status.textContent = measured.failure || `Measured in ${short(measured.seconds, 2)} s, with ${measured.steps.toLocaleString("en")} steps.`;
    const key = JSON.stringify(measured);
    if (key === this.key) return;
    this.key = key;
    const charts = (measured.charts ?? []).map((/** @type {any} */ one) => el("figure", {},
      el("figcaption", {}, one.title), el("div", { markup: one.svg }), el("p", { class: "small" }, one.words),
      ...(one.ending ? [ending(one.ending, one.title)] : []),
      el("details", {}, el("summary", {}, "Numbers of this figure"), table(one.head, one.rows, one.ending?.words ?? "")),
      one.rate === undefined ? null : el("button", { type: "button", onclick: () => this.send({ action: "change", settings: { learning_rate: one.rate } }) }, `Learn at ${short(one.rate)}`)));
    renew(this.result,
      ...(measured.title ? [el("h3", {}, measured.title)] : []),
      ...(measured.sentences ?? []).map((/** @type {string} */ one) => el("p", {}, one)),
      el("div", { class: "charts" }, ...charts));
  }
}

/**
 * What a network predicts at the end: a small picture, and the same in words.
 * @param {Record<string, any>} found
 * @param {string} title
 */
function ending(found, title) {
  const words = el("p", { class: "small" }, found.words);
  if (found.svg) return el("div", {}, el("div", { markup: found.svg }), words);
  if (!found.map) return words;
  const canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { class: "ending", role: "img", "aria-label": `${title}. ${found.words}` }));
  paintMap(canvas, found.map);
  return el("div", { class: "line-up" }, canvas, words);
}
