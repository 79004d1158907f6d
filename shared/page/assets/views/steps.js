// From consent to the first event: a tick, a clock or a cross each, and for how long waiting is normal.
import { Announce, Failure, Icon, Loading, Name, Time, useAction } from "../parts/ui.js";
import { Bar } from "../parts/charts.js";
import { change } from "../parts/api.js";
import { html } from "../parts/html.js";
import { SOON_MS, useLive, useNow } from "../parts/live.js";
import { address } from "../parts/route.js";
import { count, plural, slowest } from "../parts/words.js";

// The doctor asks Microsoft: less often than the tenant is looked at.
const CHECK_MS = 15_000;

export function Steps({ id }) {
  const now = useNow(SOON_MS);
  const path = `/v1/tenants/${encodeURIComponent(id)}`;
  const tenant = useLive(path, SOON_MS);
  const check = useLive(`${path}/check`, CHECK_MS);
  const backfill = useLive(`${path}/backfill`, SOON_MS);
  const again = useAction(async () => {
    await change("POST", "/v1/tenants", { tenant_id: id });
    tenant.refresh();
    check.refresh();
  });
  if (!tenant.data) return tenant.error ? html`<h1>The tenant could not be read.</h1><${Failure} error=${tenant.error} what="ualstream answered with an error." retry=${tenant.refresh} />` : html`<${Loading} page what="the tenant" />`;
  const steps = stepsOf(tenant.data, check.data, backfill.data);
  const done = steps.filter(({ state }) => state === "done").length;
  const failed = steps.find(({ state }) => state === "failed");
  const words = failed ? `${failed.title} did not succeed. You are needed.` : done === steps.length ? "All is set: events arrive." : `${count(done)} of ${count(steps.length)} steps are done. Under way: ${steps.find(({ state }) => state !== "done").title.toLowerCase()}.`;
  return html`
    <div>
      <p class="crumbs"><strong><${Name}>${tenant.data.name}<//></strong><span class="id">${id}</span></p>
      <h1 class="sentence"><${Icon} of=${failed ? "needs_you" : done === steps.length ? "complete" : "catching_up"} /><span>${words}</span></h1>
      <${Announce} text=${words} />
      <ol class="findings steps">${steps.map((step) => html`<${Step} key=${step.title} step=${step} now=${now} />`)}</ol>
      ${again.error && html`<p class="error" role="alert"><${Name}>${again.error.message}<//></p>`}
      <div class="buttons">
        <a class=${`button ${failed ? "" : "primary"}`} href=${address(["tenants", id])}>Open the tenant's page</a>
        ${failed && html`<button type="button" class="primary" disabled=${again.busy} onClick=${again.run}>${again.busy ? "Trying …" : "Try again now"}</button>`}
        ${failed?.id === "consent" && html`<a class="button" href=${address(["add"], { door: "link", name: tenant.data.name, cloud: tenant.data.cloud })}>Make a consent link</a>`}
        <a href=${address(["add"])}>Add another</a>
      </div>
      <p class="muted">You may close this page: all of it goes on without it.</p>
    </div>`;
}

const ICONS = { done: "complete", waiting: "waiting", failed: "failed" };
const WORDS = { done: "Done", waiting: "Waiting", failed: "Failed" };

const Step = ({ step, now }) => html`
  <li data-step=${step.id} data-state=${step.state}>
    <${Icon} of=${ICONS[step.state]} />
    <div>
      <strong>${step.title}</strong> <span class="muted">${WORDS[step.state]}${step.at ? html`, <${Time} at=${step.at} now=${now} />` : ""}</span>
      ${step.state === "waiting" && step.normal && html`<p class="muted">${step.normal}</p>`}
      ${step.bar && step.state === "waiting" && html`<${Bar} done=${step.bar[0]} of=${step.bar[1]} label=${step.title} />`}
      ${step.why && step.state !== "done" && html`<p><${Name}>${step.why}<//></p>`}
      ${step.remedy && step.state === "failed" && html`<p><span class="muted">What to do: </span><${Name}>${step.remedy}<//></p>`}
    </div>
  </li>`;

// What each step shows, from the doctor's checks and what the tenant says itself.
export function stepsOf(tenant, check, backfill) {
  const subscriptions = tenant.subscriptions;
  const enabled = subscriptions.filter(({ status }) => status === "enabled").length;
  const hooked = subscriptions.filter(({ webhook }) => webhook === "enabled").length;
  const listed = subscriptions.filter((of) => of.listed_until).length;
  const isAll = (number) => subscriptions.length > 0 && number === subscriptions.length;
  const isBraked = tenant.brake && tenant.brake.reason !== "throttled";
  // A subscription that is enabled proves all that had to be there before it.
  const proved = enabled > 0 && !isBraked;
  const checked = (id) => {
    const found = (check?.checks ?? []).filter((one) => one.id === id);
    const bad = found.find(({ result }) => result === "failed");
    if (bad) return { state: "failed", why: bad.meaning, remedy: bad.remedy };
    if (proved || (found.length > 0 && found.every(({ result }) => result === "ok" || result === "warning"))) return { state: "done" };
    return { state: "waiting", why: found.find(({ result }) => result === "unknown")?.meaning };
  };
  const reached = (isDone, more = {}) => ({ state: isDone ? "done" : "waiting", ...more });
  const reason = { consent: "consent", auditing_off: "auditing" }[tenant.brake?.reason];
  const braked = (id, of) => (reason === id && of.state !== "failed" ? { state: "failed", why: tenant.brake.text, remedy: tenant.standing?.next_action } : of);
  const hook = checked("webhook_reachable");
  return [
    { id: "consent", title: "Consent", normal: "A Global Administrator has to accept. Afterwards it takes up to five minutes until Microsoft knows it everywhere.", ...braked("consent", checked("consent")) },
    { id: "roles", title: "Token with roles", normal: "Microsoft issues the permissions some minutes after consent.", ...checked("roles") },
    { id: "auditing", title: "Auditing on", normal: "After auditing was turned on, Microsoft needs up to an hour, seldom a day.", ...braked("auditing", checked("auditing")) },
    { id: "subscriptions", title: plural(subscriptions.length, "subscription"), normal: `${count(enabled)} of ${count(subscriptions.length)} are enabled. That takes seconds to minutes.`, why: subscriptions.find((of) => of.last_error)?.last_error, ...reached(isAll(enabled)) },
    { id: "webhook", title: "Webhook validated", normal: `${count(hooked)} of ${count(subscriptions.length)} are validated. Microsoft calls it within seconds; meanwhile, and without it, the sweep delivers.`, ...(isAll(hooked) || subscriptions.every(({ webhook, status }) => status === "enabled" && webhook === "none") ? { state: "done" } : hook.state === "failed" ? hook : reached(false)) },
    { id: "listing", title: "First listing", normal: backfill?.hours ? `Hour ${slowest(backfill).map(count).join(" of ")}. Seven days take some minutes.` : "The sweep begins within minutes.", bar: backfill?.hours ? [backfill.hours_done, backfill.hours] : null, ...reached(isAll(listed) && backfill && backfill.hours > 0 && backfill.hours_done >= backfill.hours) },
    { id: "event", title: "First event", normal: "Microsoft makes the first records available within minutes; up to 12 hours are documented, and a quiet tenant has none at night.", ...reached(Boolean(tenant.last_event_at || subscriptions.some((of) => of.last_content_at)), { at: tenant.last_event_at }) },
  ];
}
