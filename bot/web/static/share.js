/* Sharing a link: by the phone's own sheet, else by copying it. Without this script the link stands
   on the page as text, and the button is not shown.

   data-share: the button, with the link in it. data-shared: says that it was copied. */
"use strict";

for (const button of document.querySelectorAll("button[data-share]")) {
  const url = button.dataset.share;
  const said = button.parentElement.querySelector("[data-shared]");
  if (!navigator.share && !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      if (navigator.share) return await navigator.share({url});
      await navigator.clipboard.writeText(url);
      if (said) said.hidden = false;
    } catch (error) {
      /* Dropped: the link is still there to be copied by hand. */
    }
  });
}
