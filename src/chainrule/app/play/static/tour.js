// The tour: where the reader is, what to see, and the one thing to do.

import { el, focused } from "./elements.js";

export class TourCard {
  /** @param {(stop: number, part?: number) => void} visit */
  constructor(visit) {
    this.visit = visit;
    this.box = el("section", { class: "tour", "aria-label": "Tour" });
    this.key = "";
  }

  /** @param {Record<string, any> | null} tour */
  draw(tour) {
    const key = JSON.stringify(tour);
    if (key === this.key) return;
    const moved = this.key !== "";
    this.key = key;
    if (!tour) {
      this.box.classList.remove("open");
      const start = el("button", { type: "button", id: "tour-start", onclick: () => this.visit(1) }, "Take the tour: the chapter in nine stops");
      this.box.replaceChildren(start);
      if (moved) start.focus();
      return;
    }
    this.box.classList.add("open");
    const before = focused(this.box);
    const had = this.box.contains(before) ? before?.id : "";
    /** @param {string} words @param {number} stop @param {string} id */
    const button = (words, stop, id) => el("button", { type: "button", id, onclick: () => this.visit(stop) }, words);
    const { number, of } = tour;
    this.box.replaceChildren(
      el("h2", { id: "tour-title", tabindex: "-1" }, `${number} of ${of}: ${tour.title}`),
      el("p", {}, tour.text),
      ...(tour.parts.length ? [el("div", { class: "line-up", role: "group", "aria-label": "Things to try" },
        ...tour.parts.map((/** @type {any} */ one, /** @type {number} */ part) => el("button", {
          type: "button", id: `tour-part-${part + 1}`, "aria-pressed": String(part === tour.part), onclick: () => this.visit(number, part),
        }, `${one.done ? "✓ " : ""}${one.name}`)))] : []),
      el("p", { class: "todo" }, el("strong", {}, tour.done ? "✓ Done: " : "To do: "), tour.todo),
      el("div", { class: "line-up" },
        ...(number > 1 ? [button("Stop before", number - 1, "tour-before")] : []),
        ...(number < of ? [button("Next stop", number + 1, "tour-next")] : []),
        button("Same stop again", number, "tour-again"),
        button("Leave the tour", 0, "tour-leave")));
    const next = this.box.querySelector(`#${had || "none"}`) ?? this.box.querySelector("#tour-title");
    if (had) /** @type {HTMLElement} */ (next).focus();
  }
}
