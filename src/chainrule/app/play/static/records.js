// A formula record as a part of the form: a menu of names, and the numbers of the chosen one.

import { el, watched, written } from "./elements.js";

export class RecordForm {
  /**
   * @param {string} name
   * @param {string} label
   * @param {Record<string, any>[]} forms
   * @param {(changes: Record<string, any>) => void} change
   */
  constructor(name, label, forms, change) {
    this.name = name;
    this.forms = forms;
    this.change = change;
    this.menu = /** @type {HTMLSelectElement} */ (
      el("select", { id: `set-${name}`, onchange: () => change({ [name]: this.menu.value }) },
        ...forms.map((one) => el("option", { value: one.name }, one.name)))
    );
    this.rule = el("div", { class: "rule small" });
    this.own = el("div", { class: "pair" });
    this.shared = el("div", { class: "pair" });
    this.more = el("details", { class: "small", hidden: true }, el("summary", {}), this.shared);
    this.box = el("div", {}, el("div", { class: "field" }, el("label", { for: `set-${name}` }, label), this.menu), this.own, this.more, this.rule);
    /** @type {Record<string, HTMLInputElement>} */
    this.fields = {};
    this.built = "";
    this.markup = "";
  }

  /** @param {Record<string, any>} form */
  build(form) {
    this.fields = {};
    /** @type {Record<string, any>[]} */
    const numbers = form.numbers;
    const own = numbers.filter((one) => !one.shared).map((one) => this.field(form, one));
    const shared = numbers.filter((one) => one.shared);
    this.own.replaceChildren(...own);
    this.shared.replaceChildren(...shared.map((one) => this.field(form, one)));
    this.more.hidden = !shared.length;
    const words = shared.map((one) => one.label.toLowerCase()).join(", ");
    /** @type {HTMLElement} */ (this.more.firstElementChild).textContent = words && words[0].toUpperCase() + words.slice(1);
  }

  /** @param {Record<string, any>} form @param {Record<string, any>} number */
  field(form, { name, label, kind }) {
    const id = `set-${this.name}-${name}`;
    const flag = kind === "flag";
    const type = flag ? { type: "checkbox" } : { type: "number", step: kind === "whole" ? 1 : "any", placeholder: kind === "or none" ? "none" : null };
    const field = /** @type {HTMLInputElement} */ (el("input", { id, ...type, onchange: () => this.send(form) }));
    this.fields[name] = watched(field);
    return flag
      ? el("div", { class: "field flag" }, field, el("label", { for: id }, label))
      : el("div", { class: "field" }, el("label", { for: id }, label), field);
  }

  /** @param {Record<string, any>} form */
  send(form) {
    /** @type {Record<string, any>} */
    const record = { name: form.name };
    for (const { name, kind, default: plain } of form.numbers) {
      const field = this.fields[name];
      if (kind === "flag") record[name] = field.checked;
      else if (field.value !== "") record[name] = field.valueAsNumber;
      else record[name] = kind === "or none" ? null : plain;
    }
    this.change({ [this.name]: record });
  }

  /**
   * @param {Record<string, any>} record
   * @param {string} rule
   * @param {boolean} fixed
   */
  draw(record, rule, fixed) {
    const form = this.forms.find((one) => one.name === record.name) ?? { name: record.name, numbers: [] };
    if (form.name !== this.built) {
      this.build(form);
      /** @type {HTMLDetailsElement} */ (this.more).open = form.numbers.some((/** @type {any} */ one) => one.shared && record[one.name] !== one.default);
    }
    this.built = form.name;
    if (![...this.menu.options].some((one) => one.value === form.name)) this.menu.append(el("option", { value: form.name }, form.name));
    this.menu.value = form.name;
    this.menu.disabled = fixed;
    for (const { name, kind } of form.numbers) {
      const field = this.fields[name];
      if (kind === "flag") field.checked = record[name];
      else if (!written(field)) field.value = record[name] === null ? "" : String(record[name]);
    }
    if (rule !== this.markup) this.rule.innerHTML = rule && this.name === "schedule" ? `The rate is multiplied by ${rule}` : rule;
    this.markup = rule;
  }
}

/**
 * Write a record for the link: its name, and the numbers that are not the usual ones.
 * @param {Record<string, any>} record
 * @param {Record<string, any>[]} forms
 */
export function recordText(record, forms) {
  const numbers = forms.find((one) => one.name === record.name)?.numbers ?? [];
  const own = numbers.filter((/** @type {any} */ one) => record[one.name] !== one.default);
  return [record.name, ...own.map((/** @type {any} */ one) => `${one.name}:${record[one.name]}`)].join(",");
}

/**
 * Read a record of the link.
 * @param {string} text
 */
export function readRecord(text) {
  const [name, ...numbers] = text.split(",");
  /** @type {Record<string, any>} */
  const record = { name };
  for (const one of numbers) {
    const [key, value = ""] = one.split(":");
    record[key] = { true: true, false: false, null: null }[value] ?? (value === "null" ? null : Number(value));
  }
  return record;
}
