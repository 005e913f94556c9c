// Gatepost's login redirect, for apps without a server of their own. These lines log a person in:
//   <script src="https://gatepost.example/login.js"></script>
//   <script>const token = Gatepost.token() || Gatepost.logIn();</script>
//
// token()              The token or null. On arrival it checks `state`, so that nobody can plant a token of
//                      theirs, and clears the address bar. The token is kept for this tab.
// logIn({ returnTo })  Leaves for the log-in page; the person comes back to returnTo, or to this page.
// forget()             Drops the token; after a 401, say.
// error                "access_denied": the person canceled. "state_mismatch": a token was refused.
//                      After an error logIn() waits until the person clicks or types, so that the line above
//                      cannot send them round and round. Offer a "Log in" button that calls it.
(() => {
  "use strict";
  const server = new URL(".", document.currentScript.src).href;
  const TOKEN = `gatepost token ${server}`, STATE = `gatepost state ${server}`;
  let kept = sessionStorage.getItem(TOKEN), waiting = false;

  const find = (name) => (new RegExp(`[?#&]${name}=([^&#]*)`).exec(location.href) || [])[1];
  const clean = (url) => {
    const rest = url.replace(/(?<=[?#&])(token|state|error)=[^&#]*&?/g, "");
    return rest === url ? url : rest.replace(/&(?=#|$)/g, "").replace(/^([^?#]*)\?(?=#|$)/, "$1").replace(/#$/, "");
  };
  const fail = (error) => {
    Gatepost.error = error;
    waiting = true;
    for (const act of ["pointerdown", "keydown", "click"]) {
      addEventListener(act, () => { waiting = false; }, { capture: true, once: true });
    }
  };

  const Gatepost = {
    error: null,
    token() {
      const [token, error, state] = ["token", "error", "state"].map(find);
      if (token || (error && state)) {
        const started = sessionStorage.getItem(STATE);
        sessionStorage.removeItem(STATE);
        history.replaceState(history.state, "", clean(location.href));
        if (!started || started !== state) {
          console.warn("Gatepost: this page did not ask for the token in its address, so it was refused.");
          fail("state_mismatch");
        } else if (error) {
          fail(error);
        } else {
          sessionStorage.setItem(TOKEN, kept = token);
        }
      }
      return kept;
    },
    logIn({ returnTo = location.href } = {}) {
      if (waiting) return null;
      Gatepost.forget();
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      const state = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      sessionStorage.setItem(STATE, state);
      location.assign(`${server}logIn?referer=${encodeURIComponent(clean(new URL(returnTo, location).href))}&state=${state}`);
      return null;
    },
    forget() {
      kept = null;
      sessionStorage.removeItem(TOKEN);
    },
  };
  window.Gatepost = Gatepost;
})();
