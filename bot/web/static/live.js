/* What changes while somebody looks at a page: who has paid, what becomes of a payment by card. The
   parts of such a section are asked for again while its end is not known. Without this script the
   page shows how it stood when it was loaded, and a link to look again.

   data-live: the section, with the address of its parts. data-part: what is replaced, by its name.
   data-look: the link, of no use while this runs. data-waiting: the names of what is waited for;
   data-while: what is shown while one of them is, or any. `fresh`: an event of a part that was
   replaced, for the other scripts. */
"use strict";

const EVERY_MS = 4000;

function waiting(page) {
  return page.querySelector("[data-waiting]").dataset.waiting.split(" ").filter(Boolean);
}

function follow(section) {
  // A section may stand in a part of another one, and follows its own.
  const own = what => [...section.querySelectorAll(what)].filter(one => one.closest("[data-live]") === section);
  const parts = own("[data-part]");
  // As it came, and not as it stands: what its reader unfolded, or a script showed, is no news.
  const came = new Map(parts.map(part => [part, part.innerHTML]));

  function put(fresh) {
    // What says the same stays as it is: a screen reader would read it again.
    const news = parts
      .map(part => [part, fresh.querySelector(`[data-part="${part.dataset.part}"]`)])
      .filter(([part, newer]) => newer && newer.innerHTML !== came.get(part));
    // Nothing is taken from under the focus, nor said of what is not shown: it comes once that has moved on.
    if (news.some(([part]) => part.contains(document.activeElement))) return true;
    for (const [part, newer] of news) {
      came.set(part, newer.innerHTML);
      part.replaceChildren(...newer.childNodes);
      part.dispatchEvent(new Event("fresh", {bubbles: true}));
    }
    const still = waiting(fresh);
    for (const one of own("[data-while]")) {
      one.hidden = one.dataset.while === "any" ? !still.length : !still.includes(one.dataset.while);
    }
    return still.length > 0;
  }

  function show(links) {
    for (const one of own("[data-look]")) one.hidden = !links;
  }

  async function look() {
    let goesOn = section.isConnected;
    if (goesOn && document.visibilityState === "visible") {
      try {
        const answer = await fetch(section.dataset.live);
        // Else the session is over: the link says so on a tap.
        goesOn = answer.ok && put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch (error) {
        /* No network: there may be one again. */
      }
    }
    show(!goesOn);
    if (goesOn) setTimeout(look, EVERY_MS);
  }

  if (!waiting(section).length) return;
  show(false);
  setTimeout(look, EVERY_MS);
}

function followIn(page) {
  for (const section of page.querySelectorAll("[data-live]")) follow(section);
}

followIn(document);
document.addEventListener("fresh", event => followIn(event.target));
