// Below the settings: rows of one's own, the program, and files to keep.

import { el } from "./elements.js";

/** @typedef {(words: string, wrong?: boolean) => void} Say */

// Bytes of a file; the server takes little more in one action.
const LARGEST_FILE = 2e6;

export class More {
  /**
   * @param {import("./transport.js").Ask} ask
   * @param {(request: Record<string, any>) => void} send
   * @param {Say} say
   */
  constructor(ask, send, say) {
    this.ask = ask;
    this.say = say;
    this.key = "";
    this.program = el("pre", { tabindex: "0", role: "group", "aria-label": "Program" });
    this.needs = el("p", { class: "small" });
    this.details = /** @type {HTMLDetailsElement} */ (
      el("details", { id: "program-box", ontoggle: () => this.fill() }, el("summary", {}, "As a Python program"),
        el("div", { class: "line-up" }, el("button", { type: "button", id: "program", onclick: () => this.copy() }, "Copy as Python"),
          el("button", { type: "button", id: "save-program", onclick: () => this.download("archive") }, "Save with its files")),
        this.needs, this.program)
    );
    const text = /** @type {HTMLTextAreaElement} */ (el("textarea", { id: "pasted", rows: 6, spellcheck: "false", placeholder: "height,weight,kind\n1.2,3.4,cat\n…" }));
    const target = /** @type {HTMLInputElement} */ (el("input", { id: "pasted-target", type: "text", placeholder: "the last column" }));
    // a long text is slow to show, so that a file is only named
    this.chosen = "";
    const named = el("p", { class: "small", role: "status" });
    text.addEventListener("input", () => { this.chosen = named.textContent = ""; });
    /** @param {File} one */
    const take = async (one) => {
      if (one.size > LARGEST_FILE) {
        say(`The page takes tables of at most ${LARGEST_FILE / 1e6} MB; ${one.name} has ${(one.size / 1e6).toFixed(1)} MB. Start chainrule play with the file.`, true);
        return;
      }
      this.chosen = await one.text();
      text.value = "";
      named.textContent = `${one.name} is chosen.`;
    };
    const file = /** @type {HTMLInputElement} */ (el("input", { id: "pasted-file", type: "file", accept: ".csv,.tsv,.txt", onchange: () => file.files?.[0] && take(file.files[0]) }));
    text.addEventListener("dragover", (event) => event.preventDefault());
    text.addEventListener("drop", (event) => {
      const dropped = event.dataTransfer?.files[0];
      if (!dropped) return;
      event.preventDefault();
      take(dropped);
    });
    this.box = el("div", {},
      el("details", { id: "own-rows" }, el("summary", {}, "Your own table"),
        el("div", { class: "field" }, el("label", { for: "pasted" }, "Paste separated values, or drop a file"), text),
        el("div", { class: "field" }, el("label", { for: "pasted-file" }, "Or choose a file"), file, named),
        el("div", { class: "field" }, el("label", { for: "pasted-target" }, "Column to predict"), target),
        el("button", { type: "button", id: "learn-table", onclick: () => send({ action: "table", text: this.chosen || text.value, target: target.value }) }, "Learn it")),
      this.details,
      el("div", { class: "line-up" },
        el("button", { type: "button", id: "save-state", onclick: () => this.download("save") }, "Save the network"),
        el("button", { type: "button", id: "save-report", onclick: () => this.download("report") }, "Save the report")));
    /** @type {Record<string, any>} */
    this.header = {};
  }

  /** @param {Record<string, any>} header */
  draw(header) {
    this.header = header;
    this.fill();
  }

  async fill() {
    if (!this.details.open) return;
    const { version, step, settings } = this.header;
    const key = JSON.stringify([version, step, settings]);
    if (key === this.key) return;
    this.key = key;
    try {
      this.program.textContent = await this.written();
    } catch (error) {
      this.program.textContent = /** @type {Error} */ (error).message;
    }
  }

  async written() {
    const { header } = await this.ask({ action: "program", known: this.header.version, want: [] });
    this.needs.textContent = header.files.length ? `It loads ${header.files.join(" and ")}, which are saved with it.` : "";
    return header.copy.python;
  }

  async copy() {
    try {
      await toClipboard(await this.written(), this.say);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, true);
    }
  }

  /** @param {"save" | "report" | "archive"} action */
  async download(action) {
    if (action === "report") this.say("The report takes some seconds.");
    try {
      const { header, arrays } = await this.ask({ action, known: this.header.version, want: [] });
      const address = URL.createObjectURL(new Blob([/** @type {any} */ (arrays.content)], { type: header.file.type }));
      el("a", { href: address, download: header.file.name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
      this.say(`${header.file.name} is saved.`);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, true);
    }
  }
}

/** @param {string} text @param {Say} say */
export async function toClipboard(text, say) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("The browser does not let this page copy.", true);
  }
}
