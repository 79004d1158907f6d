// Exceptions: findings that somebody has decided not to want, for a reason and until a day.
import { change } from "../../parts/api.js";
import { html, useEffect, useState } from "../../parts/html.js";
import { CALM_MS, useLive, useNow } from "../../parts/live.js";
import { address } from "../../parts/route.js";
import { Dialog, Failure, Loading, Name, Note, Time, useAction } from "../../parts/ui.js";
import { count, date, plural } from "../../parts/words.js";

export function ExceptionsPage({ me }) {
  const now = useNow();
  const { data, error, refresh } = useLive("/v1/exceptions", CALM_MS);
  const [removing, remove] = useState(null);
  useEffect(() => {
    document.title = "Exceptions – ualstream";
  }, []);
  const all = [...(data?.exceptions ?? [])].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  const live = all.filter((of) => Date.parse(of.until) > now);
  const done = () => {
    remove(null);
    refresh();
  };
  const names = ["For", "Reason", "Author", "Until", "Used", ...(me.scope === "admin" ? [""] : [])];
  return html`
    <div>
      <h1>${data ? (live.length > 0 ? `${plural(live.length, "exception is", "exceptions are")} in force.` : "No exception is in force.") : "Exceptions"}</h1>
      <p class="muted">What an exception is for is not found. Exceptions are made on the page of a <a href=${address(["findings"])}>finding</a>; a change is at work within 5 minutes.</p>
      ${error && html`<${Failure} error=${error} what="The exceptions could not be read." retry=${refresh} />`}
      ${!data && !error && html`<${Loading} what="the exceptions" />`}
      ${data && all.length === 0 && html`<${Note} title="There are no exceptions.">Every finding of every rule is made. If one is not wanted, open it and choose “Exception from here”.<//>`}
      ${data && all.length > 0 && html`
        <table class="exceptions stack" role="table" aria-label="Exceptions">
          <thead role="rowgroup"><tr role="row">${names.map((name) => html`<th role="columnheader" scope="col" key=${name}>${name || html`<span class="hidden">Actions</span>`}</th>`)}</tr></thead>
          <tbody role="rowgroup">${all.map((of) => html`<${Row} key=${of.exception_id} of=${of} now=${now} isAdmin=${me.scope === "admin"} onRemove=${() => remove(of)} />`)}</tbody>
        </table>`}
      ${removing && html`<${Remove} of=${removing} onClose=${() => remove(null)} onDone=${done} />`}
    </div>`;
}

function Row({ of, now, isAdmin, onRemove }) {
  const isOver = Date.parse(of.until) <= now;
  return html`
    <tr role="row">
      <td role="cell" class="whole"><${For} of=${of} /></td>
      <td role="cell" data-label="Reason"><${Name}>${of.reason}<//></td>
      <td role="cell" data-label="Author"><${Name}>${of.author}<//>${of.created_at && html`<span class="muted small since"><${Time} at=${of.created_at} now=${now} still /></span>`}</td>
      <td role="cell" class="nowrap" data-label="Until">${isOver ? html`<strong>Over</strong> since ${date(of.until)}` : date(of.until)}<span class="muted small since"><${Time} at=${of.until} now=${now} still /></span></td>
      <td role="cell" class="nowrap" data-label="Used">${of.used > 0 ? html`${count(of.used)} ${of.used === 1 ? "time" : "times"}<span class="muted small since">last <${Time} at=${of.last_used_at} now=${now} still /></span>` : html`<span class="muted">never</span>`}</td>
      ${isAdmin && html`<td role="cell" class="nowrap whole"><button type="button" class="quiet" onClick=${onRemove}>Remove</button></td>`}
    </tr>`;
}

// What an exception names, each in a line.
function For({ of }) {
  const lines = [
    ["Rule", of.rule_id && (of.rule_title ?? of.rule_id), of.rule_id && address(["findings"], { rule: of.rule_id })],
    ["User", of.user],
    ["Address", of.address],
    ["Application", of.application],
    ["Tenant", of.tenant_id && (of.tenant_name ?? of.tenant_id), of.tenant_id && address(["tenants", of.tenant_id, "findings"])],
  ];
  return lines.filter(([, value]) => value).map(([word, value, href]) => html`<div key=${word}><span class="muted">${word}</span> ${href ? html`<a href=${href}><${Name}>${value}<//></a>` : html`<${Name}>${value}<//>`}</div>`);
}

function Remove({ of, onClose, onDone }) {
  const { run, busy, error } = useAction(async () => {
    await change("DELETE", `/v1/exceptions/${encodeURIComponent(of.exception_id)}`);
    onDone();
  });
  return html`
    <${Dialog} title="Remove this exception?" submit="Remove" danger busy=${busy} error=${error?.message} onClose=${onClose} onSubmit=${run}>
      <div class="said"><${For} of=${of} /></div>
      <p>Within 5 minutes what it left out is found again. Findings that were left out until then do not come back by themselves.</p>
    <//>`;
}
