// Who changed what, when, from where. Entries are only ever added.
import { get } from "../parts/api.js";
import { html, useState } from "../parts/html.js";
import { CALM_MS, useLive, useNow } from "../parts/live.js";
import { address } from "../parts/route.js";
import { Failure, Loading, Name, Note } from "../parts/ui.js";
import { clockInUtc, exact, upTo } from "../parts/words.js";

// Rows of a page, and pages kept up to date.
const PAGE = 50;
const PAGES_MAX = 10;

const ACTIONS = {
  "tenant.register": "registered a tenant",
  "tenant.change": "changed a tenant",
  "tenant.remove": "removed a tenant",
  "key.create": "made a key",
  "key.revoke": "revoked a key",
  "key.rotate": "rotated a key",
  "consent.create": "made a consent link",
  "loss.acknowledge": "acknowledged a loss",
  "finding.acknowledge": "acknowledged a finding",
  "finding.close": "closed a finding",
  "finding.reopen": "reopened a finding",
  "exception.create": "made an exception",
  "exception.remove": "removed an exception",
  "replay.begin": "began a replay",
  "replay.restart": "restarted a replay",
};

export function AuditLogPage() {
  document.title = "Audit log – ualstream";
  return html`<h1>What was changed, by whom</h1><${AuditLog} />`;
}

export function AuditLog({ tenant }) {
  const now = useNow();
  const [pages, setPages] = useState(1);
  const of = tenant?.tenant_id;
  const load = async (signal) => {
    const entries = [];
    let cursor = null;
    for (let page = 0; page < pages; page += 1) {
      const query = new URLSearchParams({ limit: PAGE });
      if (of) query.set("tenant_id", of);
      if (cursor) query.set("cursor", cursor);
      const answer = await get(`/v1/audit-log?${query}`, signal);
      entries.push(...answer.entries);
      cursor = answer.next_cursor;
      if (!cursor) break;
    }
    return { entries, more: cursor !== null };
  };
  const { data, error, refresh } = useLive(load, CALM_MS, `${of} ${pages}`);
  if (!data) return error ? html`<${Failure} error=${error} what="The audit log could not be read." retry=${refresh} />` : html`<${Loading} what="the audit log" />`;
  if (data.entries.length === 0) return html`<${Note}>Nothing was changed yet. Registrations, changes, keys, consent links, acknowledgements and exceptions are written down here.<//>`;
  return html`
    <div>
      <table class="stack" role="table" aria-label="Audit log, the newest first">
        <thead role="rowgroup"><tr role="row">${["When", "Who", "What", "On", "From"].map((name) => html`<th role="columnheader" scope="col" key=${name}>${name}</th>`)}</tr></thead>
        <tbody role="rowgroup">${data.entries.map((entry) => html`
          <tr role="row" key=${entry.id}>
            <td role="cell" class="nowrap" data-label="When"><time datetime=${entry.at} title=${exact(entry.at)}>${upTo(entry.at, now)} <span class="muted small">${clockInUtc(entry.at)} UTC</span></time></td>
            <td role="cell" data-label="Who"><${Name}>${entry.actor?.name || entry.actor?.key_id || "ualstream itself"}<//></td>
            <td role="cell" data-label="What">${ACTIONS[entry.action] ?? entry.action}${entry.detail && html` <span class="muted"><${Name}>${entry.detail}<//></span>`}</td>
            <td role="cell" data-label="On"><${On} entry=${entry} of=${of} /></td>
            <td role="cell" data-label="From"><${Name}>${entry.source_ip ?? "–"}<//></td>
          </tr>`)}</tbody>
      </table>
      ${data.more && pages < PAGES_MAX && html`<p class="after"><button type="button" onClick=${() => setPages(pages + 1)}>Show ${PAGE} more</button></p>`}
    </div>`;
}

// What was changed leads to its page, where there is one.
function On({ entry, of }) {
  const { action, tenant_id: tenant, target } = entry;
  const isFinding = tenant && action.startsWith("finding.");
  const href = isFinding ? address(["tenants", tenant, "findings", target]) : action === "exception.create" ? address(["exceptions"]) : tenant && !of ? address(["tenants", tenant]) : null;
  return href ? html`<a href=${href}><${Name}>${target}<//></a>` : html`<${Name}>${target}<//>`;
}
