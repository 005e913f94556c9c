// Gatepost's login redirect, for apps without a server of their own. These lines log a person in:
//   <script src="https://gatepost.example/login.js"></script>
//   <script>Gatepost.ready.then((token) => token ? start(token) : Gatepost.logIn());</script>
//
// ready                A promise of the token, or of null, however the application gets it: in the query, after
//                      the #, or as a code that is swapped for it.
// token()              The same at once, but for codes. The token or null. On arrival it checks `state`, so that nobody can plant a token of
//                      theirs, and clears the address bar. The token is kept for this tab.
// logIn({ returnTo })  Leaves for the log-in page; the person comes back to returnTo, or to this page. The part after
//                      the # stays in this tab and is put back on arrival, so it needs no registration.
//                      An app with routes in its path writes <script src="…" data-return-url="/signed-in">, with
//                      the one address that it registered: people come back there, and are taken on from there.
// forget()             Drops the token; after a 401, say.
// error                "access_denied": the person canceled. "state_mismatch": a token was refused.
//                      "code_refused": a code came too late, or was used.
//                      After an error logIn() waits until the person clicks or types, so that the line above
//                      cannot send them round and round. Offer a "Log in" button that calls it.
(() => {
  "use strict";
  const { src, dataset: { returnUrl } } = document.currentScript;
  const server = new URL(".", src).href;
  const TOKEN = `gatepost token ${server}`, STATE = `gatepost state ${server}`;
  let kept = sessionStorage.getItem(TOKEN), waiting = false;

  const find = (name) => (new RegExp(`[?#&]${name}=([^&#]*)`).exec(location.href) || [])[1];
  const clean = (url) => {
    const rest = url.replace(/(?<=[?#&])(token|login_code|state|error)=[^&#]*&?/g, "");
    return rest === url ? url : rest.replace(/&(?=#|$)/g, "").replace(/^([^?#]*)\?(?=#|$)/, "$1").replace(/#$/, "");
  };
  const fail = (error) => {
    Gatepost.error = error;
    waiting = true;
    for (const act of ["pointerdown", "keydown", "click"]) {
      addEventListener(act, () => { waiting = false; }, { capture: true, once: true });
    }
  };

  const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (it) => ({ "+": "-", "/": "_" })[it] || "");
  const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
  const keep = (token) => { sessionStorage.setItem(TOKEN, kept = token); return kept; };

  const sansHash = (url) => url.split("#")[0];
  // Puts back what this tab kept of the address that it left; whether the page has to leave for it.
  const restore = (here, route, mayLeave) => {
    const isOurs = route && new URL(route).origin === location.origin;
    const isHere = isOurs && sansHash(route) === sansHash(here);
    history.replaceState(history.state, "", isHere ? route : here);
    return isOurs && !isHere && mayLeave;
  };
  const leaveFor = (route) => { location.replace(route); return new Promise(() => {}); };

  const begun = () => { try { return JSON.parse(sessionStorage.getItem(STATE)) || []; } catch { return []; } };
  // What stands in the address, if this tab asked for it; the address bar is cleared in any case.
  const arrive = () => {
    const [token, code, error, state] = ["token", "login_code", "error", "state"].map(find);
    if (!token && !code && !(error && state)) return null;
    const [started, verifier, route] = begun();
    sessionStorage.removeItem(STATE);
    const isExpected = started && started === state;
    const isAway = restore(clean(location.href), isExpected && route, !error);
    const onward = isAway && route;
    if (!isExpected) {
      console.warn("Gatepost: this page did not ask for the token in its address, so it was refused.");
      fail("state_mismatch");
    } else if (error) {
      fail(error);
    } else if (token) {
      keep(token);
      return { onward };
    } else {
      return { onward, code: { login_code: code, code_verifier: verifier } };
    }
    return null;
  };
  const swap = async (code) => {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${server}login/code`, { method: "POST", headers, body: JSON.stringify(code) });
    if (answer.ok) return keep((await answer.json()).token);
    fail("code_refused");
    return null;
  };

  const Gatepost = {
    error: null,
    token: () => kept,
    logIn({ returnTo = location.href } = {}) {
      if (waiting) return null;
      Gatepost.forget();
      const [state, verifier] = [random(), random()];
      const route = clean(new URL(returnTo, location).href);
      sessionStorage.setItem(STATE, JSON.stringify([state, verifier, route]));
      const referer = encodeURIComponent(sansHash(returnUrl ? new URL(returnUrl, location).href : route));
      const leave = (challenge) => location.assign(`${server}logIn?referer=${referer}&state=${state}${challenge}`);
      // Browsers have digests on https and loopback only; elsewhere no code is given anyway.
      if (!crypto.subtle) leave("");
      else crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))
        .then((digest) => leave(`&code_challenge=${base64url(new Uint8Array(digest))}`));
      return null;
    },
    forget() {
      kept = null;
      sessionStorage.removeItem(TOKEN);
    },
  };
  window.Gatepost = Gatepost;
  const { code, onward } = arrive() || {};
  const got = code ? swap(code) : Promise.resolve(kept);
  // The page where they began goes on; this one was only on the way.
  Gatepost.ready = onward ? got.then((token) => token ? leaveFor(onward) : token) : got;
})();
