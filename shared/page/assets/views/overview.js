// All tenants: first whether somebody is needed, then the figures, then the list with the trouble on top.
import { get } from "../parts/api.js";
import { Sparkline } from "../parts/charts.js";
import { html, useEffect, useRef, useState } from "../parts/html.js";
import { CALM_MS, useLive, useNow } from "../parts/live.js";
import { address, replace } from "../parts/route.js";
import { useDrawn } from "../parts/rows.js";
import { Announce, Failure, Icon, Loading, Name, Note, Severity, State, Time, Until, useRowKeys } from "../parts/ui.js";
import { STATES, STATE_WORDS, ago, cause, clock, count, duration, plural, worstOf } from "../parts/words.js";

// The API's most for a page.
const PAGE = 100;

// Pages that are drawn and kept up to date. Whoever has more searches: nobody reads a thousand rows.
const PAGES_MAX = 10;

// A search begins when the typing pauses.
const TYPING_MS = 200;

const HOURS_DAY = 24;
const MINUTES_DAY = 1440;

export function Overview({ route, me }) {
  const now = useNow();
  const { data, error, refresh } = useLive("/v1/overview", CALM_MS);
  if (!data) return error ? html`<h1>The overview could not be read.</h1><${Failure} error=${error} what="ualstream answered with an error." retry=${refresh} />` : html`<${Loading} page what="the state of all tenants" />`;
  const text = withFindings(sentence(data), data);
  return html`
    <div>
      <h1 class="sentence"><${Icon} of=${text.state} /><span>${text.words}</span></h1>
      <${Announce} text=${text.words} />
      ${data.tenants.all === 0
        ? html`<${Empty} me=${me} />`
        : html`<${Figures} data=${data} now=${now} /><${Tenants} route=${route} me=${me} counts=${data.tenants} now=${now} />`}
    </div>`;
}

// Causes that end by themselves, or are told apart.
const NOBODY_NEEDED = ["throttled", "open_blobs", "losses"];

// The answer to "is all well?".
export function sentence({ tenants, causes, as_of, complete_until }) {
  const { all, complete, catching_up, waiting, needs_you, lost } = tenants;
  if (all === 0) return { state: "waiting", words: "No tenant is registered yet." };
  const reasons = (causes ?? []).filter(({ cause: name }) => !NOBODY_NEEDED.includes(name)).map(({ cause: name, tenants: of }) => `${cause(name)} (${count(of)})`).join(", ");
  if (needs_you > 0) {
    const losses = lost > 0 ? ` ${plural(lost, "more has", "more have")} losses to look at.` : "";
    return { state: "needs_you", words: `${plural(needs_you, "tenant needs", "tenants need")} you${reasons ? `: ${reasons}` : ""}.${losses}` };
  }
  if (lost > 0) return { state: "lost", words: `${plural(lost, "tenant has", "tenants have")} losses that nobody has acknowledged.` };
  if (catching_up > 0) {
    const others = complete > 0 ? ` ${all - catching_up === complete ? "All others are" : `${count(complete)} are`} complete.` : "";
    return { state: "catching_up", words: `${plural(catching_up, "tenant is", "tenants are")} catching up; nobody is needed.${others}` };
  }
  if (complete === 0 && waiting > 0) return { state: "waiting", words: `${plural(waiting, "tenant is", "tenants are")} waiting for the first content of Microsoft.` };
  const rest = waiting > 0 ? ` ${plural(waiting, "waits", "wait")} for the first content of Microsoft.` : "";
  const whole = complete === 1 ? "Your tenant is" : `All ${count(complete)} tenants are`;
  return { state: "complete", words: `${rest ? `${plural(complete, "tenant is", "tenants are")}` : whole} complete up to ${clock(complete_until ?? as_of)}.${rest}` };
}

// A critical finding is for whoever is on call, however well all else is.
function withFindings({ state, words }, data) {
  const [worst, number] = worstOf(data.findings_open_by_severity) ?? [];
  if (worst !== "Critical") return { state, words };
  const isCalm = state !== "needs_you" && state !== "lost";
  return { state: isCalm ? "needs_you" : state, words: `${words} ${plural(number, "critical finding is", "critical findings are")} open.` };
}

function Empty({ me }) {
  return html`<div class="empty">
    <p>A tenant is an organisation in Microsoft 365 whose audit records you collect. After you add one, its first events are here within minutes.</p>
    ${me.scope === "admin" ? html`<p><a class="button primary" href=${address(["add"])}>Add a tenant</a></p>` : html`<p>Your key can only read. Ask whoever gave it to you for a key of an administrator.</p>`}
  </div>`;
}

function Figures({ data, now }) {
  const perMinute = data.events_24h / MINUTES_DAY;
  const { open_blobs: open, losses_open: losses } = data;
  return html`
    <dl class="figures">
      <div><dt>Events per minute</dt><dd><span class="figure">${count(perMinute)}</span> <${Sparkline} numbers=${data.events_per_hour ?? []} label=${`Events in each of the last ${HOURS_DAY} hours, the newest at the right: ${(data.events_per_hour ?? []).map(count).join(", ")}`} /></dd><dd class="muted">${count(data.events_24h)} in 24 hours</dd></div>
      <div><dt>Lag</dt><dd><span class="figure">${duration(data.lag_p50_seconds)}</span></dd><dd class="muted">${data.lag_p99_seconds == null ? "nothing was delivered of late" : `half of all; 99 % within ${duration(data.lag_p99_seconds)}`}</dd></div>
      <div><dt>Open blobs</dt><dd><a class="figure" href=${address([], { state: "catching_up" })}>${count(open)}</a></dd><dd class="muted">${open > 0 && data.oldest_open_at ? html`the oldest since ${ago(data.oldest_open_at, now)}` : "nothing is under way"}</dd></div>
      <${FindingsOpen} data=${data} />
      <div><dt>Losses to acknowledge</dt><dd><a class=${`figure ${losses > 0 ? "is-lost" : ""}`} href=${address([], { state: "lost" })}>${count(losses)}</a></dd><dd class="muted">${losses > 0 ? "each with its reason, on the tenant's page" : "nothing was lost"}</dd></div>
    </dl>`;
}

// What rules found and nobody has closed, with the worst of it.
function FindingsOpen({ data }) {
  const { findings_open: open, findings_and_more: more } = data;
  const [worst, number] = worstOf(data.findings_open_by_severity) ?? [];
  const words = open == null ? "could not be counted" : worst ? html`<a href=${address(["findings"], { severity: worst.toLowerCase() })}>${count(number)} ${worst.toLowerCase()}</a>` : "nothing to look at";
  return html`<div><dt>Findings open</dt><dd><a class=${`figure ${worst === "Critical" || worst === "High" ? "is-lost" : ""}`} href=${address(["findings"])}>${count(open)}${more ? "+" : ""}</a></dd><dd class="muted">${words}</dd></div>`;
}

function Tenants({ route, me, counts, now }) {
  const state = route.query.get("state") ?? "";
  const search = route.query.get("search") ?? "";
  const [pages, setPages] = useState(1);
  const identity = JSON.stringify([state, search, pages]);
  const filter = JSON.stringify([state, search]);
  useEffect(() => setPages(1), [filter]);

  const load = async (signal) => {
    const rows = [];
    let cursor = null;
    for (let page = 0; page < pages; page += 1) {
      const query = new URLSearchParams({ limit: PAGE, sort: "trouble" });
      if (state) query.set("state", state);
      if (search) query.set("search", search);
      if (cursor) query.set("cursor", cursor);
      const answer = await get(`/v1/tenants?${query}`, signal);
      rows.push(...answer.tenants);
      cursor = answer.next_cursor;
      if (!cursor) break;
    }
    return { rows, more: cursor !== null };
  };
  const { data, error, refresh } = useLive(load, CALM_MS, identity);
  const last = useRef(null);
  if (data) last.current = { data, filter };
  // While more rows or other ones are read, those of before stay.
  const shown = data ?? last.current?.data;
  const table = useRef(null);
  const drawn = useDrawn((tenant) => tenant.tenant_id, shownOf, (tenant, clock) => html`<${Row} key=${tenant.tenant_id} tenant=${tenant} now=${clock} />`);
  const { rows, moved, sort } = useStill(shown?.rows, filter, table);
  useRowKeys("#search", ".tenants [data-row] a.open");

  return html`
    <section aria-labelledby="tenants-title">
      <div class="tools">
        <h2 id="tenants-title">Tenants</h2>
        <${Search} value=${search} onChange=${(text) => replace(address([], { search: text, state }))} />
        <${Chips} state=${state} search=${search} counts=${counts} />
        ${moved && html`<button type="button" onClick=${sort}>The order has changed. Sort again</button>`}
      </div>
      ${!shown && !error && html`<${Loading} what="the list of tenants" />`}
      ${shown && rows.length === 0 && html`<${Nothing} state=${state} search=${search} />`}
      ${rows.length > 0 && html`
        <table class="tenants stack" role="table" ref=${table} aria-busy=${data ? undefined : "true"}>
          <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Tenant</th><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Complete up to</th><th role="columnheader" scope="col">Events</th><th role="columnheader" scope="col">Findings open</th><th role="columnheader" scope="col">What is up, what to do</th></tr></thead>
          <tbody role="rowgroup">${drawn(rows, now)}</tbody>
        </table>`}
      ${error && html`<${Failure} error=${error} what="The list could not be brought up to date." retry=${refresh} />`}
      ${shown?.more && html`<p class="after">${pages < PAGES_MAX ? html`<button type="button" disabled=${!data} onClick=${() => setPages(pages + 1)}>${data ? `Show ${PAGE} more` : "Reading more …"}</button> <span class="muted">${count(rows.length)} are shown${state || search ? "" : ` of ${count(counts.all)}`}</span>` : html`<span class="muted">The first ${count(rows.length)} are shown. Search to find the others.</span>`}</p>`}
      <p class="muted keys">Keys: <kbd>/</kbd> search, <kbd>j</kbd> <kbd>k</kbd> down and up, <kbd>Enter</kbd> open${me.tenants ? ". Your key sees only some tenants." : ""}</p>
    </section>`;
}

// All that a row shows beside the time.
const shownOf = ({ name, error, complete_until, last_event_at, activity, findings, standing = {} }) => [
  name, error, complete_until, last_event_at, activity?.lag_p50_seconds, activity?.events_per_hour, findings?.open, findings?.worst,
  standing.state, standing.since, standing.sentence, standing.next_action,
];

// Keeps the order of rows while somebody reads them: a pointer above the table or the focus in it.
function useStill(rows, filter, table) {
  const held = useRef({ filter: null, ids: [] });
  const [, draw] = useState(0);
  if (!rows) return { rows: [], moved: false, sort: () => {} };
  const ids = rows.map((row) => row.tenant_id);
  const element = table.current;
  const isRead = element && (element.matches(":hover") || element.contains(document.activeElement) || element.getBoundingClientRect().top < 0);
  if (held.current.filter !== filter || !isRead) held.current = { filter, ids };
  const known = new Set(held.current.ids);
  const present = new Map(rows.map((row) => [row.tenant_id, row]));
  const order = [...held.current.ids.filter((id) => present.has(id)), ...ids.filter((id) => !known.has(id))];
  held.current.ids = order;
  const moved = order.some((id, at) => id !== ids[at]);
  const sort = () => {
    held.current = { filter, ids };
    draw((times) => times + 1);
  };
  return { rows: order.map((id) => present.get(id)), moved, sort };
}

// The last 24 hours, and when the last event came.
function Day({ tenant, now }) {
  const hours = tenant.activity?.events_per_hour ?? [];
  const all = hours.reduce((sum, events) => sum + events, 0);
  const last = html`<span class="muted small">${all > 0 ? "last " : ""}<${Time} at=${tenant.last_event_at} now=${now} still none="none yet" /></span>`;
  if (all === 0) return last;
  return html`<${Sparkline} numbers=${hours} label=${`${count(all)} events in 24 hours, at most ${count(Math.max(...hours))} in an hour`} />${last}`;
}

function Search({ value, onChange }) {
  const field = useRef(null);
  const timer = useRef(null);
  useEffect(() => {
    if (document.activeElement !== field.current) field.current.value = value;
  }, [value]);
  const typed = (event) => {
    const text = event.currentTarget.value.trim();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(text), TYPING_MS);
  };
  return html`<input id="search" type="search" ref=${field} defaultValue=${value} onInput=${typed} maxlength="100" placeholder="Name or tenant ID" aria-label="Search tenants by name or ID" aria-keyshortcuts="/" />`;
}

function Chips({ state, search, counts }) {
  const chip = (of, word, number) => html`<a key=${of} class=${`chip ${of ? `is-${of}` : ""}`} href=${address([], { search, state: of })} aria-current=${state === of ? "true" : undefined}>${of && html`<${Icon} of=${of} />`}${word} <span class="number">${count(number)}</span></a>`;
  return html`<nav class="chips" aria-label="Filter by state">${chip("", "All", counts.all)}${STATES.map((of) => chip(of, STATE_WORDS[of], counts[of] ?? 0))}</nav>`;
}

function Nothing({ state, search }) {
  const of = state ? ` in the state “${STATE_WORDS[state] ?? state}”` : "";
  return html`<${Note}>No tenant${of}${search ? html` has “<${Name}>${search}<//>” in its name or ID` : ""}. <a href="#/">Show all tenants</a><//>`;
}

// How many are open, and the worst.
function Found({ id, findings }) {
  if (!findings) return html`<span class="muted">–</span>`;
  if (findings.open === 0) return html`<span class="muted">none</span>`;
  return html`<a href=${address(["tenants", id, "findings"])} aria-label=${`${plural(findings.open, "finding")} open`}>${count(findings.open)}${findings.and_more ? "+" : ""}</a> ${findings.worst && html`<${Severity} id=${findings.worst_id} name=${findings.worst} />`}`;
}

function Row({ tenant, now }) {
  const { standing = {}, tenant_id: id } = tenant;
  if (tenant.error) {
    return html`<tr role="row" data-row><td role="cell"><a class="open" href=${address(["tenants", id])}>${id}</a></td><td role="cell" data-label="State"><${State} of="needs_you" /></td><td role="cell" colspan="4" class="what">Its item in the ledger cannot be read: <${Name}>${tenant.error}<//> Register it again with everything said.</td></tr>`;
  }
  return html`
    <tr role="row" data-row class=${`is-${standing.state}`}>
      <td role="cell"><a class="open" href=${address(["tenants", id])}><${Name}>${tenant.name}<//></a><span class="id">${id}</span></td>
      <td role="cell"><${State} of=${standing.state} />${standing.since && standing.state !== "complete" ? html`<span class="muted small since">since <${Time} at=${standing.since} now=${now} still /></span>` : ""}</td>
      <td role="cell" data-label="Complete up to"><${Until} at=${tenant.complete_until} now=${now} />${tenant.activity?.lag_p50_seconds != null && html`<span class="muted small since">lag ${duration(tenant.activity.lag_p50_seconds)}</span>`}</td>
      <td role="cell" data-label="Events"><${Day} tenant=${tenant} now=${now} /></td>
      <td role="cell" data-label="Findings open"><${Found} id=${id} findings=${tenant.findings} /></td>
      <td role="cell" class="what">${standing.state === "complete" ? html`<span class="muted"><${Name}>${standing.next_action ?? "Nothing to do"}<//></span>` : html`<span><${Name}>${standing.sentence}<//></span>${standing.next_action && html`<span class="next"><${Name}>${standing.next_action}<//></span>`}`}</td>
    </tr>`;
}
