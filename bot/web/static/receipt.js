/* Conveniences of a receipt: print it, copy a ready text. Without this script neither button shows;
   the browser's own menu prints, and the text can be selected. */
"use strict";

function receipt(page) {
  for (const button of page.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  for (const button of page.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copy);
      text.select();
      await navigator.clipboard.writeText(text.value);
      button.textContent = button.dataset.done;
    });
  }
}

receipt(document);
document.addEventListener("fresh", event => receipt(event.target));
