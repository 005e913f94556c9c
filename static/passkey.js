// Passkeys: a form with `data-get` proves who somebody is, one with `data-create` makes a new one. The
// browser's answer goes into the form's hidden fields, and the form is sent like any other. The first kind
// is made here: to programs that read a page it has the one form that they know.
"use strict";
(() => {
  // The server's challenge works for five minutes; a page may stay open for longer.
  const YOUNG = 240_000;
  const FIELDS = {
    client_data: "clientDataJSON", authenticator_data: "authenticatorData", signature: "signature",
    user_handle: "userHandle", attestation_object: "attestationObject",
  };
  const WORDS = {
    InvalidStateError: "This device has a passkey for your account already.",
    SecurityError: "This browser cannot use passkeys at this address.",
  };
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const kind = (form) => (form.dataset.create ? "create" : "get");
  const read = (form) => JSON.parse(form.dataset[kind(form)]);
  // What a browser does not know or does not want is no error of the page.
  const tell = (signal, options) => PublicKeyCredential[signal]?.(options).catch(() => {});

  let began = Date.now();
  let waiting = null;

  // Asks for this page again, and takes its challenge. Whoever logged in meanwhile goes on.
  async function renew(form) {
    const answer = await fetch(location.href, { redirect: "manual" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(`[data-${kind(form)}]`);
    if (!fresh) return location.reload();
    form.dataset[kind(form)] = fresh.dataset[kind(form)];
    began = Date.now();
  }

  async function ask(form, how) {
    waiting?.abort();
    const mine = (waiting = new AbortController());
    // A second step has no address of its own; its challenge works for as long as it waits.
    if (Date.now() - began > YOUNG && !form.elements.step) await renew(form);
    const publicKey = read(form);
    publicKey.challenge = bytes(publicKey.challenge);
    for (const one of [...(publicKey.allowCredentials ?? []), ...(publicKey.excludeCredentials ?? [])]) one.id = bytes(one.id);
    if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
    mine.signal.throwIfAborted();
    return navigator.credentials[kind(form)]({ publicKey, signal: mine.signal, ...how });
  }

  function send(form, credential) {
    const fields = form.elements;
    if (fields.credential_id) fields.credential_id.value = credential.id;
    if (fields.transports) fields.transports.value = (credential.response.getTransports?.() ?? []).join(",");
    for (const [name, member] of Object.entries(FIELDS)) {
      const part = credential.response[member];
      if (fields[name]) fields[name].value = part ? text(part) : "";
    }
    // What the page asks beside a code counts for a passkey too.
    const remember = document.querySelector("input[name=remember]:checked");
    if (fields.step && remember) form.append(Object.assign(remember.cloneNode(), { hidden: true }));
    form.submit();
  }

  // Among the names that the browser fills in, for as long as the page is looked at.
  async function fillIn(form) {
    const again = () => {
      stop();
      document.hidden ? addEventListener("visibilitychange", again, { once: true }) : fillIn(form);
    };
    const timer = setTimeout(again, YOUNG);
    const stop = () => { clearTimeout(timer); removeEventListener("submit", leave); };
    const leave = (event) => { if (!event.defaultPrevented) { stop(); waiting?.abort(); } };
    addEventListener("submit", leave);
    try {
      send(form, await ask(form, { mediation: "conditional" }));
    } catch {
      stop();
      // Aborted by the button or by the password, or the browser will not: the page works all the same.
    }
  }

  async function press(form) {
    const said = form.querySelector(".said");
    said.removeAttribute("role");
    said.textContent = "";
    try {
      send(form, await ask(form));
    } catch (error) {
      said.setAttribute("role", "alert");
      said.textContent = WORDS[error.name] ??
        (kind(form) === "create" ? "No passkey was added. Try again when you are ready." : "No passkey was used. Try again, or go on without one.");
      if (form.hasAttribute("data-fills-in")) offer(form);
    }
  }

  async function offer(form) {
    if (await PublicKeyCredential.isConditionalMediationAvailable?.()) fillIn(form);
  }

  for (const place of document.querySelectorAll("div[data-get]")) {
    const form = document.createElement("form");
    for (const { name, value } of place.attributes) form.setAttribute(name, value);
    form.method = "post";
    form.action = place.dataset.action;
    form.append(...place.childNodes);
    place.replaceWith(form);
  }
  const forms = document.querySelectorAll("form[data-get], form[data-create]");
  if (!window.PublicKeyCredential) {
    for (const words of document.querySelectorAll("[data-no-passkeys]")) words.hidden = false;
    return;
  }
  for (const form of forms) {
    form.hidden = false;
    form.addEventListener("submit", (event) => { event.preventDefault(); press(form); });
    if (form.dataset.gone) tell("signalUnknownCredential", { rpId: read(form).rpId, credentialId: form.dataset.gone });
    if (form.hasAttribute("data-fills-in")) offer(form);
  }
  for (const list of document.querySelectorAll("[data-accepted]")) {
    tell("signalAllAcceptedCredentials", JSON.parse(list.dataset.accepted));
  }
})();
