// The page of the local server: it reads the token, and gives the view a way to ask.

import { askOf, TokenError } from "./transport.js";
import { View } from "./view.js";

const fragment = new URLSearchParams(location.hash.slice(1));
const given = fragment.get("token");
if (given) {
  sessionStorage.setItem("chainrule-token", given);
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(null, "", rest ? `#${rest}` : location.pathname);
}
const token = sessionStorage.getItem("chainrule-token") ?? "";
const place = /** @type {HTMLElement} */ (document.getElementById("view"));

const view = new View(place, askOf(token), {
  fragment: Object.fromEntries(fragment),
  share: (settings, again) => {
    const text = new URLSearchParams(settings).toString();
    const address = text ? `#${text}` : location.pathname;
    if (again || text === location.hash.slice(1)) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  },
});
window.addEventListener("hashchange", () => {
  const edited = new URLSearchParams(location.hash.slice(1));
  // the address of another run
  if (edited.has("token")) location.reload();
  else view.follow(Object.fromEntries(edited));
});
view.begin().catch((error) => {
  place.textContent =
    error instanceof TokenError
      ? "This page needs the address that chainrule play printed in the terminal. Open it again from there."
      : `The page could not begin: ${error.message}`;
});
