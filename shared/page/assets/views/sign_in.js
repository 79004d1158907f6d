// Sign-in with a key of the API. It stays in this tab alone, and is gone when the tab is closed.
import { signIn, whoIs } from "../parts/api.js";
import { html, useEffect, useRef } from "../parts/html.js";
import { useAction } from "../parts/ui.js";

// A key has no spaces; what is longer was no key.
const KEY_CHARACTERS_MAX = 512;

export function SignIn({ why, onSignedIn }) {
  const field = useRef(null);
  const { run, busy, error } = useAction(async (key) => {
    await whoIs(key);
    signIn(key);
    onSignedIn();
  });
  useEffect(() => {
    document.title = "Sign in – ualstream";
    field.current?.focus();
  }, []);
  useEffect(() => {
    if (error) field.current?.focus();
  }, [error]);

  const sent = (event) => {
    event.preventDefault();
    const key = new FormData(event.currentTarget).get("key").trim();
    if (key) run(key);
  };
  const told = error && (error.status === 401 ? "ualstream does not know this key. Perhaps it was revoked, or cut when it was copied." : error.message);
  return html`
    <main class="page narrow">
      <p class="brand">ualstream</p>
      <h1>Sign in with an API key</h1>
      ${why && html`<p class="error" role="status">${why}</p>`}
      <form onSubmit=${sent}>
        <label for="key">API key</label>
        <p class="muted" id="key-hint">On AWS the stack's output ApiKeySecret names the secret with the first key. In local mode it is in the file api-key of the data folder. <code>cargo demo</code> prints where.</p>
        <input id="key" name="key" type="password" autocomplete="current-password" spellcheck="false" maxlength=${KEY_CHARACTERS_MAX} required ref=${field} aria-describedby=${told ? "key-error key-hint" : "key-hint"} aria-invalid=${told ? "true" : undefined} />
        ${told && html`<p class="error" id="key-error" role="alert">${told}</p>`}
        <div class="buttons"><button type="submit" class="primary" disabled=${busy}>${busy ? "Checking the key …" : "Sign in"}</button></div>
      </form>
      <p class="muted">The key stays in this tab and is forgotten when you close it.</p>
    </main>`;
}
