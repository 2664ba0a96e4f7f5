// The result of learning: numbers, the curve of losses, the health of the layers.

import { el, num, renew, short, table } from "./elements.js";

export class Outcome {
  constructor() {
    this.numbers = el("dl", { class: "numbers" });
    this.losses = el("figure", { class: "losses", role: "figure" });
    this.health = el("div", {});
  }

  /** @param {Record<string, any>} header @param {Record<string, any>} fresh */
  draw(header, fresh) {
    this.drawNumbers(header);
    if (fresh.losses) this.drawLosses(fresh.losses);
    if (fresh.health) this.drawHealth(fresh.health);
  }

  /** @param {Record<string, any>} header */
  drawNumbers(header) {
    const pairs = [
      ["Step", num(header.step, header.step.toLocaleString("en"), { id: "step-number" })],
      ["Epoch", num(header.epoch, header.epoch.toLocaleString("en"), { id: "epoch-number" })],
      ["Batch", el("span", {}, `${header.batch.place + 1} of ${header.batch.of}`)],
      ["Loss", num(header.loss, short(header.loss, 4), { id: "loss-number" })],
    ];
    if (header.settings.schedule.name !== "constant") pairs.push(["Rate", num(header.rate, short(header.rate, 3), { id: "rate-number" })]);
    if (header.accuracy !== null) pairs.push(["Right", percent(header.accuracy)]);
    // the places stay where no row is held out any more
    const [loss, right] = [header.held_out, header.held_out_accuracy];
    if (header.splits) pairs.push(["Loss, held out", loss === null ? "–" : num(loss)]);
    if (header.splits && header.accuracy !== null) pairs.push(["Right, held out", right === null ? "–" : percent(right)]);
    this.numbers.replaceChildren(...pairs.map(([name, value]) => el("div", {}, el("dt", {}, /** @type {string} */ (name)), el("dd", {}, value))));
  }

  /** @param {Record<string, any>} losses */
  drawLosses(losses) {
    const open = this.losses.querySelector("details")?.open ?? false;
    this.losses.setAttribute("aria-label", losses.words);
    renew(this.losses,
      el("figcaption", {}, "Loss by step"), el("div", { markup: losses.svg }), el("p", { class: "small" }, losses.words),
      el("details", { open }, el("summary", {}, "Numbers of this figure"), table(losses.head, losses.rows)));
  }

  /** @param {Record<string, any>[]} layers */
  drawHealth(layers) {
    const items = layers.map((one) => el("li", {},
      el("strong", {}, `Layer ${one.layer}, ${one.activation}: `),
      el("span", { class: one.fine ? "" : "bad" }, `${one.fine ? "✓" : "!"} ${one.verdict}`),
      el("div", { class: "small" }, `dead ${one.dead} of ${one.units}`, one.saturated === null ? "" : `, saturated ${percentText(one.saturated)}`,
        ", gradient ", num(one.gradient, short(one.gradient, 2)), one.update === null ? null : ", next step ", one.update === null ? null : num(one.update, percentText(one.update)), one.update === null ? null : " of the weights")));
    this.health.replaceChildren(el("ul", { class: "layers-list" }, ...items));
  }
}

/** @param {number} share */
function percent(share) {
  return el("span", { class: "num", "data-value": String(share) }, percentText(share));
}

/** @param {number} share */
function percentText(share) {
  return `${short(100 * share, 3)} %`;
}
