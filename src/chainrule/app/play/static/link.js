// The link of the page: all settings that are not the usual ones, as text.

import { readRecord, recordText } from "./records.js";

/**
 * Write settings as texts.
 * @param {Record<string, any>} settings
 * @param {{defaults: Record<string, any>, forms: Record<string, any[]>}} choices
 */
export function writeLink(settings, { defaults, forms }) {
  /** @type {Record<string, string>} */
  const others = {};
  for (const [name, value] of Object.entries(settings)) {
    if (JSON.stringify(value) === JSON.stringify(defaults[name])) continue;
    if (Array.isArray(value)) others[name] = value.join(",");
    else others[name] = typeof value === "object" ? recordText(value, forms[name] ?? []) : String(value);
  }
  return others;
}

/**
 * Read settings from the texts of a link.
 * @param {Record<string, string>} texts
 * @param {Record<string, any>} defaults
 */
export function readLink(texts, defaults) {
  /** @type {Record<string, any>} */
  const changes = {};
  for (const [name, text] of Object.entries(texts)) {
    const like = defaults[name];
    if (like === undefined) continue;
    if (name === "units") changes[name] = text === "" ? [] : text.split(",").map(Number);
    else if (typeof like === "object" && !Array.isArray(like)) changes[name] = readRecord(text);
    else if (Array.isArray(like)) changes[name] = text === "" ? [] : text.split(",");
    else changes[name] = typeof like === "number" ? Number(text) : text;
  }
  return changes;
}
