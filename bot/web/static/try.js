/* The box on the help page: says while somebody types what the bot would read. Without this script
   the form is sent by its button, and the page says the same. */
"use strict";

const form = document.querySelector("form[data-try]");
const said = form.querySelector("[data-said]");
const box = form.elements.text;
let waiting;
let newest = 0;

async function read() {
  const number = ++newest;
  const query = new URLSearchParams({text: box.value, lang: document.documentElement.lang});
  try {
    const answer = await fetch(`${form.dataset.try}?${query}`);
    if (!answer.ok || number !== newest) return;
    const {reading} = await answer.json();
    said.hidden = !reading;
    said.querySelector(".said").textContent = reading;
  } catch (error) {
    /* No network: the button still works once there is one. */
  }
}

box.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(read, 200);
});
