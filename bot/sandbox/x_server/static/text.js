// From a post as X delivers it to nodes of the page: entities are counted in code points, and
// `&`, `<` and `>` come escaped. Nothing here is ever parsed as HTML.
"use strict";

const ESCAPES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const BARE_LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/g;

function unescapeText(text) {
  return text.replace(/&(amp|lt|gt);/g, (found) => ESCAPES[found]);
}

function makeLink(href, shown) {
  const link = document.createElement("a");
  link.href = href;
  link.textContent = shown;
  link.rel = "noopener";
  link.target = "_blank";
  return link;
}

// X leaves links without a domain name as they were typed (http://localhost:8000/…).
function addPlain(parent, text) {
  let at = 0;
  for (const found of text.matchAll(BARE_LINK)) {
    parent.append(text.slice(at, found.index), makeLink(found[0], found[0]));
    at = found.index + found[0].length;
  }
  parent.append(text.slice(at));
}

function entitySpans(entities) {
  const spans = [];
  for (const one of entities.mentions || []) spans.push({ ...one, kind: "mention" });
  for (const one of entities.urls || []) spans.push({ ...one, kind: "link" });
  for (const kind of ["hashtags", "cashtags"]) {
    for (const one of entities[kind] || []) spans.push({ ...one, kind: "tag" });
  }
  return spans.sort((one, other) => one.start - other.start);
}

function renderText(text, entities, from) {
  const points = Array.from(text);
  const piece = (start, end) => points.slice(start, end).join("");
  const shown = document.createElement("p");
  shown.className = "text";
  let at = from;
  for (const span of entitySpans(entities || {})) {
    if (span.start < at) continue;
    addPlain(shown, unescapeText(piece(at, span.start)));
    if (span.kind === "link") {
      shown.append(makeLink(span.expanded_url, span.display_url));
    } else {
      const strong = document.createElement("b");
      strong.className = span.kind;
      strong.textContent = piece(span.start, span.end);
      shown.append(strong);
    }
    at = span.end;
  }
  addPlain(shown, unescapeText(piece(at)));
  return shown;
}

function ago(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  if (seconds < 45) return "now";
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h`;
  return new Date(iso).toLocaleDateString();
}
