// A tenant: in one sentence how it is, and behind the tabs why.
import { change } from "../parts/api.js";
import { html, useEffect, useState } from "../parts/html.js";
import { SOON_MS, useLive, useNow } from "../parts/live.js";
import { address } from "../parts/route.js";
import { Announce, Copy, Failure, Icon, Loading, Name, Note, Time, useAction } from "../parts/ui.js";
import { AuditLog } from "./audit_log.js";
import { TenantFindings } from "./findings/list.js";
import { Settings } from "./settings.js";
import { Status } from "./status.js";
import { Timeline } from "./timeline.js";

const TABS = [["", "Status"], ["timeline", "Timeline"], ["findings", "Findings"], ["settings", "Settings"], ["audit-log", "Audit log"]];

export function Tenant({ route, me }) {
  const [, id, tab = ""] = route.parts;
  const path = `/v1/tenants/${encodeURIComponent(id)}`;
  const now = useNow();
  const { data: tenant, error, refresh } = useLive(path, SOON_MS);
  const [report, onChecked] = useState(null);
  useEffect(() => {
    if (tenant) document.title = `${tenant.name} – ualstream`;
  }, [tenant?.name]);

  if (!tenant) {
    if (!error) return html`<${Crumbs} /><${Loading} page what="the tenant" />`;
    if (error.status === 404) return html`<${Crumbs} /><h1>This tenant is not registered, or your key does not see it.</h1><p>Its ID is <code>${id}</code>.</p>${me.scope === "admin" && html`<p><a class="button" href=${address(["add"], { tenant: id })}>Add it</a></p>`}`;
    return html`<${Crumbs} /><h1>The tenant could not be read.</h1><${Failure} error=${error} what="ualstream answered with an error." retry=${refresh} />`;
  }
  const standing = worse(tenant.standing ?? { state: "waiting", sentence: "Nothing is known of this tenant yet." }, report?.tenant_id === id ? report : null);
  const View = { "": Status, timeline: Timeline, findings: TenantFindings, settings: Settings, "audit-log": AuditLog }[tab];
  return html`
    <div>
      <${Crumbs} tenant=${tenant} />
      <h1 class="sentence"><${Icon} of=${standing.state} /><span><${Name}>${standing.sentence}<//></span></h1>
      <${Announce} text=${standing.sentence} />
      <ul class="facts">
        <li><span class="id">${tenant.tenant_id}</span> <${Copy} text=${tenant.tenant_id} what="tenant ID" /></li>
        <li>Cloud ${tenant.cloud}</li>
        <li>Registered <${Time} at=${tenant.created_at} now=${now} /></li>
        ${tenant.state === "paused" && html`<li><strong>Paused</strong>: content is announced and listed, but not fetched</li>`}
        ${tenant.state === "leaving" && html`<li><strong>Being removed</strong></li>`}
      </ul>
      <${Help} tenant=${tenant} standing=${standing} me=${me} now=${now} onDone=${refresh} />
      <nav class="tabs" aria-label="Tenant">
        ${TABS.filter(([of]) => of !== "settings" || me.scope === "admin").filter(([of]) => of !== "audit-log" || me.scope === "admin").map(([of, name]) => html`<a key=${of} href=${address(["tenants", id, ...(of ? [of] : [])])} aria-current=${tab === of ? "page" : undefined}>${name}</a>`)}
      </nav>
      ${View ? html`<${View} key=${`${id}/${tab}`} tenant=${tenant} route=${route} me=${me} now=${now} refresh=${refresh} onChecked=${onChecked} />` : html`<p>There is no such tab. <a href=${address(["tenants", id])}>Go to the status</a>.</p>`}
    </div>`;
}

// The ledger learns at the next sweep what the doctor has just seen. Until then the sentence is the doctor's.
function worse(standing, report) {
  const isCalm = standing.state !== "needs_you" && standing.state !== "lost";
  return isCalm && report?.verdict === "broken" ? { state: "needs_you", sentence: report.sentence, next_action: "What to do stands with the finding below" } : standing;
}

const Crumbs = ({ tenant }) => html`<p class="crumbs"><a href="#/">All tenants</a>${tenant && html`<span class="muted" aria-hidden="true">/</span><strong><${Name}>${tenant.name}<//></strong>`}</p>`;

// Since when, what goes on by itself, and what a person can do.
function Help({ tenant, standing, me, now, onDone }) {
  const retry = useAction(async () => {
    await change("POST", "/v1/tenants", { tenant_id: tenant.tenant_id });
    onDone();
  });
  const { brake } = tenant;
  if (!brake && standing.state !== "needs_you" && standing.state !== "lost") return null;
  const problem = retry.error;
  const link = problem?.body?.consent_url;
  return html`
    <${Note} tone=${standing.state === "lost" ? "lost" : "needs_you"} title=${html`<${Name}>${standing.next_action ?? "What we do meanwhile"}<//>`} action=${me.scope === "admin" && brake && html`<div class="buttons">${brake.reason === "consent" && html`<a class="button" href=${address(["add"], { door: "link", name: tenant.name, cloud: tenant.cloud })}>Make a consent link</a>`}<button type="button" disabled=${retry.busy} onClick=${retry.run}>${retry.busy ? "Trying …" : "Try again now"}</button></div>`}>
      ${brake && html`<p>Since <${Time} at=${brake.since} now=${now} />. We try again by ourselves <${Time} at=${brake.next_probe_at} now=${now} />; nothing is lost meanwhile, as long as Microsoft keeps it (seven days).</p><p class="muted"><${Name}>${brake.text}<//></p>`}
      ${standing.since && !brake && html`<p>Since <${Time} at=${standing.since} now=${now} />.</p>`}
      ${problem && html`<p class="error" role="alert"><${Name}>${problem.message}<//></p>`}
      ${link && html`<div class="secret"><code>${link}</code><${Copy} text=${link} what="consent link" /></div>`}
    <//>`;
}
