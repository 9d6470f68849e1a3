/* Who has paid, live: the parts of a request's page are asked for again while somebody looks at it
   and somebody else has not answered. Without this script the page shows how it stood when it was
   loaded, and a link to look again.

   data-answers: the section, with the address of its parts. data-part: what is replaced, by its
   name. data-look: the link, of no use while this runs. data-waiting: the numbers of those who have
   not answered; data-while: what is shown while one of them has not, or any. */
"use strict";

const EVERY_MS = 4000;
const section = document.querySelector("[data-answers]");

function waiting(page) {
  return page.querySelector("[data-waiting]").dataset.waiting.split(" ").filter(Boolean);
}

function put(fresh) {
  for (const part of section.querySelectorAll("[data-part]")) {
    const newer = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    // What says the same stays as it is: a screen reader would read it again.
    if (!newer || newer.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
    part.replaceChildren(...newer.childNodes);
  }
  const still = waiting(fresh);
  for (const one of section.querySelectorAll("[data-while]")) {
    one.hidden = one.dataset.while === "any" ? !still.length : !still.includes(one.dataset.while);
  }
  return still.length > 0;
}

async function look() {
  let goesOn = true;
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(section.dataset.answers);
      // Else the session is over: the link says so on a tap.
      goesOn = answer.ok && put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch (error) {
      /* No network: there may be one again. */
    }
  }
  if (goesOn) return setTimeout(look, EVERY_MS);
  section.querySelector("[data-look]").hidden = false;
}

if (section && waiting(section).length) {
  section.querySelector("[data-look]").hidden = true;
  setTimeout(look, EVERY_MS);
}
