// One finding: what happened and how sure that is, who did what about it, what to do, its story, and the rule behind it.
import { Fragment, html, useEffect, useState } from "../../parts/html.js";
import { CALM_MS, useLive, useNow } from "../../parts/live.js";
import { address } from "../../parts/route.js";
import { Away, Copy, Failure, Icon, Loading, Name, Prose, Severity, Time, visible, visibleLines } from "../../parts/ui.js";
import { ago, plural, sentenceCase } from "../../parts/words.js";
import { Story } from "./story.js";
import { Triage } from "./triage.js";

// Sigma's levels, in words for whoever has to decide at night.
// https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-rules-specification.md#level
const SURE = {
  critical: "Almost certainly an incident: look at it now.",
  high: "Likely to matter: look at it soon.",
  medium: "May be harmless. Somebody should look at it.",
  low: "Seldom an incident by itself: it matters together with others.",
  informational: "No sign of an attack by itself. It is background for other findings.",
};

const KINDS = {
  record: "a single record",
  first_seen: "a value that is new for it",
  event_count: "many records within a time",
  value_count: "many different values within a time",
  temporal: "several things within a time",
  temporal_ordered: "several things one after the other",
  travel: "two places that are too far apart for the time between",
};

const NEEDS = { countries: "countries", cities: "cities", networks: "networks" };

export function FindingPage({ route, me }) {
  const [, tenant, , id] = route.parts;
  const now = useNow();
  const path = `/v1/tenants/${encodeURIComponent(tenant)}/findings/${encodeURIComponent(id)}`;
  const { data, error, refresh } = useLive(path, CALM_MS);
  const [changed, setChanged] = useState(null);
  // The answer to a change is newer than what was read before it.
  const isNewer = changed?.finding_id === data?.finding_id && Date.parse(changed?.changed_at) > (Date.parse(data?.changed_at) || 0);
  const finding = data && isNewer ? { ...data, ...changed } : data;
  useEffect(() => {
    if (finding) document.title = `${finding.title} – ualstream`;
  }, [finding?.title]);

  if (!finding) {
    const crumbs = html`<${Crumbs} tenant=${tenant} />`;
    if (!error) return html`${crumbs}<${Loading} page what="the finding" />`;
    if (error.status === 404) return html`${crumbs}<h1>This finding is not there, or your key does not see it.</h1><p>Findings are kept for 400 days. Perhaps the address was cut.</p>`;
    return html`${crumbs}<h1>The finding could not be read.</h1><${Failure} error=${error} what="ualstream answered with an error." retry=${refresh} />`;
  }
  const done = (answer) => {
    setChanged(answer);
    refresh();
  };
  return html`
    <div>
      <${Crumbs} tenant=${tenant} name=${finding.tenant_name} />
      <${Headline} finding=${finding} now=${now} />
      <${Triage} finding=${finding} path=${path} me=${me} now=${now} onDone=${done} />
      <div class="sides">
        <${Facts} finding=${finding} now=${now} />
        <${WhatToDo} rule=${finding.rule} />
      </div>
      <${Story} path=${path} finding=${finding} />
      <${Rule} finding=${finding} />
      <${AsStored} event=${finding.event} />
    </div>`;
}

const Crumbs = ({ tenant, name }) => html`
  <p class="crumbs"><a href=${address(["findings"])}>All findings</a><span class="muted" aria-hidden="true">/</span><a href=${address(["tenants", tenant, "findings"])}><${Name}>${name ?? tenant}<//></a></p>`;

function Headline({ finding, now }) {
  const where = finding.address && placesOf(finding.event).get(finding.address)?.place;
  const from = finding.address && html`${finding.user ? ", from " : ": from "}<${Name}>${finding.address}<//>${where && html` (<${Name}>${where}<//>)`}`;
  const rule = finding.rule ?? {};
  return html`
    <h1 class="sentence"><${Icon} of="finding" /><span><${Name}>${finding.title}<//>${finding.user && html`: <${Name}>${finding.user}<//>`}${from}, <span class="nowrap">${ago(finding.last_at, now)}.</span></span></h1>
    <p><${Severity} id=${finding.severity_id} name=${finding.severity} /> ${SURE[finding.level] ?? "The rule does not say how sure it is."}${rule.status === "experimental" ? " The rule is experimental: expect it to be wrong at times." : ""}</p>`;
}

// Where addresses are, in words, as far as the finding says: OCSF in its evidences, ECS in `source`.
export function placesOf(event) {
  const places = new Map();
  const put = (ip, ...words) => ip && places.set(ip, { place: joined(words.slice(0, 2)), network: joined(words.slice(2)) });
  const joined = (words) => words.filter(Boolean).join(", ");
  const endpoints = (event?.evidences ?? []).map((of) => of.src_endpoint).filter(Boolean);
  for (const { ip, location, autonomous_system: network } of endpoints) {
    put(ip, location?.city, location?.country, network?.name, network && `AS${network.number}`);
  }
  const { ip, geo, as } = event?.source ?? {};
  put(ip, geo?.city_name, geo?.country_name ?? geo?.country_iso_code, as?.organization?.name, as && `AS${as.number}`);
  return places;
}

// What a correlation counted together, by field.
function groupOf(event) {
  const { records, application, ...group } = event?.evidences?.[0]?.data ?? {};
  const ecs = event?.ualstream?.finding?.group ?? [];
  return [...Object.entries(group), ...ecs.map(({ field, value }) => [field, value])];
}

function Facts({ finding, now }) {
  const { user, application, operation, first_at: first, last_at: last, records, event } = finding;
  const places = placesOf(event);
  if (finding.address && !places.has(finding.address)) places.set(finding.address, {});
  const attacks = attacksOf(event);
  const fact = (name, shown) => html`<${Fragment} key=${name}><dt>${name}</dt><dd>${shown}</dd><//>`;
  const all = (query) => address(["tenants", finding.tenant_id, "findings"], { state: "all", ...query });
  return html`
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">Who, from where, when</h2>
      <dl class="pairs">
        ${fact("Who", user ? html`<${Name}>${user}<//> <a class="small" href=${all({ user })}>all findings</a>` : "The records name nobody")}
        ${fact("From", places.size === 0 ? "The records have no address" : [...places].map(([ip, { place, network }]) => html`<div key=${ip}><${Name}>${ip}<//>${(place || network) && html` <span class="muted"><${Name}>${[place, network].filter(Boolean).join(", ")}<//></span>`} <a class="small" href=${all({ address: ip })}>all findings</a></div>`))}
        ${fact("When", first === last ? html`<${Time} at=${last} now=${now} />` : html`<${Time} at=${first} now=${now} /> to <${Time} at=${last} now=${now} />`)}
        ${fact("Records", plural(records, "record"))}
        ${operation && fact("Operation", html`<${Name}>${operation}<//>`)}
        ${application && fact("Application", html`<${Name}>${application}<//>`)}
        ${groupOf(event).map(([name, value]) => fact(visible(name), html`<${Name}>${value}<//>`))}
        ${fact("Found", html`<${Time} at=${finding.found_at} now=${now} />`)}
        ${attacks.length > 0 && fact("ATT&CK", attacks.map((of) => html`<div key=${of}><${Name}>${of}<//></div>`))}
      </dl>
    </section>`;
}

// "Collection (TA0009)", "T1114.003": tactics by name, techniques as MITRE numbers them.
function attacksOf(event) {
  const words = (id, name) => (name ? `${name} (${id})` : id);
  const ocsf = (event?.finding_info?.attacks ?? []).map(({ tactic, technique, sub_technique: sub }) => (tactic ? words(tactic.uid, tactic.name) : (sub ?? technique)?.uid));
  const { tactic, technique } = event?.threat ?? {};
  const subs = technique?.subtechnique?.id ?? [];
  const techniques = (technique?.id ?? []).filter((id) => !subs.some((sub) => sub.startsWith(`${id}.`)));
  const ecs = [...(tactic?.id ?? []).map((id, at) => words(id, tactic.name?.[at])), ...techniques, ...subs];
  return [...new Set([...ocsf, ...ecs])].filter(Boolean);
}

function WhatToDo({ rule }) {
  return html`
    <section aria-labelledby="respond-title">
      <h2 id="respond-title">What to do</h2>
      ${rule?.respond ? html`<${Prose} text=${rule.respond} />` : html`<p class="muted">${rule ? "The rule does not say." : "The rule is no longer there."} Look at the story below, and ask whoever it names.</p>`}
      ${rule?.false_positives?.length > 0 && html`<h3>What is harmless and looks the same</h3><ul class="plain">${rule.false_positives.map((text) => html`<li key=${text}><${Name}>${sentenceCase(text)}<//></li>`)}</ul>`}
    </section>`;
}

function Rule({ finding }) {
  const { rule, sigma } = finding;
  if (!rule) return html`<section><h2>The rule</h2><p class="muted">The rule that found this is no longer there: it was removed after the finding. Its id is <code>${finding.rule_id}</code>.</p></section>`;
  const references = (rule.references ?? []).filter((href) => href.startsWith("https://"));
  const needs = (rule.needs ?? []).map((of) => NEEDS[of] ?? of).join(" and ");
  return html`
    <section aria-labelledby="rule-title">
      <h2 id="rule-title">The rule: <${Name}>${rule.title}<//></h2>
      ${rule.description && html`<${Prose} text=${rule.description} />`}
      <p class="muted">It fires on ${KINDS[rule.kind] ?? "what it describes"}${needs ? `, and needs files of ${needs}` : ""}. <${Name}>${rule.file}<//></p>
      ${rule.tags?.length > 0 && html`<p class="muted small">Tags: <${Name}>${rule.tags.join(", ")}<//></p>`}
      ${references.length > 0 && html`<ul class="plain">${references.map((href) => html`<li key=${href}><${Away} href=${href}>${visible(href)}<//></li>`)}</ul>`}
      <p><a href=${address(["findings"], { rule: rule.id })}>Open findings of this rule</a></p>
      ${sigma && html`
        <details><summary>The rule as it is written now (Sigma)</summary>
          <${Text} text=${sigma} label="The rule" />
          <${Copy} text=${sigma} label="Copy the rule" />
        </details>`}
    </section>`;
}

function AsStored({ event }) {
  const text = JSON.stringify(event, null, 2);
  return html`
    <section aria-labelledby="stored-title">
      <h2 id="stored-title" class="hidden">The finding as it is stored</h2>
      <details><summary>The finding as it lies in the lake (${event?.ecs ? "ECS" : "OCSF"})</summary>
        <${Text} text=${text} label="The finding" />
        <${Copy} text=${text} label="Copy the finding" />
      </details>
    </section>`;
}

const Text = ({ text, label }) => html`<pre class="query" tabindex="0" role="group" aria-label=${label}>${visibleLines(text)}</pre>`;
