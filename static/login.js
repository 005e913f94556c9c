// Gatepost's login redirect, for apps without a server of their own. Three lines log a person in:
//
//   <script src="https://your-gatepost.example/login.js"></script>
//   <script>const token = Gatepost.token() || Gatepost.logIn();</script>
//   <script>if (token) start(token);</script>
//
// Gatepost.token()              the token, or null. On arrival it checks `state`, so that nobody can hand
//                               you a token of theirs, and takes it out of the address bar. It is kept for this tab.
// Gatepost.logIn({ returnTo })  goes to the log-in page and comes back to `returnTo`, or here.
// Gatepost.forget()             drops the token, for instance after a 401.
// Gatepost.error                "access_denied" when the person canceled, "state_mismatch" when a token was refused.
//                               After an error logIn() does nothing until the person clicks or types, so that
//                               the line above cannot send them round and round. Offer a "Log in" button.
(() => {
  "use strict";
  const server = new URL(".", document.currentScript.src).href;
  const TOKEN = `gatepost token ${server}`, STATE = `gatepost state ${server}`;
  let kept = sessionStorage.getItem(TOKEN), waiting = false;

  const find = (name) => (new RegExp(`[?#&]${name}=([^&#]*)`).exec(location.href) || [])[1];
  const clean = (url) => {
    const rest = url.replace(/(?<=[?#&])(token|state|error)=[^&#]*&?/g, "");
    return rest === url ? url : rest.replace(/[?&](?=#|$)/g, "").replace(/#$/, "");
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
