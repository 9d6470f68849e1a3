/* Sharing a link or a ready text: by the phone's own sheet, else by copying it. Without this script
   both stand on the page as text, and the buttons are not shown.

   data-share: the button, with the link in it. data-shared: says that it was copied.
   data-share-text: the button of a text that may be changed first, with the field's id; data-text-of:
   links that send that text. */
"use strict";

function share(page) {
  for (const button of page.querySelectorAll("button[data-share]")) {
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

  for (const button of page.querySelectorAll("button[data-share-text]")) {
    const field = document.getElementById(button.dataset.shareText);
    button.hidden = !navigator.share;
    button.addEventListener("click", () => navigator.share({text: field.value}).catch(() => {}));
  }

  for (const link of page.querySelectorAll("a[data-text-of]")) {
    const field = document.getElementById(link.dataset.textOf);
    const take = () => {
      const address = new URL(link.href);
      address.searchParams.set("text", field.value);
      link.href = address.href;
    };
    field.addEventListener("input", take);
    take(); // what was typed before this script came, or came back with the back button
  }
}

share(document);
document.addEventListener("fresh", event => share(event.target));
