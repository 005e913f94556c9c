// Shows the exact address that people come back to while a login return URL is typed: `data-comes-back` is the way.
"use strict";

const addresses = document.getElementById("login_return_urls");
const answers = { query: "token=TOKEN", fragment: "token=TOKEN&state=STATE", code: "login_code=CODE&state=STATE" };

addresses.addEventListener("input", () => {
  const first = addresses.value.split("\n").map((line) => line.trim().replace(/^=/, "")).find((line) => line);
  if (!first || !/^https?:\/\//i.test(first) || !URL.canParse(first)) return;
  for (const shown of document.querySelectorAll("[data-comes-back]")) {
    const url = new URL(first), way = shown.dataset.comesBack;
    url.hash = "";
    if (way === "query") url.search += (url.search ? "&" : "?") + answers.query;
    else url.hash = answers[way];
    shown.textContent = url.href;
  }
});
