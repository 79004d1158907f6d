// What can be changed about a tenant: its name, its content types, a pause, its removal.
import { change, etag } from "../parts/api.js";
import { html, useState } from "../parts/html.js";
import { go } from "../parts/route.js";
import { Dialog, Name, Note, useAction } from "../parts/ui.js";
import { CONTENT_TYPES } from "../parts/words.js";

// As the API says it.
const NAME_CHARACTERS_MAX = 100;

export function Settings({ tenant, refresh }) {
  const path = `/v1/tenants/${tenant.tenant_id}`;
  const [saved, say] = useState("");
  const [leaving, leave] = useState(false);
  const types = tenant.subscriptions.map((of) => of.content_type);

  const patch = useAction(async (body, words) => {
    say("");
    const tag = etag(path);
    try {
      await change("PATCH", path, body, tag ? { "If-Match": tag } : {});
      say(words);
    } finally {
      refresh();
    }
  });
  const sent = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const chosen = form.getAll("type");
    const body = {};
    if (form.get("name").trim() !== tenant.name) body.name = form.get("name").trim();
    if (chosen.length !== types.length || chosen.some((type) => !types.includes(type))) body.content_types = chosen;
    if (Object.keys(body).length === 0) say("Nothing was changed.");
    else patch.run(body, "Saved.");
  };
  const paused = tenant.state === "paused";
  const told = patch.error && (patch.error.status === 412 ? "Somebody else changed this tenant meanwhile. You now see how it is: look at it, and save again." : patch.error.message);
  return html`
    <div class="narrow">
      <h2 class="hidden">Settings</h2>
      ${told && html`<${Note} tone="needs_you" title="Not saved"><span role="alert"><${Name}>${told}<//></span><//>`}
      <p role="status">${saved}</p>
      <form onSubmit=${sent}>
        <label for="name">Name</label>
        <input id="name" name="name" type="text" dir="auto" defaultValue=${tenant.name} maxlength=${NAME_CHARACTERS_MAX} required />
        <fieldset><legend>Content types</legend>
          <p class="muted">A type that you take away is stopped at Microsoft: what happens meanwhile never becomes available.</p>
          ${CONTENT_TYPES.map((type) => html`<label class="check" key=${type}><input type="checkbox" name="type" value=${type} defaultChecked=${types.includes(type)} />${type}</label>`)}
        </fieldset>
        <div class="buttons"><button type="submit" class="primary" disabled=${patch.busy}>${patch.busy ? "Saving …" : "Save"}</button></div>
      </form>
      <section>
        <h2>${paused ? "Go on" : "Pause"}</h2>
        <p>${paused ? "Content that was announced meanwhile is fetched, as long as Microsoft keeps it (seven days)." : "A paused tenant's content is not fetched. Its subscriptions go on, and what is older than seven days when you go on is lost."}</p>
        <div class="buttons"><button type="button" disabled=${patch.busy} onClick=${() => patch.run({ paused: !paused }, paused ? "It goes on." : "It is paused.")}>${paused ? "Go on with this tenant" : "Pause this tenant"}</button></div>
      </section>
      <section>
        <h2>Remove</h2>
        <p>Its subscriptions are stopped, and it is no longer shown. What is in the lake stays there.</p>
        <div class="buttons"><button type="button" class="danger" onClick=${() => leave(true)}>Remove this tenant</button></div>
      </section>
      ${leaving && html`<${Remove} tenant=${tenant} path=${path} onClose=${() => leave(false)} />`}
    </div>`;
}

function Remove({ tenant, path, onClose }) {
  const { run, busy, error } = useAction(async () => {
    await change("DELETE", path);
    go("#/");
  });
  return html`
    <${Dialog} title="Remove this tenant?" submit="Remove" danger busy=${busy} error=${error?.message} onClose=${onClose} onSubmit=${run}>
      <p><strong><${Name}>${tenant.name}<//></strong> <span class="id">${tenant.tenant_id}</span></p>
      <p>Microsoft stops its subscriptions. What happens afterwards never becomes available, even if you add the tenant again. What is in the lake stays.</p>
    <//>`;
}
