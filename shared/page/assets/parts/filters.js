// Filters of a list in one line, and those in force as chips. The address bar holds them.
import { Fragment, html, useRef, useState } from "./html.js";
import { go } from "./route.js";
import { Name } from "./ui.js";
import { exact, upTo } from "./words.js";

const VALUE_CHARACTERS_MAX = 200;

// `fields`: { name, word, hint } with text, or { name, word, options: [[value, word]] }. `periods`: [[hours, word]], the first
// for no limit. `here` gives the address with changed parameters.
export function Filters({ label, fields, periods, query, here, children }) {
  const [field, setField] = useState(fields[0].name);
  const input = useRef(null);
  const chosen = fields.find(({ name }) => name === field);
  const sent = (event) => {
    event.preventDefault();
    const value = new FormData(event.currentTarget).get("value")?.trim();
    if (!value) return;
    go(here({ [field]: value }));
    if (input.current) input.current.value = "";
  };
  const from = query.get("from");
  const period = (event) => go(here({ hours: event.currentTarget.value, from: null, to: null }));
  const isPeriod = (hours) => !from && (query.get("hours") ?? "") === hours;
  return html`
    <${Fragment}>
      <form class="filters" role="search" aria-label=${label} onSubmit=${sent}>
        <select aria-label="Filter by" value=${field} onChange=${(event) => setField(event.currentTarget.value)}>${fields.map(({ name, word }) => html`<option key=${name} value=${name} selected=${name === field}>${word}</option>`)}</select>
        ${chosen.options
          ? html`<select id="value" name="value" aria-label=${chosen.word}>${chosen.options.map(([value, word]) => html`<option key=${value} value=${value}>${word}</option>`)}</select>`
          : html`<input id="value" name="value" type="text" ref=${input} maxlength=${VALUE_CHARACTERS_MAX} placeholder=${chosen.hint} aria-label="Value" aria-keyshortcuts="/" autocomplete="off" spellcheck="false" />`}
        <button type="submit">Add filter</button>
        <select aria-label="Period" value=${from ? "own" : query.get("hours") ?? ""} onChange=${period}>${periods.map(([hours, word]) => html`<option key=${hours} value=${hours} selected=${isPeriod(hours)}>${word}</option>`)}${from && html`<option value="own" selected>As in the chip</option>`}</select>
        ${children}
      </form>
      <${Chips} fields=${fields} query=${query} here=${here} />
    <//>`;
}

function Chips({ fields, query, here }) {
  const chips = fields.filter(({ name }) => query.get(name));
  const [from, to] = [query.get("from"), query.get("to")];
  if (chips.length === 0 && !from && !to) return null;
  const shown = ({ name, options }) => options?.find(([value]) => value === query.get(name))?.[1] ?? query.get(name);
  return html`
    <ul class="filters chips" aria-label="Filters in force">
      ${chips.map((field) => html`<li key=${field.name} class="chip"><span class="muted">${field.word}</span> <${Name}>${shown(field)}<//><a class="quiet" href=${here({ [field.name]: null })} aria-label=${`Remove the filter ${field.word}`}>×</a></li>`)}
      ${(from || to) && html`<li key="period" class="chip"><span class="muted">Period</span> <span title=${`${exact(from)} to ${exact(to)}`}>${from ? upTo(from) : "the beginning"} to ${to ? upTo(to) : "now"}</span><a class="quiet" href=${here({ from: null, to: null })} aria-label="Remove the filter Period">×</a></li>`}
      <li key="all"><a href=${here(without(fields))}>Remove all</a></li>
    </ul>`;
}

// Changes that remove every filter.
export const without = (fields) => Object.fromEntries([...fields.map(({ name }) => name), "hours", "from", "to"].map((name) => [name, null]));
