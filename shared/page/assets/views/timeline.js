// The newest events of a tenant, narrowed by chips; each row opens to the event and the record beside each other.
import { get } from "../parts/api.js";
import { Filters, without } from "../parts/filters.js";
import { html, useEffect, useRef, useState } from "../parts/html.js";
import { address } from "../parts/route.js";
import { Copy, Failure, Loading, Note, useRowKeys, visibleLines } from "../parts/ui.js";
import { SEVERITIES, clockInUtc, count, plural, rfc3339, upTo } from "../parts/words.js";
import { EventDays } from "./event.js";

// Rows of a page: more than a screen, and drawn at once.
const PAGE = 50;

// Pages kept in the list. Whoever goes further narrows the search, or asks Athena.
const EVENTS_MAX = 1000;

// The filters, as the API calls them, and as people do.
const FIELDS = [
  { name: "text", word: "Text", hint: "Any word of an event" },
  { name: "user", word: "User", hint: "anna@example.com" },
  { name: "address", word: "Address", hint: "203.0.113.7" },
  { name: "operation", word: "Operation", hint: "New-InboxRule" },
  { name: "class", word: "Class", hint: "Account Change" },
  { name: "severity", word: "Severity", options: SEVERITIES.slice(1).map((name) => [name, name]) },
  { name: "session", word: "Session", hint: "ID of a session" },
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
      <${Filters} label="Filter events" fields=${FIELDS} periods=${PERIODS} query=${route.query} here=${here}>
        ${unread && html`<button type="button" onClick=${reload}>There are newer events. Show them</button>`}
      <//>
      ${error && html`<${Failure} error=${error} what="The search did not end." retry=${reload} />`}
      <${EventDays} events=${events} opened=${opened} onOpen=${open} tenant=${id} here=${here} />
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

function Foot({ events, searched, more, now, isFiltered, here }) {
  const back = searched.searched_back_to;
  const through = `${plural(searched.searched.events, "event")} in ${plural(searched.searched.objects, "object")} read`;
  const isEnd = searched.next_cursor === null;
  return html`
    <div class="after">
      ${events.length === 0 && html`<${Note} title=${isFiltered ? (isEnd ? "Nothing matches." : "Nothing matches so far.") : "There are no events yet."}>${isFiltered ? html`${isEnd ? "The whole period was searched. " : "The search used up its budget before it came to the end. "}<a href=${here(without(FIELDS))}>Remove all filters</a>` : "Microsoft makes the first records available within minutes to some hours after the subscription began; for a quiet tenant that is normal."}<//>`}
      <p role="status">Searched back to ${upTo(back, now)} <span class="muted small">${clockInUtc(back)} UTC</span>: ${count(events.length)} shown, ${through}.${isEnd ? " That is the end of the period." : ""}</p>
      <div class="buttons">${more && html`<button type="button" onClick=${more}>Look further</button>`}${!more && !isEnd && html`<span class="muted">${count(EVENTS_MAX)} events are shown. Narrow the search, or ask Athena.</span>`}</div>
      ${searched.athena_sql && html`
        <details><summary>The same search in Athena, over everything in the lake</summary>
          <p class="muted">For what is older than seven days, or too much for this page.</p>
          <pre class="query">${visibleLines(searched.athena_sql)}</pre>
          <${Copy} text=${searched.athena_sql} label="Copy the query" what="" />
        </details>`}
    </div>`;
}
