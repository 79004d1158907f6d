// Charts in SVG and a grid of cells. No element has a style: sizes are attributes, colours are classes.
import { html, useEffect, useRef, useState } from "./html.js";
import { CONTENT_TYPES, clock, clockInUtc, count, day, dayKey, plural, rfc3339 } from "./words.js";

const HOUR_MS = 3_600_000;

// Hours of the heat map: as far back as Microsoft lists.
export const WEEK_HOURS = 168;

// A line over numbers, the newest at the right.
export function Sparkline({ numbers, label }) {
  const [width, height] = [120, 24];
  const most = Math.max(1, ...numbers);
  const step = width / Math.max(1, numbers.length - 1);
  const points = numbers.map((number, at) => `${(at * step).toFixed(1)},${(height - 2 - (number / most) * (height - 4)).toFixed(1)}`);
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" width=${width} height=${height} role="img" aria-label=${label}><polyline points=${points.join(" ")} /></svg>`;
}

export const Bar = ({ done, of, label }) => html`<progress class="bar" value=${done} max=${Math.max(1, of)} aria-label=${label}></progress>`;

const MEANINGS = {
  complete: "complete: listed to its end, all delivered",
  final: "final: complete, and nothing can be added any more",
  open: "open: something is still under way",
  unlisted: "not listed yet",
  quarantined: "quarantined: came, but could not be read",
  lost: "lost or not listed in time: on the list of losses",
};

const SHORT = { complete: "complete", final: "final", open: "open", unlisted: "not listed yet", quarantined: "quarantined", lost: "lost" };

// What a cell shows: the worst that is true of the hour.
export function cellState(row) {
  if (!row) return "unlisted";
  if (row.lost > 0 || row.gap) return "lost";
  if (row.quarantined > 0) return "quarantined";
  if (row.state === "open" && !row.open && !row.listed && !row.done) return "unlisted";
  return row.state;
}

const hourOf = (time) => Math.floor(Date.parse(time) / HOUR_MS);

// Certificates by content type and hour, the last hour at the right edge.
function columns(now) {
  const last = Math.floor(now / HOUR_MS);
  return Array.from({ length: WEEK_HOURS }, (_, at) => last - WEEK_HOURS + 1 + at);
}

// Seven days: records an hour above, and below a row of cells for each content type.
export function Week({ hours, volume, now, eventsAt }) {
  const cells = columns(now);
  const byType = new Map();
  for (const row of hours) {
    if (!byType.has(row.content_type)) byType.set(row.content_type, new Map());
    byType.get(row.content_type).set(hourOf(row.hour), row);
  }
  const known = CONTENT_TYPES.filter((type) => byType.has(type));
  const types = [...known, ...[...byType.keys()].filter((type) => !known.includes(type))];
  const [at, move] = useState([0, WEEK_HOURS - 1]);
  const grid = useRef(null);
  const scroller = useRef(null);
  const focused = useRef(false);

  // The present hour is at the right edge, and seen first.
  useEffect(() => {
    scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [types.length]);
  useEffect(() => {
    if (focused.current) grid.current.querySelector('[tabindex="0"]')?.focus();
  }, [at[0], at[1]]);

  const keys = (event) => {
    const [row, column] = at;
    const steps = { ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], Home: [row, 0], End: [row, WEEK_HOURS - 1] };
    const next = steps[event.key];
    if (event.key === "Enter") location.hash = eventsAt(cells[column] * HOUR_MS);
    if (!next) return;
    event.preventDefault();
    focused.current = true;
    move([Math.min(types.length - 1, Math.max(0, next[0])), Math.min(WEEK_HOURS - 1, Math.max(0, next[1]))]);
  };
  const pointed = (event) => {
    const cell = event.target.closest("[data-column]");
    if (cell) move([Number(cell.dataset.row), Number(cell.dataset.column)]);
  };

  const sums = new Map();
  for (const { hour: of, records } of volume) sums.set(hourOf(of), (sums.get(hourOf(of)) ?? 0) + records);
  const numbers = cells.map((of) => sums.get(of) ?? 0);
  const most = Math.max(...numbers);
  const [row, column] = [Math.min(at[0], types.length - 1), at[1]];
  const hour = cells[column];
  const told = types.length ? tell(types[row], hour, byType.get(types[row])?.get(hour)) : "";
  return html`
    <div class="week">
      <div class="week-names" aria-hidden="true"><span class="week-volume-name">${most > 0 ? `Records an hour, up to ${count(most)}` : "Records an hour"}</span>${types.map((type) => html`<span key=${type}>${type}</span>`)}</div>
      <div class="week-scroll" ref=${scroller} tabindex="-1">
        <div class="week-inner">
          <${Volume} cells=${cells} numbers=${numbers} most=${most} />
          <div role="grid" class="week-grid" aria-label="Completeness of seven days by content type and hour" ref=${grid} onKeyDown=${keys} onMouseOver=${pointed} onFocusIn=${(event) => { focused.current = true; pointed(event); }} onFocusOut=${() => { focused.current = false; }}>
            ${types.map((type, r) => html`
              <div role="row" class="week-row" key=${type} aria-label=${type}>
                ${cells.map((h, c) => {
                  const state = cellState(byType.get(type).get(h));
                  return html`<a role="gridcell" key=${h} href=${eventsAt(h * HOUR_MS)} data-row=${r} data-column=${c} tabindex=${r === row && c === column ? 0 : -1} class="cell is-${state} ${c === column ? "here" : ""}" aria-label=${`${type}, ${day(h * HOUR_MS)} ${clock(h * HOUR_MS)}: ${SHORT[state]}`}></a>`;
                })}
              </div>`)}
          </div>
          <${Days} cells=${cells} />
        </div>
      </div>
      <p class="week-told" role="status">${told}</p>
      <ul class="legend" aria-label="What the cells mean">
        ${Object.entries(MEANINGS).map(([state, meaning]) => html`<li key=${state}><span class="cell is-${state}" aria-hidden="true"></span>${meaning}</li>`)}
      </ul>
    </div>`;
}

// The numbers of a cell, in words.
function tell(type, hour, row) {
  const [from, to] = [hour * HOUR_MS, (hour + 1) * HOUR_MS];
  const when = `${type}, ${day(from)} ${clock(from)} to ${clock(to)} (${clockInUtc(from)} UTC)`;
  if (!row) return `${when}: nothing is known of this hour yet.`;
  const trouble = [
    row.open > 0 && `${count(row.open)} open`,
    row.quarantined > 0 && `${count(row.quarantined)} quarantined`,
    row.lost > 0 && `${count(row.lost)} lost`,
    row.gap && "a part was not listed in time",
  ].filter(Boolean);
  return `${when}: ${SHORT[cellState(row)]}. ${plural(row.listed ?? 0, "blob")} listed, ${count(row.done ?? 0)} done${trouble.length ? `, ${trouble.join(", ")}` : ""}; ${plural(row.records_in ?? 0, "record")}.`;
}

function Volume({ cells, numbers, most }) {
  const all = numbers.reduce((sum, number) => sum + number, 0);
  const label = `Records an hour over seven days: ${count(all)} in all, at most ${count(most)} in an hour`;
  return html`
    <div class="volume">
      <svg viewBox="0 0 ${WEEK_HOURS} 40" preserveAspectRatio="none" width="100%" height="40" role="img" aria-label=${label}>
        ${numbers.map((number, at) => number > 0 && html`<rect key=${at} x=${at + 0.1} width="0.8" y=${40 - Math.max(1, (number / most) * 40)} height=${Math.max(1, (number / most) * 40)}><title>${day(cells[at] * HOUR_MS)} ${clock(cells[at] * HOUR_MS)}: ${plural(number, "record")}</title></rect>`)}
      </svg>
    </div>`;
}

// A label at each midnight of the reader.
function Days({ cells }) {
  const marks = cells.flatMap((hour, at) => (at > 0 && dayKey(hour * HOUR_MS) === dayKey((hour - 1) * HOUR_MS) ? [] : [[hour, at]]));
  // The first mark may stand too near the second.
  const shown = marks.filter(([, at], n) => !(n === 0 && marks[1] && marks[1][1] - at < 12));
  return html`<svg class="days" width="100%" height="20" aria-hidden="true">${shown.map(([hour, at]) => html`<text key=${hour} x=${`${(at / WEEK_HOURS) * 100}%`} y="14">${day(hour * HOUR_MS)}</text>`)}</svg>`;
}

// The week up to now, as the API is asked for it.
export function weekSpan(now) {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS;
  return `from=${encodeURIComponent(rfc3339(last - (WEEK_HOURS - 1) * HOUR_MS))}`;
}
