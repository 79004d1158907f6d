// Add a tenant: two doors, and behind both the same live steps until its first event.
import { change } from "../parts/api.js";
import { html, useEffect, useState } from "../parts/html.js";
import { SOON_MS, useLive, useNow } from "../parts/live.js";
import { address, go } from "../parts/route.js";
import { Copy, Failure, Icon, Loading, Name, Note, Time, useAction } from "../parts/ui.js";
import { CLOUDS } from "../parts/words.js";
import { Steps } from "./steps.js";

const NAME_CHARACTERS_MAX = 100;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function Add({ route, me }) {
  useEffect(() => {
    document.title = "Add a tenant – ualstream";
  }, []);
  if (me.scope !== "admin") return html`<h1>Your key can only read.</h1><p>To add a tenant you need a key of an administrator.</p>`;
  const [, what, id] = route.parts;
  if (what === "consent" && id) return html`<${Consent} key=${id} id=${id} />`;
  if (what === "tenant" && id) return html`<${Steps} key=${id} id=${id} />`;
  return html`<${Doors} query=${route.query} />`;
}

function Doors({ query }) {
  return html`
    <div>
      <h1>Add a tenant: is there consent already?</h1>
      <div class="doors">
        <${ById} given=${query.get("tenant") ?? ""} />
        <${ByLink} name=${query.get("name") ?? ""} cloud=${query.get("cloud") ?? "enterprise"} />
      </div>
    </div>`;
}

const Cloud = ({ id, value }) => html`<label for=${id}>Cloud</label><select id=${id} name="cloud">${Object.entries(CLOUDS).map(([cloud, words]) => html`<option key=${cloud} value=${cloud} selected=${cloud === value}>${words}</option>`)}</select>`;

function ById({ given }) {
  const [wrong, setWrong] = useState("");
  const { run, busy, error } = useAction(async (body) => {
    const tenant = await change("POST", "/v1/tenants", body);
    go(address(["add", "tenant", tenant.tenant_id]));
  });
  const sent = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const id = form.get("tenant").trim().toLowerCase();
    if (!ID.test(id)) {
      setWrong("A tenant ID looks like 11111111-2222-4333-8444-555555555555. It is on the overview page of Microsoft Entra.");
      return;
    }
    setWrong("");
    const body = { tenant_id: id, cloud: form.get("cloud") };
    if (form.get("name").trim()) body.name = form.get("name").trim();
    run(body);
  };
  const link = error?.body?.consent_url;
  return html`
    <section aria-labelledby="by-id">
      <h2 id="by-id">I have consent already: paste the tenant ID</h2>
      <p class="muted">A Global Administrator of the tenant has accepted your application.</p>
      <form onSubmit=${sent} novalidate>
        <label for="tenant">Tenant ID</label>
        <input id="tenant" name="tenant" type="text" defaultValue=${given} maxlength="64" spellcheck="false" autocomplete="off" aria-invalid=${wrong ? "true" : undefined} aria-describedby=${wrong ? "tenant-error" : undefined} />
        ${wrong && html`<p class="error" id="tenant-error" role="alert">${wrong}</p>`}
        <label for="tenant-name">Name <span class="muted">(as you call it; its ID when empty)</span></label>
        <input id="tenant-name" name="name" type="text" dir="auto" maxlength=${NAME_CHARACTERS_MAX} autocomplete="off" />
        <${Cloud} id="tenant-cloud" value="enterprise" />
        <div class="buttons"><button type="submit" class="primary" disabled=${busy}>${busy ? "Asking Microsoft …" : "Add the tenant"}</button></div>
      </form>
      ${error && html`<${Note} tone="needs_you" title=${error.title}><div role="alert"><${Name}>${error.message}<//></div>${link && html`<div class="secret"><code>${link}</code><${Copy} text=${link} what="consent link" /></div>`}<//>`}
    </section>`;
}

function ByLink({ name, cloud }) {
  const { run, busy, error } = useAction(async (form) => {
    const body = { cloud: form.get("cloud") };
    if (form.get("name").trim()) body.name = form.get("name").trim();
    const consent = await change("POST", "/v1/consents", body);
    sessionStorage.setItem(`ualstream.consent.${consent.consent_id}`, consent.url);
    go(address(["add", "consent", consent.consent_id]));
  });
  const sent = (event) => {
    event.preventDefault();
    run(new FormData(event.currentTarget));
  };
  return html`
    <section aria-labelledby="by-link">
      <h2 id="by-link">Send a consent link</h2>
      <p class="muted">Open it yourself, or send it to a Global Administrator of the tenant. It is good for 15 minutes, once.</p>
      <form onSubmit=${sent}>
        <label for="link-name">Name <span class="muted">(as you call it)</span></label>
        <input id="link-name" name="name" type="text" dir="auto" defaultValue=${name} maxlength=${NAME_CHARACTERS_MAX} autocomplete="off" />
        <${Cloud} id="link-cloud" value=${cloud} />
        <div class="buttons"><button type="submit" class="primary" disabled=${busy}>${busy ? "Making the link …" : "Make a consent link"}</button></div>
      </form>
      ${error && html`<${Note} tone="needs_you" title=${error.title}><div role="alert"><${Name}>${error.message}<//></div><//>`}
    </section>`;
}

const CONSENT = {
  open: ["waiting", "The link waits for an administrator."],
  waiting: ["catching_up", "Consent was given. It takes some minutes until Microsoft issues the permissions."],
  registered: ["complete", "The tenant is registered."],
  refused: ["needs_you", "The administrator did not consent."],
  expired: ["needs_you", "The link has expired."],
  failed: ["failed", "The tenant could not be registered."],
};

// The link, until somebody has used it; then the steps.
function Consent({ id }) {
  const now = useNow(SOON_MS);
  const { data, error, refresh } = useLive(`/v1/consents/${encodeURIComponent(id)}`, SOON_MS);
  // The link is answered once, when it is made. It stays in this tab for as long as it is good.
  const link = sessionStorage.getItem(`ualstream.consent.${id}`);
  if (data?.state === "registered") return html`<${Steps} id=${data.tenant_id} />`;
  if (!data) return error ? html`<h1>This consent link is not known.</h1><${Failure} error=${error} what="Perhaps it is long over." retry=${refresh} /><p><a href=${address(["add"])}>Make a new one</a></p>` : html`<${Loading} page what="what became of the link" />`;
  const [state, words] = CONSENT[data.state] ?? ["waiting", data.state];
  const isOver = ["refused", "expired", "failed"].includes(data.state);
  return html`
    <div class="narrow-left">
      <h1 class="sentence"><${Icon} of=${state} /><span role="status">${words}</span></h1>
      ${data.text && html`<p><${Name}>${data.text}<//></p>`}
      ${data.state === "open" && link && html`
        <div class="secret"><code>${link}</code><${Copy} text=${link} what="consent link" /></div>
        <div class="buttons"><a class="button primary" href=${link} target="_blank" rel="noopener noreferrer">Open the link here</a></div>
        <p>A Global Administrator signs in there, reads what is asked for, and accepts. This page then goes on by itself.</p>`}
      ${data.state === "open" && !link && html`<p>The link itself is shown only in the tab that made it.</p>`}
      ${!isOver && html`<p class="muted">Made <${Time} at=${data.created_at} now=${now} />; ${data.state === "open" ? html`good until <${Time} at=${data.expires_at} now=${now} />.` : "it usually takes less than five minutes."}</p>`}
      ${isOver && html`<div class="buttons"><a class="button primary" href=${address(["add"], { door: "link" })}>Make a new link</a></div>`}
    </div>`;
}
