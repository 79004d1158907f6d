// The events that made a finding, in order, with what the same user, session or address did before and after.
import { Fragment, html, useEffect, useMemo, useState } from "../../parts/html.js";
import { CALM_MS, useLive } from "../../parts/live.js";
import { address } from "../../parts/route.js";
import { Failure, Loading, Note, useRowKeys } from "../../parts/ui.js";
import { dayKey, longDay, plural, rfc3339, upTo } from "../../parts/words.js";
import { EventRows } from "../event.js";

// As long as events of a finding may still be on their way into the lake.
const FRESH_MS = 600_000;

// As the API takes it: an hour around the finding.
const AROUND_MS = 3_600_000;

const PHASES = { before: "Before", during: "What the rule saw", after: "After" };

export function Story({ path, finding }) {
  // A search of the lake each time: once all is there it is not read again.
  const [isWhole, setWhole] = useState(false);
  const { data, error, refresh } = useLive(isWhole ? null : `${path}/story`, CALM_MS, path);
  useEffect(() => data && setWhole(data.complete || Date.now() - Date.parse(finding.found_at) > FRESH_MS), [data]);
  const [opened, open] = useState(null);
  useRowKeys("#value", ".events [data-row] > button");
  const parts = useMemo(() => (data ? inParts(data.events, finding.finding_id) : []), [data]);
  const timeline = (query) => address(["tenants", finding.tenant_id, "timeline"], query);
  return html`
    <section aria-labelledby="story-title">
      <h2 id="story-title">What happened, in order</h2>
      <${Links} finding=${finding} events=${data?.events ?? []} timeline=${timeline} />
      ${error && html`<${Failure} error=${error} what="The story could not be read." retry=${refresh} />`}
      ${!data && !error && html`<${Loading} what="the events around the finding" />`}
      ${parts.map(({ key, phase, time, events }) => html`
        <${Fragment} key=${key}>
          <h3 class="day">${PHASES[phase]} <span class="muted">${longDay(time)}</span></h3>
          <${EventRows} events=${events} opened=${opened} onOpen=${open} tenant=${finding.tenant_id} here=${timeline} note=${note} />
        <//>`)}
      ${data && html`<${Foot} data=${data} finding=${finding} />`}
    </section>`;
}

// Rows before the first record of the finding, from there to its last, and after it; each below its day.
function inParts(events, finding) {
  const first = events.findIndex((event) => event.is_evidence);
  const last = events.findLastIndex((event) => event.is_evidence);
  const parts = [];
  for (const [at, event] of events.entries()) {
    const phase = first < 0 || at < first ? "before" : at > last ? "after" : "during";
    const key = `${phase} ${dayKey(event.time)}`;
    if (parts.at(-1)?.key !== key) parts.push({ key, phase, time: event.time, events: [] });
    // The mark of the finding that is being read says nothing new.
    parts.at(-1).events.push({ ...event, findings: event.findings?.filter((of) => of.finding_id !== finding) });
  }
  return parts;
}

const note = (event) =>
  event.is_evidence
    ? html` <span class="tag">Evidence</span>`
    : event.shares?.length > 0 && html` <span class="muted small">same ${event.shares.join(", ")}</span>`;

// The same in the timeline, with an hour around it.
function Links({ finding, events, timeline }) {
  const span = { from: rfc3339(Date.parse(finding.first_at) - AROUND_MS), to: rfc3339(Date.parse(finding.last_at) + AROUND_MS) };
  const sessions = [...new Set(events.filter((event) => event.is_evidence && event.session).map((event) => event.session))];
  return html`
    <nav class="links" aria-label="From this finding">
      <span class="muted">In the timeline:</span>
      ${finding.user && html`<a href=${timeline({ user: finding.user, ...span })}>same user</a>`}
      ${finding.address && html`<a href=${timeline({ address: finding.address, ...span })}>same address</a>`}
      ${sessions.length === 1 && html`<a href=${timeline({ session: sessions[0], ...span })}>same session</a>`}
      <a href=${timeline(span)}>everything around it</a>
    </nav>`;
}

function Foot({ data, finding }) {
  const { events, more, complete } = data;
  const missing = Math.max(0, finding.records - events.filter((event) => event.is_evidence).length);
  if (events.length === 0) return html`<${Note} title="Its events are not there.">They are still on their way into the lake, or older than the 21 days that are searched here. Athena finds all that the lake holds.<//>`;
  const others = missing > 0 ? ` ${plural(missing, "further record")} of the finding ${missing === 1 ? "is" : "are"} not among them${complete ? "" : ", being on the way or older than what is searched"}.` : "";
  return html`<p role="status" class="after muted">${plural(events.length, "event")}, from ${upTo(data.from)} to ${Date.parse(data.to) > Date.now() ? "now" : upTo(data.to)}.${others}${more ? " There was more than is shown: look in the timeline." : ""}</p>`;
}
