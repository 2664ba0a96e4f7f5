// Ask the server, and read its frames: a header of JSON, then arrays.

/** @typedef {Record<string, any>} Header */
/** @typedef {Float64Array | Float32Array | Uint8Array} Numbers */
/** @typedef {{header: Header, arrays: Record<string, Numbers>}} Frame */
/** @typedef {(request: object) => Promise<Frame>} Ask */

/** What the server refuses, in its own words. */
export class Refusal extends Error {}
/** The server is gone. */
export class GoneError extends Error {}
/** The token is missing, or of another run. */
export class TokenError extends Error {}

/** @type {Record<string, any>} */
const KINDS = { float64: Float64Array, float32: Float32Array, uint8: Uint8Array };

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  /** @type {Record<string, Numbers>} */
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    const size = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    arrays[name] = new KINDS[dtype](buffer, 4 + length + offset, size);
  }
  return { header, arrays };
}

/**
 * @param {string} token
 * @returns {Ask}
 */
export function askOf(token) {
  return async (request) => {
    let answer;
    try {
      answer = await fetch("act", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Chainrule-Token": token },
        body: JSON.stringify(request),
      });
    } catch {
      throw new GoneError("The server is gone. Start chainrule play again.");
    }
    const kind = answer.headers.get("Content-Type") ?? "";
    if (answer.ok && !kind.startsWith("application/json")) return decode(await answer.arrayBuffer());
    const { error } = await answer.json();
    throw answer.status === 403 ? new TokenError(error) : new Refusal(error);
  };
}
