// What supports the sentence: subscriptions, seven days hour by hour, the doctor's findings, losses.
import { change, get } from "../parts/api.js";
import { Bar, Week, weekSpan } from "../parts/charts.js";
import { Fragment, html, useEffect, useRef, useState } from "../parts/html.js";
import { CALM_MS, SELDOM_MS, useLive } from "../parts/live.js";
import { address } from "../parts/route.js";
import { Away, Copy, Dialog, Failure, Icon, Loading, Name, Note, State, Time, Until, useAction } from "../parts/ui.js";
import { count, duration, plural, rfc3339, sentenceCase, slowest } from "../parts/words.js";

const HOUR_MS = 3_600_000;

export function Status({ tenant, me, now, onChecked }) {
  const path = `/v1/tenants/${tenant.tenant_id}`;
  const check = useLive(`${path}/check`, SELDOM_MS);
  useEffect(() => onChecked(check.data ?? null), [check.data]);
  return html`
    <div>
      <${Backfill} path=${path} />
      <${Findings} check=${check} now=${now} only="trouble" />
      <${Subscriptions} tenant=${tenant} check=${check.data} now=${now} />
      <${SevenDays} tenant=${tenant} path=${path} now=${now} />
      <${Open} tenant=${tenant} now=${now} />
      <${Losses} tenant=${tenant} path=${path} me=${me} now=${now} />
      <${Findings} check=${check} now=${now} only="rest" />
    </div>`;
}

// "hour 96 of 168, about 3 minutes left", as long as it lasts.
function Backfill({ path }) {
  const { data } = useLive(`${path}/backfill`, CALM_MS);
  const seen = useRef([]);
  if (!data || data.hours_done >= data.hours) return null;
  const [hour, hours] = slowest(data);
  const pace = seen.current;
  if (pace.at(-1)?.done !== data.hours_done) pace.push({ at: Date.now(), done: data.hours_done });
  const [first, last] = [pace[0], pace.at(-1)];
  const speed = (last.done - first.done) / (last.at - first.at || 1);
  const left = speed > 0 ? (data.hours - data.hours_done) / speed / 1000 : null;
  return html`
    <section class="first" aria-labelledby="backfill-title">
      <h2 id="backfill-title">First listing</h2>
      <${Bar} done=${data.hours_done} of=${data.hours} label="Hours listed" />
      <p>Hour ${count(hour)} of ${count(hours)}${left === null ? "" : `, about ${duration(left)} left`}. <span class="muted">What Microsoft still has of the last seven days is listed hour by hour, for ${plural(data.content_types.length, "content type")}.</span></p>
    </section>`;
}

const STATUS_STATE = { enabled: "complete", pending: "waiting", disabled: "needs_you" };
const HOOK = {
  enabled: ["complete", "Enabled"],
  disabled: ["needs_you", "Disabled by Microsoft"],
  expired: ["needs_you", "Expired"],
  none: ["off", "None: the sweep delivers"],
};

function Subscriptions({ tenant, check, now }) {
  // Measured over all content types together, so it stands above the table.
  const lag = lagWords((check?.checks ?? []).find(({ id }) => id === "lag")?.facts);
  return html`
    <section aria-labelledby="subscriptions-title">
      <div class="tools"><h2 id="subscriptions-title">Office 365 Subscriptions</h2>${lag && html`<span class="muted">Lag: ${lag}</span>`}</div>
      ${tenant.subscriptions.length === 0 && html`<${Note}>No content type is subscribed. Choose some in the settings.<//>`}
      ${tenant.subscriptions.length > 0 && html`
      <table class="stack" role="table" aria-labelledby="subscriptions-title">
        <thead role="rowgroup"><tr role="row">${["Subscription", "Webhook", "Last notification", "Last content", "Listed until", "Next"].map((name) => html`<th role="columnheader" scope="col" key=${name}>${name}</th>`)}</tr></thead>
        <tbody role="rowgroup">${tenant.subscriptions.map((of) => html`<${Subscription} key=${of.content_type} of=${of} now=${now} />`)}</tbody>
      </table>`}
    </section>`;
}

function Subscription({ of, now }) {
  const [hook, word] = HOOK[of.webhook] ?? ["waiting", of.webhook];
  return html`
    <tr role="row">
      <td role="cell" class="whole"><${State} of=${STATUS_STATE[of.status] ?? "waiting"} word=${`${of.content_type} ${of.status}`} /></td>
      <td role="cell" data-label="Webhook"><${State} of=${hook} word=${word} /></td>
      <td role="cell" data-label="Last notification"><${Time} at=${of.last_notification_at} now=${now} still none="none yet" /></td>
      <td role="cell" data-label="Last content"><${Time} at=${of.last_content_at} now=${now} still none="none yet" /></td>
      <td role="cell" data-label="Listed until"><${Until} at=${of.listed_until} now=${now} /></td>
      <td role="cell" data-label="Next">${next(of)}</td>
    </tr>`;
}

// "Microsoft 4 min + us 2 s".
function lagWords(facts) {
  const { until_heard_seconds: theirs, until_delivered_seconds: ours } = facts ?? {};
  return theirs == null || ours == null ? null : `Microsoft ${duration(theirs)} + us ${duration(ours)}`;
}

function next(of) {
  if (of.last_error) return html`<span class="name"><${Name}>${of.last_error}<//></span>`;
  if (of.status === "pending") return "Started by us within minutes";
  if (of.status === "disabled") return "Started again by us within minutes";
  if (of.webhook === "disabled" || of.webhook === "expired") return "The webhook is set again by us; the sweep delivers meanwhile";
  return html`<span class="muted">Nothing to do</span>`;
}

function SevenDays({ tenant, path, now }) {
  const hour = Math.floor(now / HOUR_MS);
  const span = weekSpan(hour * HOUR_MS);
  const certificate = useLive(`${path}/certificate?${span}`, SELDOM_MS);
  const volume = useLive((signal) => get(`${path}/volume?${span}`, signal), SELDOM_MS, `${path}/volume?${span}`);
  const eventsAt = (start) => address(["tenants", tenant.tenant_id, "timeline"], { from: rfc3339(start), to: rfc3339(start + HOUR_MS) });
  return html`
    <section aria-labelledby="week-title">
      <h2 id="week-title">Seven days, hour by hour</h2>
      ${certificate.error && html`<${Failure} error=${certificate.error} what="The hours could not be read." retry=${certificate.refresh} />`}
      ${!certificate.data && !certificate.error && html`<${Loading} what="168 hours of each content type" />`}
      ${certificate.data && html`<${Week} hours=${certificate.data.hours} volume=${volume.data?.hours ?? []} now=${hour * HOUR_MS} eventsAt=${eventsAt} />`}
    </section>`;
}

function Open({ tenant, now }) {
  const { count: number, and_more: more, oldest } = tenant.open_blobs ?? { count: 0 };
  if (!number) return null;
  return html`
    <section aria-labelledby="open-title">
      <h2 id="open-title">Under way</h2>
      <p>${count(number)}${more ? " or more" : ""} ${number === 1 ? "blob is" : "blobs are"} not finished.${oldest ? html` The oldest is of ${oldest.content_type} and became available <${Time} at=${oldest.content_created} now=${now} />; tried ${plural(oldest.attempts, "time")}, next <${Time} at=${oldest.due_at} now=${now} />.` : ""}</p>
      ${oldest?.cause && html`<p class="muted">Why its last attempt failed: <${Name}>${oldest.cause}<//></p>`}
    </section>`;
}

const RESULTS = { failed: "needs_you", warning: "needs_you", unknown: "waiting", skipped: "off", ok: "complete" };
const RESULT_WORDS = { failed: "Failed", warning: "Look at it", unknown: "Not known", skipped: "Not checked", ok: "Good" };
const HARM = { failed: 0, warning: 1, unknown: 2, skipped: 3, ok: 4 };

// The doctor: what harms first. The rest stands at the foot of the page, for whoever wants to know what was looked at.
function Findings({ check, now, only }) {
  const { data, error, refresh } = check;
  const [looking, look] = useState(false);
  if (only === "trouble" && !data) return error ? html`<section class="first"><${Failure} error=${error} what="The tenant could not be checked." retry=${refresh} /></section>` : null;
  if (!data) return error ? null : html`<section><h2>Checks</h2><${Loading} what="what the doctor finds: this asks Microsoft and takes some seconds" /></section>`;
  const isTrouble = ({ result }) => result === "failed" || result === "warning";
  const found = data.checks.filter((one) => isTrouble(one) === (only === "trouble"));
  found.sort((a, b) => HARM[a.result] - HARM[b.result]);
  const again = async () => {
    look(true);
    await refresh();
    look(false);
  };
  if (only === "trouble") {
    if (found.length === 0) return null;
    return html`
      <section class="first" aria-labelledby="findings-title">
        <h2 id="findings-title">What is wrong, and what to do</h2>
        <ul class="findings">${found.map((one) => html`<${Finding} key=${one.id + one.content_type} one=${one} now=${now} />`)}</ul>
      </section>`;
  }
  const good = found.filter(({ result }) => result === "ok").length;
  return html`
    <section aria-labelledby="checks-title">
      <div class="tools"><h2 id="checks-title">Checks</h2><span class="muted">made <${Time} at=${data.as_of} now=${now} /></span><button type="button" onClick=${again} disabled=${looking}>${looking ? "Checking …" : "Check again"}</button></div>
      <p>${data.sentence}</p>
      <details><summary>${plural(good, "check")} passed${found.length > good ? `, ${count(found.length - good)} could not be made` : ""}</summary>
        <ul class="findings">${found.map((one) => html`<${Finding} key=${one.id + one.content_type} one=${one} now=${now} />`)}</ul>
      </details>
    </section>`;
}

function Finding({ one, now }) {
  const facts = Object.entries(one.facts ?? {}).filter(([, value]) => value !== null && typeof value !== "object");
  const isBad = one.result === "failed" || one.result === "warning";
  return html`
    <li>
      <${Icon} of=${one.result === "failed" ? "failed" : RESULTS[one.result] ?? "waiting"} />
      <div>
        <strong>${one.title}${one.content_type ? ` ${one.content_type}` : ""}</strong> <span class="muted">${RESULT_WORDS[one.result] ?? one.result}</span>${one.since && html` <span class="muted">since <${Time} at=${one.since} now=${now} /></span>`}
        <p><${Name}>${one.meaning}<//></p>
        ${one.remedy && html`<p><${Fragment}><span class="muted">What to do: </span><${Name}>${one.remedy}<//><//></p>`}
        ${(one.link || (isBad && one.remedy)) && html`<div class="buttons">${one.link && html`<${Away} href=${one.link}>Open the page for it<//>`}${isBad && one.remedy && html`<${Copy} text=${one.remedy} label="Copy what to do" />`}</div>`}
        ${facts.length > 0 && html`<details><summary class="muted">Facts</summary><dl class="pairs">${facts.map(([name, value]) => html`<${Fragment} key=${name}><dt>${name.replaceAll("_", " ")}</dt><dd><${Name}>${String(value)}<//></dd><//>`)}</dl></details>`}
      </div>
    </li>`;
}

const KINDS = {
  lost: "Lost: it could not be fetched before it expired",
  quarantined: "Quarantined: it came, but could not be read",
  poison: "Quarantined: workers died at it",
  gap: "Not listed while Microsoft listed it",
};

function Losses({ tenant, path, me, now }) {
  const { data, error, refresh } = useLive(`${path}/losses?limit=100`, SELDOM_MS, `${path}/losses ${tenant.losses?.open} ${tenant.losses?.last?.id}`);
  const [open, setOpen] = useState(null);
  if (error) return html`<section><h2>Losses</h2><${Failure} error=${error} what="The losses could not be read." retry=${refresh} /></section>`;
  if (!data) return null;
  const { losses } = data;
  return html`
    <section aria-labelledby="losses-title">
      <h2 id="losses-title">Losses</h2>
      ${losses.length === 0 && html`<p class="muted">Nothing was lost.</p>`}
      ${losses.length > 0 && html`
        <ul class="findings">${losses.map((loss) => html`
          <li key=${loss.id}>
            <${Icon} of=${loss.acknowledged_at || loss.recovered_at ? "off" : "lost"} />
            <div>
              <strong>${KINDS[loss.kind] ?? loss.kind}</strong> <span class="muted">${loss.content_type}, written down <${Time} at=${loss.recorded_at} now=${now} /></span>
              <p>${loss.kind === "gap" ? html`From <${Until} at=${loss.from} now=${now} /> to <${Until} at=${loss.to} now=${now} />. ` : html`Became available <${Time} at=${loss.from} now=${now} />. `}<${Name}>${sentenceCase(loss.reason)}<//></p>
              ${loss.content_id && html`<p class="id"><${Name}>${loss.content_id}<//></p>`}
              ${loss.recovered_at && html`<p>It was delivered after all, <${Time} at=${loss.recovered_at} now=${now} />.</p>`}
              ${loss.acknowledged_at ? html`<p class="muted">Acknowledged <${Time} at=${loss.acknowledged_at} now=${now} />: <${Name}>${loss.note}<//></p>` : me.scope === "admin" && html`<div class="buttons"><button type="button" onClick=${() => setOpen(loss)}>Acknowledge</button></div>`}
            </div>
          </li>`)}</ul>`}
      ${data.next_cursor && html`<p class="muted">The newest ${losses.length} are shown. <code>ualstream losses ${tenant.tenant_id}</code> lists all.</p>`}
      ${open && html`<${Acknowledge} loss=${open} path=${path} onClose=${() => setOpen(null)} onDone=${() => { setOpen(null); refresh(); }} />`}
    </section>`;
}

function Acknowledge({ loss, path, onClose, onDone }) {
  const { run, busy, error } = useAction(async (form) => {
    await change("POST", `${path}/losses/${encodeURIComponent(loss.id)}/acknowledge`, { note: form.get("note").trim() });
    onDone();
  });
  return html`
    <${Dialog} title="Acknowledge this loss" submit="Acknowledge" busy=${busy} error=${error?.message} onClose=${onClose} onSubmit=${run}>
      <p>It stays on the list, with your note. It is no longer counted as open.</p>
      <label for="note">Note: who looked at it, what was found</label>
      <textarea id="note" name="note" rows="3" maxlength="300" required></textarea>
    <//>`;
}
