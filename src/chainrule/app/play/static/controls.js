// The settings as a form of native controls.

import { el, renew, watched, written } from "./elements.js";
import { RecordForm } from "./records.js";

const MOST_LAYERS = 6;
/** @type {Record<string, string>} */
const STARTS = { drawn: "drawn, to suit each activation", chapter: "the chapter's weights" };

export class Controls {
  /**
   * @param {HTMLElement} box
   * @param {(changes: Record<string, any>) => void} change
   */
  constructor(box, change) {
    this.box = box;
    this.change = change;
    /** @type {Record<string, HTMLInputElement | HTMLSelectElement>} */
    this.fields = {};
    this.layers = el("div", { class: "layers" });
    this.built = "";
    this.layersKey = "";
  }

  /** @param {Record<string, any>} choices */
  build(choices) {
    this.choices = choices;
    this.fields = {};
    const data = el("fieldset", {}, el("legend", {}, "Data"),
      this.select("data", "Data set", choices.data.map((/** @type {any} */ [name, words]) => [name, words])),
      el("div", { class: "pair" },
        this.number("rows", "Rows", { min: 1, max: 5000, step: 1 }),
        this.number("noise", "Noise", { min: 0, max: 5, step: 0.05 })),
      this.number("held_out", "Share held out", { min: 0, max: 0.8, step: 0.1 }),
    );
    const model = el("fieldset", {}, el("legend", {}, "Network"), this.layers,
      this.select("loss", "Loss and output", []),
      this.select("start", "Start", choices.starts.map((/** @type {string} */ one) => [one, STARTS[one] ?? one.replaceAll("_", " ")])),
      this.number("seed", "Seed", { min: 0, step: 1 }),
    );
    this.optimizer = new RecordForm("optimizer", "Optimizer", choices.forms.optimizer, this.change);
    this.schedule = new RecordForm("schedule", "Schedule of the rate", choices.forms.schedule, this.change);
    this.epochs = this.number("epochs", "Epochs that are planned", { min: 1, step: 1 });
    const rule = el("fieldset", {}, el("legend", {}, "Learning"),
      this.optimizer.box,
      el("div", { class: "pair" },
        this.number("learning_rate", "Learning rate", { min: 0, step: "any" }),
        this.number("batch_size", "Batch size", { min: 1, step: 1 })),
      this.schedule.box, this.epochs,
      el("div", { class: "pair" },
        this.number("l2", "L2 penalty", { min: 0, step: "any" }),
        this.number("l1", "L1 penalty", { min: 0, step: "any" })),
      this.number("dropout", "Dropout", { min: 0, max: 0.9, step: 0.1 }),
      el("p", { class: "small" }, "All of this changes while it learns, but another optimizer begins again, as do data and network."),
    );
    renew(this.box, data, model, rule);
  }

  /** @param {string} name @param {string} label @param {[string, string][]} options */
  select(name, label, options) {
    const field = /** @type {HTMLSelectElement} */ (
      el("select", { id: `set-${name}`, onchange: () => this.change({ [name]: field.value }) })
    );
    offer(field, options);
    this.fields[name] = field;
    return el("div", { class: "field" }, el("label", { for: `set-${name}` }, label), field);
  }

  /** @param {string} name @param {string} label @param {Record<string, any>} limits */
  number(name, label, limits) {
    const field = /** @type {HTMLInputElement} */ (
      el("input", { id: `set-${name}`, type: "number", ...limits, onchange: () => {
        if (field.value !== "") this.change({ [name]: field.valueAsNumber });
      } })
    );
    this.fields[name] = watched(field);
    return el("div", { class: "field" }, el("label", { for: `set-${name}` }, label), field);
  }

  /** @param {Record<string, any>} header */
  draw(header) {
    if (header.choices && JSON.stringify(header.choices) !== this.built) {
      this.built = JSON.stringify(header.choices);
      this.build(header.choices);
    }
    const { settings, kind } = header;
    const losses = this.choices?.losses[kind] ?? [];
    const loss = /** @type {HTMLSelectElement} */ (this.fields.loss);
    const shown = [...loss.options].map((one) => one.value);
    if (shown.join() !== losses.join()) offer(loss, losses.map((/** @type {string} */ one) => [one, one.replaceAll("_", " ")]));
    for (const [name, field] of Object.entries(this.fields))
      if (!written(field)) field.value = String(settings[name]);
    const known = this.choices?.data.find((/** @type {any} */ one) => one[0] === settings.data);
    const fixed = Boolean(this.choices?.trained);
    for (const name of ["rows", "noise", "held_out"]) this.fields[name].disabled = Boolean(known?.[2]);
    if (settings.data === "own" && !fixed) this.fields.held_out.disabled = false;
    for (const name of ["loss", "start"]) this.fields[name].disabled = fixed;
    this.optimizer?.draw(settings.optimizer, header.rules.optimizer, fixed);
    this.schedule?.draw(settings.schedule, header.rules.schedule, fixed);
    if (this.epochs) this.epochs.hidden = !this.schedule?.forms.find((one) => one.name === settings.schedule.name)?.needs_total;
    if (fixed && ![...loss.options].some((one) => one.value === settings.loss)) offer(loss, [[settings.loss, settings.loss.replaceAll("_", " ")]]);
    loss.value = settings.loss;
    this.drawLayers(settings, fixed);
  }

  /** @param {Record<string, any>} settings @param {boolean} fixed */
  drawLayers(settings, fixed) {
    const key = JSON.stringify([settings.units, settings.activations, fixed]);
    if (key === this.layersKey) return;
    this.layersKey = key;
    const { units, activations } = settings;
    const names = this.choices?.activations ?? [];
    const rows = units.map((/** @type {number} */ count, /** @type {number} */ k) => {
      const width = /** @type {HTMLInputElement} */ (
        el("input", { type: "number", min: 1, max: 256, value: count, disabled: fixed, "aria-label": `Units of layer ${k + 1}`, onchange: () =>
          this.change({ units: units.with(k, width.valueAsNumber) }) })
      );
      const kind = /** @type {HTMLSelectElement} */ (
        el("select", { disabled: fixed, "aria-label": `Activation of layer ${k + 1}`, onchange: () =>
          this.change({ activations: activations.with(k, kind.value) }) })
      );
      offer(kind, names.map((/** @type {string} */ one) => [one, one]));
      kind.value = activations[k];
      return el("div", { class: "layer" }, el("span", {}, `Layer ${k + 1}`), width, kind);
    });
    renew(this.layers, ...rows, el("div", { class: "line-up" },
      el("button", { type: "button", disabled: fixed || units.length >= MOST_LAYERS, onclick: () => this.change({ units: [...units, units.at(-1) ?? 4] }) }, "Add a layer"),
      el("button", { type: "button", disabled: fixed || units.length === 0, onclick: () => this.change({ units: units.slice(0, -1) }) }, "Remove the last"),
    ));
  }
}

/** @param {HTMLSelectElement} field @param {[string, string][]} options */
function offer(field, options) {
  field.replaceChildren(...options.map(([value, words]) => el("option", { value }, words)));
}
