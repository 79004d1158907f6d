// The newest events of a tenant, narrowed by chips; each row opens to the event and the record beside each other.
import { get } from "../parts/api.js";
import { Fragment, html, useEffect, useRef, useState } from "../parts/html.js";
import { address, go } from "../parts/route.js";
import { Copy, Failure, Loading, Name, Note, useRowKeys, visible } from "../parts/ui.js";
import { SEVERITIES, clockInUtc, clockSeconds, count, dayKey, exact, longDay, plural, rfc3339, upTo } from "../parts/words.js";
import { Detail } from "./event.js";

// Rows of a page: more than a screen, and drawn at once.
const PAGE = 50;

// Pages kept in the list. Whoever goes further narrows the search, or asks Athena.
const EVENTS_MAX = 1000;

// The filters, as the API calls them, and as people do.
const FIELDS = [
  ["text", "Text"],
  ["user", "User"],
  ["address", "Address"],
  ["operation", "Operation"],
  ["class", "Class"],
  ["severity", "Severity"],
  ["session", "Session"],
];

const HOUR_MS = 3_600_000;
const PERIODS = [["", "Up to seven days"], ["1", "Last hour"], ["24", "Last 24 hours"], ["72", "Last three days"]];

const PARAMETERS = ["user", "address", "operation", "class", "severity", "text", "session", "from", "to"];

export function Timeline({ tenant, route, now }) {
  const id = tenant.tenant_id;
  const here = (changes) => {
    const query = new URLSearchParams(route.query);
    query.delete("event");
    for (const [name, value] of Object.entries(changes)) value == null || value === "" ? query.delete(name) : query.set(name, value);
    return address(["tenants", id, "timeline"], query);
  };
  const filter = new URLSearchParams(PARAMETERS.flatMap((name) => (route.query.get(name) ? [[name, route.query.get(name)]] : [])));
  const { events, error, busy, searched, more, reload, unread } = useEvents(tenant, filter.toString(), route.query.get("hours"));
  const opened = route.query.get("event");
  const open = (event) => history.replaceState(null, "", address(["tenants", id, "timeline"], withEvent(route.query, event))) ?? dispatchEvent(new HashChangeEvent("hashchange"));
  useRowKeys("#value", ".events [data-row] > button");

  return html`
    <div>
      <h2 class="hidden">Timeline</h2>
      <${Filters} route=${route} here=${here} unread=${unread} reload=${reload} />
      ${error && html`<${Failure} error=${error} what="The search did not end." retry=${reload} />`}
      <${Days} events=${events} opened=${opened} onOpen=${open} tenant=${id} here=${here} />
      ${busy && html`<${Loading} what=${searched ? `events before ${upTo(searched.searched_back_to, now)}` : "the newest events"} />`}
      ${!busy && searched && html`<${Foot} events=${events} searched=${searched} more=${more} now=${now} isFiltered=${filter.size > 0} here=${here} />`}
    </div>`;
}

function withEvent(query, event) {
  const next = new URLSearchParams(query);
  event ? next.set("event", event) : next.delete("event");
  return next;
}

// Pages of events, and whether newer ones came since: the tenant's own answer says so, no search is made for it.
function useEvents(tenant, filter, hours) {
  const [state, set] = useState({ events: [], busy: true, error: null, searched: null, cursor: null });
  const stop = useRef(null);
  const newest = JSON.stringify([tenant.last_event_at, tenant.subscriptions.map((of) => of.last_content_at)]);
  const asked = useRef(newest);

  const read = async (cursor, before) => {
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    if (!cursor) asked.current = newest;
    set({ ...before, busy: true, error: null });
    const query = new URLSearchParams(filter);
    if (hours && !query.has("from")) query.set("from", rfc3339(Date.now() - Number(hours) * HOUR_MS));
    query.set("limit", PAGE);
    if (cursor) query.set("cursor", cursor);
    try {
      const page = await get(`/v1/tenants/${tenant.tenant_id}/events?${query}`, mine.signal);
      const known = new Set(before.events.map((event) => event.event_id));
      const events = [...before.events, ...page.events.filter((event) => !known.has(event.event_id))];
      set({ events, busy: false, error: null, searched: sum(before.searched, page), cursor: page.next_cursor });
    } catch (error) {
      if (!mine.signal.aborted) set({ ...before, busy: false, error });
    }
  };
  const empty = { events: [], searched: null, cursor: null };
  useEffect(() => {
    read(null, empty);
    return () => stop.current?.abort();
  }, [tenant.tenant_id, filter, hours]);

  const more = state.cursor && state.events.length < EVENTS_MAX ? () => read(state.cursor, state) : null;
  return { ...state, more, reload: () => read(null, { ...empty, events: [] }), unread: !state.busy && asked.current !== newest };
}

// What all pages of a search went through.
function sum(before, page) {
  const add = (name) => (before?.searched?.[name] ?? 0) + (page.searched?.[name] ?? 0);
  return { ...page, searched: { blobs: add("blobs"), objects: add("objects"), events: add("events"), bytes: add("bytes") } };
}

function Filters({ route, here, unread, reload }) {
  const [field, setField] = useState("text");
  const { query } = route;
  const input = useRef(null);
  const sent = (event) => {
    event.preventDefault();
    const value = new FormData(event.currentTarget).get("value").trim();
    if (!value) return;
    go(here({ [field]: value }));
    if (input.current) input.current.value = "";
  };
  const chips = FIELDS.filter(([name]) => query.get(name));
  const [from, to] = [query.get("from"), query.get("to")];
  const period = (event) => go(here({ hours: event.currentTarget.value, from: null, to: null }));
  return html`
    <${Fragment}>
      <form class="filters" role="search" aria-label="Filter events" onSubmit=${sent}>
        <select aria-label="Filter by" value=${field} onChange=${(event) => setField(event.currentTarget.value)}>${FIELDS.map(([name, word]) => html`<option key=${name} value=${name} selected=${name === field}>${word}</option>`)}</select>
        ${field === "severity"
          ? html`<select id="value" name="value" aria-label="Severity">${SEVERITIES.slice(1).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>`
          : html`<input id="value" name="value" type="text" ref=${input} maxlength="200" placeholder=${HINTS[field]} aria-label="Value" aria-keyshortcuts="/" autocomplete="off" spellcheck="false" />`}
        <button type="submit">Add filter</button>
        <select aria-label="Period" value=${from ? "own" : query.get("hours") ?? ""} onChange=${period}>${PERIODS.map(([hours, word]) => html`<option key=${hours} value=${hours} selected=${!from && (query.get("hours") ?? "") === hours}>${word}</option>`)}${from && html`<option value="own" selected>As in the chip</option>`}</select>
        ${unread && html`<button type="button" onClick=${reload}>There are newer events. Show them</button>`}
      </form>
      ${(chips.length > 0 || from || to) && html`
        <ul class="filters chips" aria-label="Filters in force">
          ${chips.map(([name, word]) => html`<li key=${name} class="chip"><span class="muted">${word}</span> <${Name}>${query.get(name)}<//><a class="quiet" href=${here({ [name]: null })} aria-label=${`Remove the filter ${word}`}>×</a></li>`)}
          ${(from || to) && html`<li key="period" class="chip"><span class="muted">Period</span> <span title=${`${exact(from)} to ${exact(to)}`}>${from ? upTo(from) : "the beginning"} to ${to ? upTo(to) : "now"}</span><a class="quiet" href=${here({ from: null, to: null })} aria-label="Remove the filter Period">×</a></li>`}
          <li key="all"><a href=${here(Object.fromEntries([...PARAMETERS, "hours"].map((name) => [name, null])))}>Remove all</a></li>
        </ul>`}
    <//>`;
}

const HINTS = {
  text: "Any word of an event",
  user: "anna@example.com",
  address: "203.0.113.7",
  operation: "New-InboxRule",
  class: "Account Change",
  session: "ID of a session",
};

// Rows below the day they are of, in the reader's zone.
function Days({ events, opened, onOpen, tenant, here }) {
  const days = [];
  for (const event of events) {
    const key = dayKey(event.time);
    if (days.at(-1)?.key !== key) days.push({ key, time: event.time, events: [] });
    days.at(-1).events.push(event);
  }
  return days.map((day) => html`
    <${Fragment} key=${day.key}>
      <h3 class="day">${longDay(day.time)}</h3>
      <ol class="events">
        ${day.events.map((event, at) => html`<${Row} key=${event.event_id} event=${event} isSame=${event.session && day.events[at - 1]?.session === event.session} isOpen=${opened === event.event_id} onOpen=${onOpen} tenant=${tenant} here=${here} />`)}
      </ol>
    <//>`);
}

// Bars, so that a severity is seen without its colour.
const Severity = ({ id, name }) => html`
  <span class=${`severity is-${id}`}><svg width="20" height="12" viewBox="0 0 20 12" aria-hidden="true">${[0, 1, 2, 3].map((at) => html`<rect key=${at} x=${at * 5} y=${9 - at * 3} width="4" height=${3 + at * 3} class=${at < id - 1 || (at === 0 && id <= 1) ? "on" : ""} />`)}</svg>${name}</span>`;

function Row({ event, isSame, isOpen, onOpen, tenant, here }) {
  const who = event.user_name || event.user || "Nobody named";
  // The sentence names user and address too, which have columns of their own here: it stands in the open row.
  const did = event.operation || event.activity || event.class_name || "Something that has no name";
  return html`
    <li class=${`event ${isSame ? "is-same" : ""} ${isOpen ? "is-open" : ""}`} data-row>
      <button type="button" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => onOpen(isOpen ? null : event.event_id)}>
        <time datetime=${event.time} title=${exact(event.time)}>${clockSeconds(event.time)}</time>
        <${Severity} id=${event.severity_id} name=${event.severity} />
        <span class="who-did"><${Name}>${who}<//></span>
        <span class="did"><${Name}>${did}${event.target ? ` · ${event.target}` : ""}<//></span>
        <span class="from muted">${event.address ? html`<${Name}>${event.address}<//>` : "no address"}</span>
        <span class=${`result ${event.result === "Failure" ? "is-failure" : "muted"}`}>${event.result === "Failure" ? "✕ Failure" : event.result}</span>
      </button>
      ${isOpen && html`<${Detail} event=${event} tenant=${tenant} here=${here} />`}
    </li>`;
}

function Foot({ events, searched, more, now, isFiltered, here }) {
  const back = searched.searched_back_to;
  const through = `${plural(searched.searched.events, "event")} in ${plural(searched.searched.objects, "object")} read`;
  const isEnd = searched.next_cursor === null;
  return html`
    <div class="after">
      ${events.length === 0 && html`<${Note} title=${isFiltered ? (isEnd ? "Nothing matches." : "Nothing matches so far.") : "There are no events yet."}>${isFiltered ? html`${isEnd ? "The whole period was searched. " : "The search used up its budget before it came to the end. "}<a href=${here(Object.fromEntries([...PARAMETERS, "hours"].map((name) => [name, null])))}>Remove all filters</a>` : "Microsoft makes the first records available within minutes to some hours after the subscription began; for a quiet tenant that is normal."}<//>`}
      <p role="status">Searched back to ${upTo(back, now)} <span class="muted small">${clockInUtc(back)} UTC</span>: ${count(events.length)} shown, ${through}.${isEnd ? " That is the end of the period." : ""}</p>
      <div class="buttons">${more && html`<button type="button" onClick=${more}>Look further</button>`}${!more && !isEnd && html`<span class="muted">${count(EVENTS_MAX)} events are shown. Narrow the search, or ask Athena.</span>`}</div>
      ${searched.athena_sql && html`
        <details><summary>The same search in Athena, over everything in the lake</summary>
          <p class="muted">For what is older than seven days, or too much for this page.</p>
          <pre class="query">${searched.athena_sql.split("\n").map(visible).join("\n")}</pre>
          <${Copy} text=${searched.athena_sql} label="Copy the query" what="" />
        </details>`}
    </div>`;
}

