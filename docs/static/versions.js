// Fill the menu of versions from the list that the build writes, and go where it says.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement.dataset.content_root;
  for (const menu of document.querySelectorAll(".versions select")) {
    for (const { version, name, folder } of window.chainruleVersions) {
      menu.append(new Option(name, folder, false, version === menu.dataset.version));
    }
    menu.addEventListener("change", () => {
      window.location.href = `${root}${menu.value}/index.html`;
    });
  }
});
