// Rows of events. An open one has the event in words and attributes, and beside it the record as Microsoft sent it.
import { Fragment, html, useMemo, useState } from "../parts/html.js";
import { SELDOM_MS, useLive } from "../parts/live.js";
import { address } from "../parts/route.js";
import { Copy, Failure, Icon, Loading, Name, Severity, visible } from "../parts/ui.js";
import { FINDING_STATES, clockSeconds, dayKey, exact, longDay, rfc3339 } from "../parts/words.js";

// "Around this moment": long enough for a session, short enough to read.
const AROUND_MS = 10 * 60_000;

// Deeper than records are. What is deeper still is shown as one line.
const DEPTH_MAX = 12;

// Attributes and lines that are drawn: a record with more is copied and read elsewhere.
const LINES_MAX = 2000;

// Shorter values are the same by chance.
const SAME_CHARACTERS_MIN = 4;

// Rows below the day they are of, in the reader's zone.
export function EventDays({ events, ...rest }) {
  const days = [];
  for (const event of events) {
    const key = dayKey(event.time);
    if (days.at(-1)?.key !== key) days.push({ key, time: event.time, events: [] });
    days.at(-1).events.push(event);
  }
  return days.map((day) => html`
    <${Fragment} key=${day.key}>
      <h3 class="day">${longDay(day.time)}</h3>
      <${EventRows} events=${day.events} ...${rest} />
    <//>`);
}

// `opened` is the id of the open row; `note` says of an event what else is to be said in its row.
export const EventRows = ({ events, opened, ...rest }) => html`
  <ol class="events">
    ${events.map((event, at) => html`<${Row} key=${event.event_id} event=${event} isSame=${event.session && events[at - 1]?.session === event.session} isOpen=${opened === event.event_id} ...${rest} />`)}
  </ol>`;

function Row({ event, isSame, isOpen, onOpen, tenant, here, note }) {
  const who = event.user_name || event.user || "Nobody named";
  // The sentence names user and address too, which have columns of their own here: it stands in the open row.
  const did = event.operation || event.activity || event.class_name || "Something that has no name";
  return html`
    <li class=${`event ${isSame ? "is-same" : ""} ${isOpen ? "is-open" : ""} ${event.is_evidence ? "is-evidence" : ""}`} data-row>
      <button type="button" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => onOpen(isOpen ? null : event.event_id)}>
        <time datetime=${event.time} title=${exact(event.time)}>${clockSeconds(event.time)}</time>
        <${Severity} id=${event.severity_id} name=${event.severity} />
        <span class="who-did"><${Name}>${who}<//></span>
        <span class="did"><${Name}>${did}${event.target ? ` · ${event.target}` : ""}<//>${note?.(event)}</span>
        <span class="from muted">${event.address ? html`<${Name}>${event.address}<//>` : "no address"}</span>
        <span class=${`result ${event.result === "Failure" ? "is-failure" : "muted"}`}>${event.result === "Failure" ? "✕ Failure" : event.result}</span>
      </button>
      ${event.findings?.length > 0 && html`<${Marks} findings=${event.findings} tenant=${tenant} />`}
      ${isOpen && html`<${Detail} event=${event} tenant=${tenant} here=${here} />`}
    </li>`;
}

// What rules found in the event. Below the row, since a button holds no links.
const Marks = ({ findings, tenant }) => html`
  <ul class="marks" aria-label="Findings in this event">
    ${findings.map((of) => html`<li key=${of.finding_id}><${Icon} of="finding" /><span class="muted">Finding</span> <${Severity} id=${of.severity_id} name=${of.severity} /> <a href=${address(["tenants", tenant, "findings", of.finding_id])}><${Name}>${of.title}<//></a>${of.state !== "new" && html` <span class="muted">${FINDING_STATES[of.state]}</span>`}</li>`)}
  </ul>`;

function Detail({ event, tenant, here }) {
  const { data, error, refresh } = useLive(`/v1/tenants/${tenant}/events/${encodeURIComponent(event.event_id)}`, SELDOM_MS);
  return html`
    <div class="detail">
      <${Links} event=${event} here=${here} />
      ${error && html`<${Failure} error=${error} what="The event could not be read." retry=${refresh} />`}
      ${!data && !error && html`<${Loading} what="the event and its record" />`}
      ${data && html`<${Sides} data=${data} event=${event} />`}
    </div>`;
}

// Where somebody goes from here.
function Links({ event, here }) {
  const none = { user: null, address: null, operation: null, class: null, severity: null, text: null, session: null };
  const at = Date.parse(event.time);
  return html`
    <nav class="links" aria-label="From this event">
      ${event.user && html`<a href=${here({ ...none, user: event.user })}>Same user</a>`}
      ${event.address && html`<a href=${here({ ...none, address: event.address })}>Same address</a>`}
      ${event.session && html`<a href=${here({ ...none, session: event.session })}>Same session</a>`}
      ${event.operation && html`<a href=${here({ ...none, operation: event.operation })}>Same operation</a>`}
      <a href=${here({ ...none, from: rfc3339(at - AROUND_MS), to: rfc3339(at + AROUND_MS) })}>Around this moment</a>
    </nav>`;
}

function Sides({ data, event }) {
  const [marked, mark] = useState(null);
  const pairs = useMemo(() => flat(data.event), [data]);
  const lines = useMemo(() => (data.raw ? pretty(data.raw) : []), [data]);
  // The same value under Microsoft's name.
  const theirs = useMemo(() => {
    const names = new Map();
    for (const { path, value } of lines) if (isTelling(value) && !names.has(String(value))) names.set(String(value), path);
    return names;
  }, [lines]);
  const nameOf = (value) => (isTelling(value) ? theirs.get(String(value)) : undefined);
  return html`
    <p>${event.sentence && html`<strong><${Name}>${event.sentence}<//></strong> `}<span class="muted">${exact(event.time)}</span></p>
    <div class="sides">
      <section class="side" aria-label="The event">
        <div class="side-head"><h4>The event (OCSF)</h4><${Copy} text=${JSON.stringify(data.event, null, 2)} what="event" /></div>
        <div class="lines" tabindex="0" role="group" aria-label="Attributes of the event">
          <dl class="pairs">${pairs.slice(0, LINES_MAX).map(({ path, value }) => {
            const other = nameOf(value);
            const over = () => mark(other ?? null);
            return html`<${Fragment} key=${path}><dt>${visible(path)}</dt><dd class=${other && other === marked ? "marked" : ""} title=${other ? `Microsoft's name: ${visible(other)}` : undefined} onMouseEnter=${over} onMouseLeave=${() => mark(null)}><${Name}>${String(value)}<//>${other && other === marked ? html` <span class="same-as">= ${visible(other)}</span>` : ""}</dd><//>`;
          })}</dl>
        </div>
      </section>
      <section class="side" aria-label="The record">
        <div class="side-head"><h4>The record, as Microsoft sent it</h4>${data.raw && html`<${Copy} text=${JSON.stringify(data.raw, null, 2)} what="record" />`}</div>
        ${data.raw
          ? html`<div class="lines mono" tabindex="0" role="group" aria-label="Lines of the record">${lines.slice(0, LINES_MAX).map(({ indent, text, path, value }, at) => {
              const isTheSame = isTelling(value) && marked === path;
              return html`<div key=${at} class=${isTheSame ? "marked" : ""} onMouseEnter=${isTelling(value) ? () => mark(path) : undefined} onMouseLeave=${() => mark(null)}>${"  ".repeat(indent)}<bdi>${visible(text)}</bdi></div>`;
            })}</div>`
          : html`<p class="muted">The raw copy is gone: it is kept as long as your bucket's rules say.</p>`}
        <p class="id"><${Name}>${data.object}<//></p>
      </section>
    </div>`;
}

const isTelling = (value) => value != null && typeof value !== "object" && typeof value !== "boolean" && String(value).length >= SAME_CHARACTERS_MIN;

// { a: { b: 1 } } as a.b = 1.
function flat(value, path = "", depth = 0, found = []) {
  if (value !== null && typeof value === "object" && depth < DEPTH_MAX) {
    for (const [name, inner] of Object.entries(value)) flat(inner, Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name, depth + 1, found);
  } else if (value !== null) {
    found.push({ path, value: typeof value === "object" ? JSON.stringify(value) : value });
  }
  return found;
}

// JSON in lines, each with the path of what it shows.
function pretty(value, name = null, path = "", indent = 0, comma = "", found = []) {
  const before = name === null ? "" : `${JSON.stringify(name)}: `;
  const isNested = value !== null && typeof value === "object" && indent < DEPTH_MAX;
  if (!isNested) {
    found.push({ indent, text: before + JSON.stringify(value) + comma, path, value });
    return found;
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const [first, last] = isList ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) {
    found.push({ indent, text: `${before}${first}${last}${comma}`, path, value: null });
    return found;
  }
  found.push({ indent, text: before + first, path, value: null });
  entries.forEach(([key, inner], at) => {
    const below = isList ? `${path}[${key}]` : path ? `${path}.${key}` : key;
    pretty(inner, isList ? null : key, below, indent + 1, at < entries.length - 1 ? "," : "", found);
  });
  found.push({ indent, text: last + comma, path, value: null });
  return found;
}
