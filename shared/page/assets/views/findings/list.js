// Findings, of all tenants or of one: first how many are open and which is the worst, then the list, narrowed by chips.
import { Filters, without } from "../../parts/filters.js";
import { html, useEffect, useRef } from "../../parts/html.js";
import { CALM_MS, SELDOM_MS, useLive, useNow } from "../../parts/live.js";
import { address } from "../../parts/route.js";
import { useDrawn } from "../../parts/rows.js";
import { Announce, Failure, Icon, Loading, Name, Note, Severity, State, Time, useRowKeys } from "../../parts/ui.js";
import { FINDING_STATES, ago, count, findingState, plural, worstOf } from "../../parts/words.js";
import { useFindings } from "./listing.js";

const PERIODS = [["", "Any time"], ["24", "Last 24 hours"], ["168", "Last seven days"], ["720", "Last 30 days"]];

// The worst first. "High or worse" is what somebody on call wants.
const SEVERITY_OPTIONS = [
  ["critical", "Critical"],
  ["critical,high", "High or worse"],
  ["critical,high,medium", "Medium or worse"],
  ...["High", "Medium", "Low", "Informational"].map((name) => [name.toLowerCase(), `${name} only`]),
];

const PARAMETERS = ["state", "severity", "rule", "user", "address", "from", "to"];

export function FindingsPage({ route }) {
  const now = useNow();
  const { data } = useLive("/v1/overview", CALM_MS);
  useEffect(() => {
    document.title = "Findings – ualstream";
  }, []);
  const open = data?.findings_open != null && { all: data.findings_open, more: data.findings_and_more, worst: worstOf(data.findings_open_by_severity) };
  return html`
    <div>
      <${Sentence} level="1" path="/v1/findings" open=${open} now=${now} />
      <p class="muted">What rules found in the records of all tenants that your key sees. Closed ones are on the page of each tenant. <a href=${address(["exceptions"])}>Exceptions</a> say what is not wanted.</p>
      <${List} path="/v1/findings" base=${["findings"]} route=${route} now=${now} />
    </div>`;
}

export function TenantFindings({ tenant, route, now }) {
  const { tenant_id: id, findings } = tenant;
  const path = `/v1/tenants/${id}/findings`;
  const open = findings && { all: findings.open, more: findings.and_more, worst: worstOf(findings.by_severity) };
  return html`
    <div>
      <${Sentence} level="2" path=${path} open=${open} now=${now} />
      <${List} path=${path} base=${["tenants", id, "findings"]} route=${route} now=${now} tenant=${tenant} />
    </div>`;
}

// "4 findings are open, 1 critical: Inbox rule forwards mail outside (alex@…), 12 min ago."
function Sentence({ level, path, open, now }) {
  const [worst, number] = open?.worst ?? [];
  const newest = useLive(open ? `${path}?limit=1${worst ? `&severity=${worst}` : ""}` : null, CALM_MS, `${path} ${worst}`);
  const finding = newest.data?.findings[0];
  const words = open && openWords(open, worst, number, finding);
  const tone = worst === "Critical" || worst === "High" ? "needs_you" : open?.all > 0 || finding ? "new" : "complete";
  const of = finding && (finding.user ?? finding.address ?? finding.tenant_name);
  const inside = html`${open && html`<${Icon} of=${tone} />`}<span>${words ?? "Findings"}${finding && html`: <a href=${findingAddress(finding)}><${Name}>${finding.title}<//></a>${of && html` (<${Name}>${of}<//>)`}, <span class="nowrap">${ago(finding.last_at, now)}</span>`}${words && "."}</span>`;
  return html`${level === "1" ? html`<h1 class="sentence">${inside}</h1>` : html`<h2 class="sentence">${inside}</h2>`}${words && html`<${Announce} text=${words} />`}`;
}

function openWords({ all, more }, worst, number, finding) {
  // The count serves for a quarter of a minute, and the list is newer.
  if (!all) return finding ? "Something was just found" : "No finding is open";
  if (more) return `${count(all)} findings or more are open${worst ? `, ${count(number)} ${worst.toLowerCase()}` : ""}`;
  if (number === all) return `${plural(all, `${worst.toLowerCase()} finding is`, `${worst.toLowerCase()} findings are`)} open`;
  return `${plural(all, "finding is", "findings are")} open${worst ? `, ${count(number)} ${worst.toLowerCase()}` : ""}`;
}

export const findingAddress = (finding) => address(["tenants", finding.tenant_id, "findings", finding.finding_id]);

function List({ path, base, route, now, tenant }) {
  const { query } = route;
  const here = (changes) => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(changes)) value == null || value === "" ? next.delete(name) : next.set(name, value);
    return address(base, next);
  };
  const kept = new URLSearchParams(PARAMETERS.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : []))).toString();
  const list = useFindings(path, kept, query.get("hours"));
  useRowKeys("#value", ".found [data-row] a.open");
  const fields = useFields(list.rows, query.get("rule"));
  const isFiltered = fields.some(({ name }) => query.get(name)) || ["hours", "from", "to"].some((name) => query.get(name));
  return html`
    <div>
      <${States} chosen=${query.get("state") ?? "open"} here=${here} isFleet=${!tenant} />
      <${Filters} label="Filter findings" fields=${fields} periods=${PERIODS} query=${query} here=${here}>
        ${list.unread && html`<button type="button" onClick=${list.show}>There are newer findings. Show them</button>`}
      <//>
      ${list.error && html`<${Failure} error=${list.error} what=${list.isRead ? "The list could not be brought up to date." : "The findings could not be read."} retry=${list.retry} />`}
      ${list.rows.length > 0 && html`<${Table} rows=${list.rows} now=${now} isFleet=${!tenant} table=${list.table} />`}
      ${list.busy && html`<${Loading} what=${list.rows.length > 0 ? "more findings" : "the findings"} />`}
      ${list.isRead && html`<${Foot} list=${list} state=${query.get("state") ?? "open"} tenant=${tenant} isFiltered=${isFiltered} here=${here} fields=${fields} />`}
    </div>`;
}

// The rules of a filter are those that were seen in rows; the names stay when the rows have gone.
function useFields(rows, rule) {
  const names = useRef(new Map());
  for (const row of rows) names.current.set(row.rule_id, row.title);
  if (rule && !names.current.has(rule)) names.current.set(rule, rule);
  const rules = [...names.current].sort((a, b) => a[1].localeCompare(b[1]));
  return [
    { name: "severity", word: "Severity", options: SEVERITY_OPTIONS },
    { name: "rule", word: "Rule", ...(rules.length > 0 ? { options: rules } : { hint: "ID of a rule" }) },
    { name: "user", word: "User", hint: "anna@example.com" },
    { name: "address", word: "Address", hint: "203.0.113.7" },
  ];
}

// Closed ones are listed for one tenant at a time: the API keeps only open ones in one list.
function States({ chosen, here, isFleet }) {
  const states = isFleet ? ["open", "new", "acknowledged"] : Object.keys(FINDING_STATES);
  return html`
    <nav class="chips states" aria-label="Filter by state">
      ${states.map((state) => html`<a key=${state} class="chip" href=${here({ state: state === "open" ? null : state })} aria-current=${chosen === state ? "true" : undefined}>${["new", "acknowledged", "closed"].includes(state) && html`<${Icon} of=${state} />`}${FINDING_STATES[state]}</a>`)}
    </nav>`;
}

// All that a row shows beside the time.
const shownOf = (row) => [row.title, row.severity, row.user, row.address, row.tenant_name, row.last_at, row.records, row.state, row.verdict];

function Table({ rows, now, isFleet, table }) {
  const drawn = useDrawn((row) => row.finding_id, shownOf, (row, clock) => html`<${Row} key=${row.finding_id} row=${row} now=${clock} isFleet=${isFleet} />`);
  const names = ["Severity", "Finding", "Who, from where", ...(isFleet ? ["Tenant"] : []), "When", "Records", "State"];
  return html`
    <table class=${`found stack ${isFleet ? "is-fleet" : ""}`} role="table" aria-label="Findings, the newest first" ref=${table}>
      <thead role="rowgroup"><tr role="row">${names.map((name) => html`<th role="columnheader" scope="col" key=${name}>${name}</th>`)}</tr></thead>
      <tbody role="rowgroup">${drawn(rows, now)}</tbody>
    </table>
    <p class="muted keys">Keys: <kbd>/</kbd> filter, <kbd>j</kbd> <kbd>k</kbd> down and up, <kbd>Enter</kbd> open</p>`;
}

const Row = ({ row, now, isFleet }) => html`
  <tr role="row" data-row>
    <td role="cell"><${Severity} id=${row.severity_id} name=${row.severity} /></td>
    <td role="cell" class="what"><a class="open" href=${findingAddress(row)}><${Name}>${row.title}<//></a></td>
    <td role="cell" data-label="Who">${row.user ? html`<${Name}>${row.user}<//>` : html`<span class="muted">nobody named</span>`}<span class="muted small since">${row.address ? html`<${Name}>${row.address}<//>` : "no address"}</span></td>
    ${isFleet && html`<td role="cell" data-label="Tenant"><a href=${address(["tenants", row.tenant_id, "findings"])}><${Name}>${row.tenant_name ?? row.tenant_id}<//></a></td>`}
    <td role="cell" data-label="When"><${Time} at=${row.last_at} now=${now} still /></td>
    <td role="cell" data-label="Records">${count(row.records)}</td>
    <td role="cell" data-label="State"><${State} of=${row.state} word=${findingState(row)} /></td>
  </tr>`;

function Foot({ list, state, tenant, isFiltered, here, fields }) {
  const { rows, isEnd, more } = list;
  return html`
    <div class="after">
      ${rows.length === 0 && html`<${Nothing} state=${state} tenant=${tenant} isFiltered=${isFiltered} isEnd=${isEnd} here=${here} fields=${fields} />`}
      <p role="status">${rows.length > 0 || !isEnd ? `${plural(rows.length, "finding is", "findings are")} shown.${isEnd ? " That is all." : " There may be older ones."}` : ""}</p>
      <div class="buttons">${more && html`<button type="button" onClick=${more}>Look further</button>`}${!more && !isEnd && html`<span class="muted">Narrow the list to see others.</span>`}</div>
    </div>`;
}

function Nothing({ state, tenant, isFiltered, isEnd, here, fields }) {
  const where = tenant ? html`in <${Name}>${tenant.name}<//>` : "in any tenant that your key sees";
  if (!isEnd) return html`<${Note} title="Nothing so far.">The search used up its budget before it came to the end.<//>`;
  if (isFiltered) return html`<${Note} title=${html`No finding ${where} matches.`}><a href=${here(without(fields))}>Remove all filters</a><//>`;
  return html`<${Calm} state=${state} tenant=${tenant} where=${where} here=${here} />`;
}

// Why there is nothing: it makes a difference whether anybody looks.
function Calm({ state, tenant, where, here }) {
  const { data } = useLive("/v1/overview", SELDOM_MS);
  if (data?.detections === "off") return html`<${Note} tone="needs_you" title="Detections are off: nothing is looked at, and nothing is found.">Deploy with <code>Detections=on</code>. Rules then look at what comes from that moment on.<//>`;
  const word = { open: "open ", new: "new ", acknowledged: "acknowledged ", closed: "closed " }[state] ?? "";
  return html`
    <${Note} tone="complete" title=${word ? html`There is no ${word}finding ${where}.` : html`Nothing was found ${where}.`}>
      Rules look at each record seconds after it came. ${word ? "Either they found nothing, or others have dealt with it." : "They found nothing yet."}${tenant && state !== "all" ? html` <a href=${here({ state: "all" })}>Show those of every state</a>` : ""}
    <//>`;
}
