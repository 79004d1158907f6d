// "Exception from here": what the finding names, ticked or not, a reason and an end.
import { change } from "../../parts/api.js";
import { html, useState } from "../../parts/html.js";
import { Dialog, Name, useAction } from "../../parts/ui.js";
import { dateInput, endOfDay } from "../../parts/words.js";

const DAY_MS = 86_400_000;

// Long enough for a holiday or a migration. What is true for longer belongs into the rule.
const DAYS = 30;

const REASON_CHARACTERS_MAX = 300;

export function ExceptionForm({ finding, me, onClose, onDone }) {
  const parts = partsOf(finding);
  const [ticked, tick] = useState(() => new Set(parts.filter((part) => part.isTicked).map((part) => part.name)));
  const [wrong, setWrong] = useState("");
  const { run, busy, error } = useAction(async (body) => onDone(await change("POST", "/v1/exceptions", body)));
  const turn = (name) => {
    const next = new Set(ticked);
    next.has(name) ? next.delete(name) : next.add(name);
    tick(next);
    setWrong("");
  };
  const sent = (form) => {
    if (ticked.size === 0) {
      setWrong("Tick at least one: an exception for everything would end all findings.");
      return;
    }
    const body = { reason: form.get("reason").trim(), until: endOfDay(form.get("until")) };
    for (const { name, value } of parts) if (ticked.has(name)) body[name] = name === "address" ? form.get("address").trim() : value;
    run(body);
  };
  // A key for some tenants makes exceptions for these alone: the tenant stays ticked.
  const today = Date.now();
  return html`
    <${Dialog} title="Exception from here" submit="Make the exception" busy=${busy} error=${wrong || error?.message} onClose=${onClose} onSubmit=${sent}>
      <p>What has all of these is no longer found. That begins within 5 minutes; findings that are there stay as they are.</p>
      <fieldset><legend>For</legend>
        ${parts.map((part) => html`
          <label class="check" key=${part.name}><input type="checkbox" checked=${ticked.has(part.name)} disabled=${part.name === "tenant_id" && me.tenants != null} onChange=${() => turn(part.name)} /><span><span class="muted">${part.word}</span> <${Name}>${part.shown ?? part.value}<//></span></label>
          ${part.name === "address" && ticked.has("address") && html`<input key="address" name="address" type="text" aria-label="IP address or network" defaultValue=${part.value} maxlength="64" spellcheck="false" autocomplete="off" required />`}`)}
      </fieldset>
      <p class="muted" role="status">${reach(ticked)}</p>
      <label for="reason">Reason <span class="muted">(why there is no danger)</span></label>
      <textarea id="reason" name="reason" rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} required></textarea>
      <label for="until">Until the end of</label>
      <input id="until" name="until" type="date" min=${dateInput(today)} defaultValue=${dateInput(today + DAYS * DAY_MS)} required />
    <//>`;
}

// The narrowest that is likely meant: this rule, for this user or address, in this tenant.
function partsOf(finding) {
  const { rule_id: rule, title, user, address, tenant_id: tenant, tenant_name: name, application } = finding;
  return [
    { name: "rule_id", word: "Rule", value: rule, shown: title, isTicked: true },
    { name: "user", word: "User", value: user, isTicked: true },
    { name: "address", word: "Address", value: address, isTicked: !user },
    { name: "application", word: "Application", value: application, isTicked: false },
    { name: "tenant_id", word: "Tenant", value: tenant, shown: name, isTicked: true },
  ].filter((part) => part.value);
}

// What is easily overlooked.
function reach(ticked) {
  const isWide = !ticked.has("user") && !ticked.has("address") && !ticked.has("application");
  if (ticked.size > 0 && isWide && ticked.has("rule_id")) return `The rule then finds nothing ${ticked.has("tenant_id") ? "in this tenant" : "in any tenant"}.`;
  if (ticked.size > 0 && isWide) return "No rule then finds anything in this tenant.";
  if (ticked.size > 0 && !ticked.has("rule_id")) return "That is for every rule.";
  return "";
}
