// What scripts add to pages that work without them: copy, show the password, mind Caps Lock.
"use strict";

// Copy buttons: `data-copy` is the id of what to copy.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.setAttribute("aria-live", "polite");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // No clipboard here (plain http, or refused): select it, so that the keyboard can copy.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// Show and hide: `data-show` is the id of the password field.
for (const button of document.querySelectorAll("[data-show]")) {
  const field = document.getElementById(button.dataset.show);
  const show = (is_shown) => {
    field.type = is_shown ? "text" : "password";
    button.setAttribute("aria-pressed", is_shown);
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  // Sent as a password, so that browsers offer to save it and never remember it as text.
  field.form.addEventListener("submit", () => show(false));
}

// Caps Lock: `data-caps` is the id of the password field.
for (const hint of document.querySelectorAll("[data-caps]")) {
  const field = document.getElementById(hint.dataset.caps);
  const say = (event) => {
    const is_on = event.getModifierState && event.getModifierState("CapsLock");
    hint.textContent = is_on ? "Caps Lock is on." : "";
  };
  field.addEventListener("keydown", say);
  field.addEventListener("keyup", say);
  field.addEventListener("blur", () => { hint.textContent = ""; });
}

// A page that Back brings from memory is asked for again: who it was for may have logged out.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
