// The chain rule of the chosen weight: symbols over numbers, each factor opens to the loss.

import { el, num, renew, short, watched, written } from "./elements.js";
import { wordsOf } from "./network.js";

/**
 * @typedef {{
 *   unfold: (path: number[]) => void,
 *   check: () => void,
 *   edit: (value: number) => void,
 *   freeze: (frozen: boolean) => void,
 *   follow: (row: number | string) => void,
 *   copy: (kind: "text" | "latex" | "python") => void,
 *   close: () => void,
 * }} Hands
 */

export class ChainPanel {
  /**
   * @param {HTMLElement} box
   * @param {Hands} hands
   */
  constructor(box, hands) {
    this.hands = hands;
    this.title = el("h2", { id: "chain-title", tabindex: "-1" }, "Chain rule");
    this.where = el("p", {});
    this.tree = el("div", { class: "tree" });
    this.rows = el("div", {});
    this.sum = el("div", { class: "sum" });
    this.update = el("div", {});
    this.verdict = el("p", { class: "verdict" }, "");
    this.slider = /** @type {HTMLInputElement} */ (
      el("input", { type: "range", step: "any", "aria-label": "Drag to edit the weight", onchange: () => hands.edit(this.slider.valueAsNumber) })
    );
    this.curve = el("div", {});
    this.along = el("figure", { class: "along" }, el("figcaption", {}, "The loss along this weight. Drag to edit it."), this.curve, this.slider);
    this.value = /** @type {HTMLInputElement} */ (
      el("input", { type: "number", step: "any", id: "weight-value", onchange: () => hands.edit(this.value.valueAsNumber) })
    );
    watched(this.value);
    this.frozen = /** @type {HTMLInputElement} */ (
      el("input", { type: "checkbox", id: "weight-frozen", onchange: () => hands.freeze(this.frozen.checked) })
    );
    this.empty = el("p", { class: "hint" }, "Choose a weight: click a line of the network, or the small b of a unit for its bias.");
    this.body = el(
      "div",
      { hidden: true },
      this.where,
      el("h3", {}, "The derivative, factor by factor"),
      this.tree,
      this.sum,
      el("h3", {}, "Check"),
      this.verdict,
      this.along,
      el("h3", {}, "The step"),
      this.update,
      this.rows,
      el("h3", {}, "Edit"),
      el("div", { class: "line-up" },
        el("label", { for: "weight-value" }, "Value"), this.value,
        this.frozen, el("label", { for: "weight-frozen" }, "Freeze: no step changes it"),
      ),
      el("div", { class: "line-up" },
        el("button", { type: "button", onclick: () => hands.copy("text") }, "Copy as text"),
        el("button", { type: "button", onclick: () => hands.copy("latex") }, "Copy as LaTeX"),
        el("button", { type: "button", onclick: () => hands.copy("python") }, "Copy as Python"),
        el("button", { type: "button", onclick: () => hands.close() }, "Close"),
      ),
    );
    this.badge = el("span", { class: "badge" });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.body.hidden) hands.close();
    });
    box.replaceChildren(el("div", { class: "title-line" }, this.title, this.badge), this.empty, this.body);
    this.key = "";
    this.place = this.checked = "";
  }

  /** @param {Record<string, any>} header @param {boolean} still */
  draw(header, still) {
    const { panel } = header;
    this.body.hidden = !panel;
    this.empty.hidden = Boolean(panel);
    if (!panel) {
      this.title.replaceChildren("Chain rule");
      this.badge.replaceChildren();
      this.key = this.place = this.checked = "";
      return;
    }
    this.title.replaceChildren("Chain rule of ", el("span", { markup: panel.symbol }));
    this.title.setAttribute("aria-label", `Chain rule of ${panel.name}`);
    const place = { layer: panel.layer, unit: panel.unit, to: panel.to };
    const what = wordsOf(place);
    this.where.replaceChildren(
      `${what[0].toUpperCase()}${what.slice(1)}, now `, num(panel.value, short(panel.value, 6), { id: "chain-weight" }),
      `. The loss is that of ${header.scope_words}.`,
    );
    renew(this.tree, this.node(panel.tree, true));
    this.drawSum(panel);
    this.drawUpdate(panel, header);
    this.drawRows(panel);
    if (!written(this.value)) this.value.value = String(panel.value);
    this.frozen.checked = panel.frozen === true;
    const key = JSON.stringify([place, header.step, panel.value, header.scope, header.version]);
    if (key !== this.key) {
      this.key = key;
      // the words of before keep the room of those to come
      if (!still) this.verdict.replaceChildren("It is checked again when it pauses.");
      else if (what !== this.place) this.verdict.replaceChildren("checking …");
      this.place = what;
      this.verdict.className = "verdict";
      this.badge.className = "badge";
      this.badge.textContent = "not checked yet";
    }
    if (still && key !== this.checked) {
      this.checked = key;
      this.hands.check();
    }
  }

  /** @param {Record<string, any>} panel */
  drawSum(panel) {
    if (panel.penalty === 0) {
      this.sum.replaceChildren();
      return;
    }
    this.sum.replaceChildren(
      el("p", {}, "The penalty adds ", num(panel.penalty), ": the gradient is ",
        num(panel.gradient, short(panel.gradient, 6), { id: "chain-gradient" }), " in all."),
    );
  }

  /** @param {Record<string, any>} panel @param {Record<string, any>} header */
  drawUpdate(panel, header) {
    const { update } = panel;
    const items = [
      el("p", { class: "rule", markup: update.rule }),
      el("p", {}, panel.name, " becomes ", num(update.after, short(update.after, 6), { id: "chain-after" }),
        ": it was ", num(update.before, short(update.before, 6)), ", the rate is ", num(update.learning_rate),
        ", the gradient ", num(update.gradient, short(update.gradient, 6)), "."),
    ];
    for (const [name, [before, after]] of Object.entries(update.memory))
      items.push(el("p", {}, `The memory ${name} goes from `, num(before), " to ", num(after), "."));
    if (header.scope !== "batch" && header.scope !== "all")
      items.push(el("p", { class: "small" }, "This is the step that this row alone would make."));
    if (header.settings.dropout > 0)
      items.push(el("p", { class: "small" }, "Dropout leaves units out of the step itself; these numbers are of the whole network."));
    this.update.replaceChildren(...items);
  }

  /** @param {Record<string, any>} panel */
  drawRows(panel) {
    const { rows } = panel;
    if (!rows || rows.bars.length < 2) {
      this.rows.replaceChildren();
      return;
    }
    const largest = Math.max(...rows.bars.map((/** @type {any} */ one) => Math.abs(one.value)), 1e-300);
    const bars = rows.bars.map((/** @type {any} */ one) => {
      const share = Math.min(1, Math.abs(one.value) / largest);
      const side = one.value < 0 ? "negative" : "positive";
      return el("li", {},
        el("button", { type: "button", class: "bar", onclick: () => this.hands.follow(one.row), title: "Follow this row" },
          el("span", { class: "row-name" }, `row ${one.row + 1}`, el("span", { class: "small" }, ` L${one.place}`)),
          el("span", { class: "track" }, el("span", { class: `pull ${side}`, style: `--share:${share}` })),
          num(one.value, one.shown)),
      );
    });
    const more = rows.left > 0 ? `${rows.left.toLocaleString("en")} rows with smaller pulls are not drawn.` : null;
    renew(this.rows,
      el("h3", {}, "Which row pulls which way"),
      el("p", { class: "small" }, rows.rule),
      el("ul", { class: "bars" }, ...bars),
      ...(more ? [el("p", { class: "small" }, more)] : []),
    );
  }

  /** @param {Record<string, any>} check */
  drawCheck(check) {
    const good = check.status === "passed";
    const mark = `${good ? "✓" : check.status === "differs" ? "✗" : "•"} ${check.status}`;
    this.badge.className = `badge ${good ? "good" : check.status === "differs" ? "bad" : "note"}`;
    this.badge.textContent = `check: ${mark}`;
    this.verdict.className = `verdict ${good ? "good" : check.status === "differs" ? "bad" : "note"}`;
    this.verdict.replaceChildren(
      el("strong", {}, mark),
      ": the chain rule gives ", num(check.gradient, short(check.gradient, 8)),
      ", moving the weight a little gives ", num(check.difference, short(check.difference, 8)),
      ` (relative error ${short(check.error, 2)}).`, check.reason ? ` Here ${check.reason}.` : "",
    );
    this.curve.innerHTML = check.curve;
    this.slider.min = String(check.low);
    this.slider.max = String(check.high);
    this.slider.value = this.value.value;
  }

  /**
   * @param {Record<string, any>} node
   * @param {boolean} [root]
   * @returns {HTMLElement}
   */
  node(node, root = false) {
    const parts = node.parts ?? [];
    const box = el("div", { class: `node ${node.operation}` });
    if (root || node.opens) box.dataset.path = node.path.join(".");
    if (node.symbol && root)
      box.append(el("p", { class: "whole" }, el("span", { markup: node.symbol }), " = ", num(node.value, node.shown, { id: "chain-total" })));
    if (parts.length) {
      const sign = node.operation === "sum" ? "+" : "·";
      const row = el("div", { class: `parts ${node.operation}`, role: "group", "aria-label": `${node.text || "a term"} as a ${node.operation}` });
      parts.forEach((/** @type {any} */ part, /** @type {number} */ k) => {
        if (k > 0 || node.operation === "sum") row.append(el("span", { class: "sign", "aria-hidden": "true" }, k > 0 ? sign : ""));
        row.append(this.part(part));
      });
      if (node.rest)
        row.append(el("span", { class: "sign", "aria-hidden": "true" }, "+"),
          el("div", { class: "part rest" }, el("span", {}, node.rest.words), num(node.rest.value, node.rest.shown)));
      row.append(el("span", { class: "sign", "aria-hidden": "true" }, "="), el("div", { class: "part result" }, num(node.value, node.shown)));
      box.append(row);
      for (const part of parts.flatMap(inner)) if (part.parts || part.longer) box.append(this.opened(part));
    }
    return box;
  }

  /** @param {Record<string, any>} part */
  part(part) {
    if (!part.symbol && part.parts) {
      const box = el("div", { class: "part term" });
      part.parts.forEach((/** @type {any} */ factor, /** @type {number} */ k) => {
        if (k > 0) box.append(el("span", { class: "sign", "aria-hidden": "true" }, "·"));
        box.append(this.part(factor));
      });
      box.append(el("span", { class: "sign", "aria-hidden": "true" }, "="), num(part.value, part.shown));
      return box;
    }
    const inside = [
      el("span", { class: "symbol", markup: part.symbol }),
      num(part.value, part.shown, { "data-name": part.text }),
    ];
    if (part.formula) inside.push(el("span", { class: "formula" }, "= ", el("span", { markup: part.formula })));
    if (part.inputs?.length)
      inside.push(el("span", { class: "inputs" }, ...part.inputs.map((/** @type {any} */ one) => el("span", {}, `${one.name} = `, num(one.value, one.shown)))));
    if (part.origin) inside.push(el("span", { class: "origin" }, part.origin));
    if (!part.opens) return el("div", { class: "part" }, ...inside);
    const open = Boolean(part.parts || part.longer);
    return el("button", {
      type: "button", class: "part opens", "aria-expanded": String(open), "data-path": part.path.join("."),
      onclick: () => this.hands.unfold(part.path),
    }, ...inside, el("span", { class: "more" }, open ? "close" : "open"));
  }

  /** @param {Record<string, any>} part */
  opened(part) {
    const box = el("div", { class: "inside" },
      el("p", { class: "whole" }, el("span", { markup: part.symbol }), " = ", num(part.value, part.shown), part.origin ? `, ${part.origin}` : ""));
    if (part.parts?.length) box.append(this.node({ ...part, symbol: "" }));
    if (part.longer) {
      box.append(el("p", { class: "small" }, "The longer way, through the prediction:"), this.node({ ...part.longer, symbol: "" }));
    }
    return box;
  }
}

/**
 * The parts whose insides are shown below a row: a nameless term stands for its factors.
 * @param {Record<string, any>} part
 * @returns {Record<string, any>[]}
 */
function inner(part) {
  return !part.symbol && part.parts ? part.parts.flatMap(inner) : [part];
}
