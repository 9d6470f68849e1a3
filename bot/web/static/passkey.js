/* Passkeys. Each form below works without it, or is not shown without it.

   data-passkey="make": asks the device for a new passkey, and sends the form with it.
   data-passkey="sign": asks for a touch over the form's own challenge, and sends the form with it.
   data-passkey="begin": asks the server for a challenge first (by the form's fields), then for a
   touch, and sends the answer to the address that the server named.

   data-with-passkeys: shown where this browser has passkeys, as the buttons for a touch are.
   data-without-passkeys: shown where it has none, as in X's in-app browser. */
"use strict";

const toBytes = text => Uint8Array.from(
  atob(text.replace(/-/g, "+").replace(/_/g, "/")), sign => sign.charCodeAt(0));
const toText = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function make(options) {
  const made = await navigator.credentials.create({publicKey: {
    ...options,
    challenge: toBytes(options.challenge),
    user: {...options.user, id: toBytes(options.user.id)},
    excludeCredentials: (options.excludeCredentials || [])
      .map(one => ({...one, id: toBytes(one.id)})),
  }});
  return {
    id: made.id, rawId: toText(made.rawId), type: made.type,
    response: {
      clientDataJSON: toText(made.response.clientDataJSON),
      attestationObject: toText(made.response.attestationObject),
    },
  };
}

async function sign(options) {
  const given = await navigator.credentials.get({publicKey: {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: (options.allowCredentials || [])
      .map(one => ({...one, id: toBytes(one.id)})),
  }});
  const response = given.response;
  return {
    id: given.id, rawId: toText(given.rawId), type: given.type,
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      authenticatorData: toText(response.authenticatorData),
      signature: toText(response.signature),
      userHandle: response.userHandle ? toText(response.userHandle) : null,
    },
  };
}

async function answer(form, button) {
  const kind = form.dataset.passkey;
  if (kind === "make") return {action: form.action, credential: await make(JSON.parse(form.dataset.options))};
  if (kind === "sign") return {action: form.action, credential: await sign(JSON.parse(form.dataset.options))};
  const begun = await fetch(button.formAction, {method: "POST", body: new URLSearchParams(new FormData(form, button))});
  if (!begun.ok) return {action: null, error: (await begun.json().catch(() => ({}))).error};
  const {options, action} = await begun.json();
  return {action, credential: await sign(options)};
}

function send(form, {action, credential}) {
  const out = document.createElement("form");
  out.method = "post";
  out.action = action;
  const fields = {credential: JSON.stringify(credential)};
  for (const name of ["csrf", "next"]) if (form.elements[name]) fields[name] = form.elements[name].value;
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    out.append(field);
  }
  document.body.append(out);
  out.submit();
}

function offer(page) {
  const hasPasskeys = Boolean(window.PublicKeyCredential && navigator.credentials);
  for (const one of page.querySelectorAll(`[data-${hasPasskeys ? "with" : "without"}-passkeys]`)) {
    one.hidden = false;
  }
  if (!hasPasskeys) return;
  for (const button of page.querySelectorAll("button[data-touch]")) {
    button.hidden = false;
    button.addEventListener("click", event => touch(event, button));
  }
}

async function touch(event, button) {
  event.preventDefault();
  const form = button.form;
  const failed = form.querySelector("[data-failed]");
  button.disabled = true;
  try {
    const given = await answer(form, button);
    if (given.action) return send(form, given);
    /* Others are ticked than those whose total stands on the button: that is shown first. */
    const shows = form.querySelector("button[value=wallet]");
    if (given.error === "other_total" && shows) return form.requestSubmit(shows);
  } catch (error) {
    /* Dropped, or none on this device: the other way is on the same page. */
  }
  button.disabled = false;
  if (failed) failed.hidden = false;
}

offer(document);
document.addEventListener("fresh", event => offer(event.target));
