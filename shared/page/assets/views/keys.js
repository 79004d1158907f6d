// The keys of the API: who may, since when, last used. A key is shown once, when it is made.
import { change } from "../parts/api.js";
import { html, useState } from "../parts/html.js";
import { CALM_MS, useLive, useNow } from "../parts/live.js";
import { Copy, Dialog, Failure, Loading, Name, Note, Time, useAction } from "../parts/ui.js";
import { plural } from "../parts/words.js";

const NAME_CHARACTERS_MAX = 100;

const SCOPES = { read: "May read", admin: "May change everything" };

export function Keys({ me }) {
  const now = useNow();
  const { data, error, refresh } = useLive("/v1/keys", CALM_MS);
  const [open, setOpen] = useState(null);
  const [made, setMade] = useState(null);
  const done = (key) => {
    setOpen(null);
    if (key?.key) setMade(key);
    refresh();
  };
  document.title = "Keys – ualstream";
  const live = data?.keys.filter((key) => !key.revoked_at) ?? [];
  const gone = data?.keys.filter((key) => key.revoked_at) ?? [];
  return html`
    <div>
      <h1>${data ? `${plural(live.length, "key")} can use this installation.` : "Keys"}</h1>
      ${made && html`<${Note} tone="complete" title="Copy the key now: it is shown this once." action=${html`<button type="button" onClick=${() => setMade(null)}>I have it</button>`}>
        <p>It is the key <strong><${Name}>${made.name}<//></strong>.</p>
        <div class="secret"><code>${made.key}</code><${Copy} text=${made.key} what="key" /></div>
      <//>`}
      ${error && html`<${Failure} error=${error} what="The keys could not be read." retry=${refresh} />`}
      ${!data && !error && html`<${Loading} what="the keys" />`}
      ${data && html`
        <div class="buttons"><button type="button" class="primary" onClick=${() => setOpen({ kind: "create" })}>Make a key</button></div>
        <table class="stack" role="table" aria-label="Keys in force">
          <thead role="rowgroup"><tr role="row">${["Name", "Scope", "Tenants", "Made", "Last used", ""].map((name) => html`<th role="columnheader" scope="col" key=${name}>${name || html`<span class="hidden">Actions</span>`}</th>`)}</tr></thead>
          <tbody role="rowgroup">${live.map((key) => html`
            <tr role="row" key=${key.key_id}>
              <td role="cell" class="whole"><strong><${Name}>${key.name}<//></strong>${key.key_id === me.key_id ? html` <span class="muted">yours</span>` : ""} <span class="id">${key.key_id}</span></td>
              <td role="cell" data-label="Scope">${SCOPES[key.scope] ?? key.scope}</td>
              <td role="cell" data-label="Tenants">${key.tenants ? html`<span title=${key.tenants.join("\n")}>${plural(key.tenants.length, "tenant")}</span>` : "All"}</td>
              <td role="cell" data-label="Made"><${Time} at=${key.created_at} now=${now} still none="with the stack" />${key.created_by ? html` <span class="muted">by <${Name}>${key.created_by.name ?? key.created_by}<//></span>` : ""}</td>
              <td role="cell" data-label="Last used"><${Time} at=${key.last_used_at} now=${now} still /></td>
              <td role="cell" class="nowrap whole">${key.key_id === "root" ? html`<span class="muted">Made with the installation</span>` : html`<button type="button" class="quiet" onClick=${() => setOpen({ kind: "rotate", key })}>Rotate</button> <button type="button" class="quiet" onClick=${() => setOpen({ kind: "revoke", key })}>Revoke</button>`}</td>
            </tr>`)}</tbody>
        </table>
        ${gone.length > 0 && html`<details class="after"><summary>${plural(gone.length, "revoked key")}</summary><ul class="findings">${gone.map((key) => html`<li key=${key.key_id}><span></span><div><${Name}>${key.name}<//> <span class="id">${key.key_id}</span> <span class="muted">revoked <${Time} at=${key.revoked_at} now=${now} />, last used <${Time} at=${key.last_used_at} now=${now} /></span></div></li>`)}</ul></details>`}`}
      ${open?.kind === "create" && html`<${Create} onClose=${() => setOpen(null)} onDone=${done} />`}
      ${open && open.kind !== "create" && html`<${Change} kind=${open.kind} of=${open.key} isOwn=${open.key.key_id === me.key_id} onClose=${() => setOpen(null)} onDone=${done} />`}
    </div>`;
}

function Create({ onClose, onDone }) {
  const [some, setSome] = useState(false);
  const { run, busy, error } = useAction(async (form) => {
    const body = { name: form.get("name").trim(), scope: form.get("scope") };
    if (form.get("which") === "some") body.tenants = form.get("tenants").split(/[\s,;]+/).filter(Boolean);
    onDone(await change("POST", "/v1/keys", body));
  });
  return html`
    <${Dialog} title="Make a key" submit="Make the key" busy=${busy} error=${error?.message} onClose=${onClose} onSubmit=${run}>
      <label for="key-name">Name: who or what uses it</label>
      <input id="key-name" name="name" type="text" maxlength=${NAME_CHARACTERS_MAX} required autocomplete="off" />
      <fieldset><legend>What it may</legend>
        ${Object.entries(SCOPES).map(([scope, words]) => html`<label class="check" key=${scope}><input type="radio" name="scope" value=${scope} defaultChecked=${scope === "read"} />${words}</label>`)}
      </fieldset>
      <fieldset><legend>Which tenants</legend>
        <label class="check"><input type="radio" name="which" value="all" defaultChecked onChange=${() => setSome(false)} />All, also those that come</label>
        <label class="check"><input type="radio" name="which" value="some" onChange=${() => setSome(true)} />Only these</label>
        ${some && html`<textarea name="tenants" rows="3" required aria-label="Tenant IDs, one a line" placeholder="Tenant IDs, one a line"></textarea>`}
      </fieldset>
    <//>`;
}

function Change({ kind, of, isOwn, onClose, onDone }) {
  const path = `/v1/keys/${encodeURIComponent(of.key_id)}`;
  const isRevoke = kind === "revoke";
  const { run, busy, error } = useAction(async () => onDone(isRevoke ? await change("DELETE", path) : await change("POST", `${path}/rotate`)));
  return html`
    <${Dialog} title=${isRevoke ? "Revoke this key?" : "Rotate this key?"} submit=${isRevoke ? "Revoke" : "Rotate"} danger busy=${busy} error=${error?.message} onClose=${onClose} onSubmit=${run}>
      <p><strong><${Name}>${of.name}<//></strong> <span class="id">${of.key_id}</span></p>
      <p>${isRevoke ? "Whoever uses it is refused from now on. That cannot be undone." : "The key of now stops working, and you are shown a new one, once."}${isOwn ? " It is the key you are signed in with: you will have to sign in anew." : ""}</p>
    <//>`;
}
