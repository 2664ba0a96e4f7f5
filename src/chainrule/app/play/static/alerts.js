// What keeps a network from learning, in words, with the ways out.

import { el, hide, renew, short } from "./elements.js";

/** @typedef {(request: Record<string, any>) => Promise<void>} Send */

export class Alerts {
  /**
   * @param {Send} send
   * @param {HTMLElement} play the button that has the focus when a banner goes
   */
  constructor(send, play) {
    this.send = send;
    this.play = play;
    this.banner = el("section", { class: "banner", hidden: true, "aria-label": "Training stopped" });
    this.notice = el("section", { class: "banner notice", hidden: true, "aria-label": "Training without progress" });
    this.noticed = "";
    this.keys = ["", ""];
  }

  /** @param {Record<string, any>} header @param {boolean} playing */
  draw(header, playing) {
    this.drawBanner(header);
    this.drawNotice(header, playing);
  }

  /** @param {Record<string, any>} header */
  drawBanner({ failure }) {
    if (!failure) {
      hide(this.banner, this.play);
      return;
    }
    this.banner.hidden = false;
    if (!this.isNew(0, failure)) return;
    const items = [el("h2", {}, `Training stopped at step ${failure.step.toLocaleString("en")}`), el("p", {}, failure.words)];
    const buttons = [];
    if (failure.back.steps > 0)
      buttons.push(el("button", { type: "button", id: "back-before", onclick: () => this.send({ action: "back", steps: failure.back.steps }) }, `Back to step ${failure.back.to}`));
    if (failure.rate !== null)
      buttons.push(el("button", { type: "button", id: "try-rate", onclick: async () => {
        await this.send({ action: "change", settings: { learning_rate: failure.rate } });
        await this.send({ action: "reset" });
      } }, `Try ${short(failure.rate)} from the same start`));
    renew(this.banner, ...items, el("div", { class: "line-up" }, ...buttons));
  }

  /** @param {Record<string, any>} header @param {boolean} playing */
  drawNotice(header, playing) {
    const { notice, version } = header;
    if (!notice || playing || this.noticed === `${version}:${notice.kind}`) {
      hide(this.notice, this.play);
      return;
    }
    this.notice.hidden = false;
    const { words, back, change } = notice;
    const { activations } = header.settings;
    if (!this.isNew(1, [notice, version, activations])) return;
    /** @param {string} id @param {Record<string, any>} request @param {string} text */
    const button = (id, request, text) => el("button", { type: "button", id, onclick: () => this.send(request) }, text);
    const buttons = [];
    if (back) buttons.push(button("notice-back", { action: "back", steps: back.steps }, `Back to step ${back.to.toLocaleString("en")}`));
    if (change?.activations) {
      const other = change.activations.find((/** @type {string} */ one, /** @type {number} */ k) => one !== activations[k]);
      buttons.push(button("try-change", { action: "change", settings: change }, `Try ${other} from the start`));
    } else if (change?.learning_rate)
      buttons.push(button("try-change", { action: "change", settings: change }, `Go on at the rate ${short(change.learning_rate)}`));
    buttons.push(el("button", { type: "button", id: "dismiss", onclick: () => {
      this.noticed = `${version}:${notice.kind}`;
      hide(this.notice, this.play);
    } }, "Dismiss"));
    renew(this.notice, el("p", {}, words), el("div", { class: "line-up" }, ...buttons));
  }

  /** @param {number} which @param {any} shown */
  isNew(which, shown) {
    const key = JSON.stringify(shown);
    const before = this.keys[which];
    this.keys[which] = key;
    return key !== before;
  }
}
