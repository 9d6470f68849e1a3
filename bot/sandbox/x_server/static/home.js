// The timeline, the messages and the text messages: asks what is new every second, and shows it.
"use strict";

const POLL_MS = 1000;
const HUES = 8;
const byId = (id) => document.getElementById(id);
const BOT = document.body.dataset.bot;
const IDEAS = [
  `@${BOT} pay @alice 10€ for pizza`,
  `@${BOT} paie 5€ à @carol`,
  `@${BOT} request 12€ from @bob`,
  `@${BOT} help`,
];

const state = {
  version: "",
  seen: null,
  me: new URLSearchParams(location.search).get("as") || localStorage.getItem("me") || "bob",
  drafts: new Map(),
  editing: new Set(),
  read: { messages: 0, phone: 0 },
};

// Small things -----------------------------------------------------------------------------

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function makeButton(text, action, className) {
  const button = make("button", className, text);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

function face(handle) {
  const handles = (state.seen?.people || []).map((one) => one.handle.toLowerCase());
  const place = handles.indexOf(handle.toLowerCase());
  const node = make("span", `face hue-${(place < 0 ? handles.length : place) % HUES}`, handle[0].toUpperCase());
  if (handle === BOT) node.className = "face face-bot";
  node.setAttribute("aria-hidden", "true");
  return node;
}

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(said.error || `It did not work (${response.status}).`);
  return said;
}

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

async function act(work) {
  try {
    await work();
    trouble("");
    await refresh();
  } catch (error) {
    trouble(error.message);
  }
}

// Who you are ------------------------------------------------------------------------------

function become(handle) {
  state.me = handle.replace(/^@/, "");
  localStorage.setItem("me", state.me);
  document.cookie = `local_x_me=${state.me}; path=/; SameSite=Lax; max-age=31536000`;
  if (state.seen) show();
}

function showPeople() {
  const known = state.seen.people.map((one) => one.handle).filter((one) => one !== state.seen.bot);
  if (!known.some((one) => one.toLowerCase() === state.me.toLowerCase())) known.push(state.me);
  byId("people").replaceChildren(
    ...known.map((handle) => {
      const chip = makeButton(`@${handle}`, () => become(handle), "chip");
      chip.prepend(face(handle));
      chip.setAttribute("aria-pressed", String(handle.toLowerCase() === state.me.toLowerCase()));
      return chip;
    }),
  );
  byId("compose-face").replaceWith(Object.assign(face(state.me), { id: "compose-face" }));
  byId("compose-text").placeholder = `What’s happening, @${state.me}?`;
}

// The timeline -----------------------------------------------------------------------------

function parentId(post) {
  const found = (post.referenced_tweets || []).find((one) => one.type === "replied_to");
  return found && found.id;
}

function showPost(post, byPostId) {
  const node = make("article", "post");
  node.id = `post-${post.id}`;
  node.dataset.author = post.username;
  const head = make("header", "head");
  const person = state.seen.people.find((one) => one.id === post.author_id);
  head.append(
    make("b", "name", person ? person.name : post.username),
    make("span", "handle", `@${post.username}`),
  );
  const time = make("time", "", ago(post.created_at));
  time.dateTime = post.created_at;
  time.title = `${new Date(post.created_at).toLocaleString()} · ${post.id}`;
  head.append(time);
  if (post.edit_history_tweet_ids.length > 1) head.append(make("span", "note", "edited"));
  const body = make("div", "body");
  body.append(head);
  const parent = byPostId.get(parentId(post));
  if (parent) body.append(make("p", "to", `to @${parent.username}`));
  const whole = post.note_tweet || post;
  body.append(renderText(whole.text, whole.entities, post.display_text_range[0]));
  body.append(showActions(post));
  node.append(face(post.username), body);
  return node;
}

function showActions(post) {
  const actions = make("div", "actions");
  actions.append(
    makeButton("Reply", () => {
      state.drafts.set(post.id, state.drafts.get(post.id) ?? "");
      show();
      document.querySelector(`#reply-${CSS.escape(post.id)} textarea`)?.focus();
    }),
  );
  if (post.username.toLowerCase() === state.me.toLowerCase()) {
    actions.append(
      makeButton("Edit", () => {
        const whole = post.note_tweet || post;
        const typed = Array.from(whole.text).slice(post.display_text_range[0]).join("");
        state.editing.add(post.id);
        state.drafts.set(post.id, unescapeText(typed));
        show();
        document.querySelector(`#reply-${CSS.escape(post.id)} textarea`)?.focus();
      }),
      makeButton("Delete", () => act(() => call("DELETE", `/_sandbox/posts/${post.id}`))),
    );
  }
  return actions;
}

function showReplyBox(post) {
  const form = make("form", "reply");
  form.id = `reply-${post.id}`;
  const text = make("textarea");
  const edits = state.editing.has(post.id);
  text.rows = 2;
  text.value = state.drafts.get(post.id);
  text.placeholder = `Reply to @${post.username} as @${state.me}`;
  text.setAttribute("aria-label", text.placeholder);
  text.addEventListener("input", () => state.drafts.set(post.id, text.value));
  sendOnEnter(text, form);
  const send = make("button", "primary", edits ? "Save" : "Reply");
  const cancel = makeButton("Cancel", () => {
    closeBox(post.id);
    show();
  });
  form.append(text, send, cancel);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    const typed = text.value;
    act(async () => {
      if (edits) await call("POST", `/_sandbox/posts/${post.id}/edit`, { text: typed });
      else await call("POST", "/_sandbox/posts", { as: state.me, text: typed, in_reply_to: post.id });
      closeBox(post.id);
    });
  });
  return form;
}

function closeBox(postId) {
  state.drafts.delete(postId);
  state.editing.delete(postId);
}

function showTimeline() {
  const posts = state.seen.posts;
  const byPostId = new Map();
  for (const post of posts) for (const id of post.edit_history_tweet_ids) byPostId.set(id, post);
  const roots = [];
  const children = new Map();
  for (const post of posts) {
    const parent = byPostId.get(parentId(post));
    if (!parent) roots.push(post);
    else children.set(parent.id, [...(children.get(parent.id) || []), post]);
  }
  const branch = (post, depth) => {
    const node = showPost(post, byPostId);
    const below = make("div", depth < 3 ? "replies" : "replies deep");
    if (state.drafts.has(post.id)) below.append(showReplyBox(post));
    for (const child of children.get(post.id) || []) below.append(branch(child, depth + 1));
    if (below.childElementCount) node.querySelector(".body").append(below);
    return node;
  };
  const threads = roots.reverse().map((root) => {
    const card = make("div", "card thread");
    card.append(branch(root, 0));
    return card;
  });
  byId("threads").replaceChildren(...threads);
  byId("no-posts").hidden = threads.length > 0;
}

// Messages and the phone -------------------------------------------------------------------

function mine() {
  const ids = new Map(state.seen.people.map((one) => [one.handle.toLowerCase(), one.id]));
  const pair = [ids.get(state.me.toLowerCase()), ids.get(BOT.toLowerCase())];
  return state.seen.dms.filter(
    (one) =>
      one.event_type === "MessageCreate" &&
      one.participant_ids.length === 2 &&
      pair.every((id) => one.participant_ids.includes(id)),
  );
}

function showMessages() {
  const bubbles = mine().map((one) => {
    const own = one.username.toLowerCase() === state.me.toLowerCase();
    const bubble = make("div", own ? "bubble own" : "bubble");
    bubble.append(renderText(one.text, one.entities, 0));
    const time = make("time", "", ago(one.created_at));
    bubble.append(time);
    return bubble;
  });
  const box = byId("bubbles");
  const grown = box.childElementCount !== bubbles.length;
  if (!bubbles.length) {
    bubbles.push(make("p", "empty", `@${state.me} and @${BOT} have not written to each other yet.`));
  }
  box.replaceChildren(...bubbles);
  if (grown) box.scrollTop = box.scrollHeight;
}

function showTexts() {
  const texts = [...state.seen.sms].reverse().map((one) => {
    const node = make("article", "sms");
    const head = make("header", "head");
    head.append(make("b", "number", one.to), make("time", "", ago(one.at)));
    const text = make("p", "text");
    addPlain(text, one.text);
    node.append(head, text);
    return node;
  });
  if (!texts.length) texts.push(make("p", "empty", "No phone has got a text message yet."));
  byId("texts").replaceChildren(...texts);
}

function showBadges() {
  const counts = { messages: mine().length, phone: state.seen.sms.length };
  const open = document.querySelector("main").dataset.tab;
  for (const [tab, badge] of [["messages", "new-messages"], ["phone", "new-texts"]]) {
    if (open === tab || counts[tab] < state.read[tab]) state.read[tab] = counts[tab];
    const unread = counts[tab] - state.read[tab];
    byId(badge).textContent = unread;
    byId(badge).hidden = unread <= 0;
  }
}

// All together -----------------------------------------------------------------------------

function show() {
  const active = document.activeElement;
  const box = active && active.closest(".reply");
  const kept = box && { id: box.id, start: active.selectionStart, end: active.selectionEnd };
  showPeople();
  showTimeline();
  showMessages();
  showTexts();
  showBadges();
  if (kept) {
    const text = document.querySelector(`#${CSS.escape(kept.id)} textarea`);
    text?.focus({ preventScroll: true });
    if (kept.start !== undefined) text?.setSelectionRange(kept.start, kept.end);
  }
}

async function refresh() {
  const response = await fetch(`/ui/state?version=${encodeURIComponent(state.version)}`);
  const listens = response.headers.get("x-stream") === "on";
  byId("listening").hidden = !listens;
  byId("deaf").hidden = listens;
  if (response.status === 204) return;
  if (!response.ok) throw new Error(`The local X answers ${response.status}.`);
  state.seen = await response.json();
  const first = state.version === "";
  state.version = state.seen.version;
  if (first) state.read = { messages: mine().length, phone: state.seen.sms.length };
  show();
  if (first && location.hash) document.querySelector(location.hash)?.scrollIntoView();
}

async function poll() {
  try {
    await refresh();
    if (state.lost) trouble("");
    state.lost = false;
  } catch (error) {
    if (!state.lost) trouble("The local X does not answer. Is it still running?");
    state.lost = true;
  }
  setTimeout(poll, POLL_MS);
}

function openTab(tab) {
  document.querySelector("main").dataset.tab = tab;
  for (const button of document.querySelectorAll(".tabs button")) {
    button.setAttribute("aria-pressed", String(button.dataset.tab === tab));
  }
  if (state.seen) showBadges();
}

function sendOnEnter(text, form) {
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

function onSubmit(formId, textId, send) {
  byId(formId).addEventListener("submit", (event) => {
    event.preventDefault();
    const box = byId(textId);
    const typed = box.value.trim();
    if (!typed) return;
    act(async () => {
      await send(typed);
      box.value = "";
    });
  });
}

onSubmit("compose", "compose-text", (text) => call("POST", "/_sandbox/posts", { as: state.me, text }));
onSubmit("write", "write-text", (text) => call("POST", "/_sandbox/dms", { as: state.me, text }));
onSubmit("become", "new-person", async (handle) => {
  const person = await call("POST", "/_sandbox/people", { handle });
  become(person.handle);
});
sendOnEnter(byId("compose-text"), byId("compose"));
for (const button of document.querySelectorAll(".tabs button")) {
  button.addEventListener("click", () => openTab(button.dataset.tab));
}
byId("ideas").append(
  ...IDEAS.map((idea) =>
    makeButton(idea, () => {
      byId("compose-text").value = idea;
      byId("compose-text").focus();
    }, "idea"),
  ),
);
if (location.hash.startsWith("#write=")) {
  byId("compose-text").value = decodeURIComponent(location.hash.slice("#write=".length));
}
become(state.me);
poll();
