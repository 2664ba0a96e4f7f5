// The view in a notebook: messages of the widget in place of a server.

import { el } from "./elements.js";
import { decode, Refusal } from "./transport.js";
import { View } from "./view.js";

/**
 * @param {{model: any, el: HTMLElement}} place
 */
export async function render({ model, el: cell }) {
  let last = 0;
  /** @type {Map<number, [(answer: any) => void, (error: Error) => void]>} */
  const waiting = new Map();
  const own = Math.random().toString(36).slice(2);
  /** @param {any} message @param {DataView[]} buffers */
  const take = (message, buffers) => {
    if (message.view !== own) return;
    const hands = waiting.get(message.number);
    waiting.delete(message.number);
    if (!hands) return;
    if (message.error) hands[1](new Refusal(message.error));
    else if (message.style) hands[0](message.style);
    else hands[0](decode(whole(buffers[0])));
  };
  model.on("msg:custom", take);
  /** @param {any} request @returns {Promise<any>} */
  const ask = (request) =>
    new Promise((done, refuse) => {
      last += 1;
      waiting.set(last, [done, refuse]);
      model.send({ number: last, view: own, request });
    });
  const root = cell.attachShadow({ mode: "open" });
  const box = el("main", { id: "view" });
  const style = document.createElement("style");
  style.textContent = await ask("style");
  root.append(style, el("div", { class: "page" }, box));
  const view = new View(box, ask);
  await view.begin();
  return () => {
    view.playing = false;
    model.off("msg:custom", take);
  };
}

/** @param {DataView} part */
function whole(part) {
  // numbers of eight bytes must begin at a multiple of eight
  return /** @type {ArrayBuffer} */ (part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength));
}
