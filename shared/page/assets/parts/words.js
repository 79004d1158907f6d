// Numbers, times and states in the words of the page. Plain functions: no element is made here.

const LOCALE = "en-GB";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

// The five states, the worst first: the order of the chips.
export const STATES = ["needs_you", "lost", "catching_up", "waiting", "complete"];

export const STATE_WORDS = {
  complete: "Complete",
  catching_up: "Catching up",
  waiting: "Waiting",
  needs_you: "Needs you",
  lost: "Lost",
};

export const CONTENT_TYPES = ["Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General", "DLP.All"];

export const CLOUDS = {
  enterprise: "Worldwide (Enterprise)",
  gcc: "GCC (US Government Community Cloud)",
  "gcc-high": "GCC High",
  dod: "DoD",
  china: "China (21Vianet)",
};

export const SEVERITIES = ["Informational", "Low", "Medium", "High", "Critical", "Fatal"];

// The worst severity that is counted, and how often: ["Critical", 2], or null.
export function worstOf(counts) {
  const worst = SEVERITIES.findLast((name) => counts?.[name] > 0);
  return worst ? [worst, counts[worst]] : null;
}

// The states of a finding: the words of the chips, and of a row.
export const FINDING_STATES = { open: "Open", new: "New", acknowledged: "Acknowledged", closed: "Closed", all: "All" };

export const VERDICTS = {
  true_positive: "true positive",
  false_positive: "false positive",
  benign: "benign",
  test: "test",
  duplicate: "duplicate",
};

// "Closed as false positive".
export const findingState = ({ state, verdict }) => `${FINDING_STATES[state] ?? state}${verdict ? ` as ${VERDICTS[verdict] ?? verdict}` : ""}`;

const CAUSES = {
  consent: "consent is missing or was revoked",
  credential: "our credential was refused",
  blocked: "a policy keeps our application out",
  auditing_off: "auditing is off",
  tenant_gone: "Microsoft no longer knows the tenant",
  throttled: "Microsoft throttles us",
  webhook: "the webhook is unreachable",
  sweep: "listing fails",
  losses: "losses nobody has acknowledged",
  open_blobs: "content is stuck",
};

export const cause = (name) => CAUSES[name] ?? String(name).replaceAll("_", " ");

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });

export const count = (number) => (number == null ? "–" : (Math.abs(number) < 10 ? tenth : whole).format(number));

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

// "2 s", "4 min", "3 h 5 min", "2 days".
export function duration(seconds) {
  if (seconds == null) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
  if (s < DAY) {
    const rest = Math.floor((s % HOUR) / MINUTE);
    return `${Math.floor(s / HOUR)} h${rest && s < 10 * HOUR ? ` ${rest} min` : ""}`;
  }
  const days = Math.floor(s / DAY);
  return days === 1 ? "1 day" : `${count(days)} days`;
}

// "4 min ago"; "in 4 min" for what is to come.
export function ago(time, now = Date.now()) {
  const seconds = (now - Date.parse(time)) / 1000;
  if (Number.isNaN(seconds)) return "–";
  if (Math.abs(seconds) < 5) return "just now";
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
}

const format = (options) => new Intl.DateTimeFormat(LOCALE, options);
const TIME = { hour: "2-digit", minute: "2-digit" };
const SECONDS = { ...TIME, second: "2-digit" };
const DATE = { day: "numeric", month: "short", year: "numeric" };
const clockHere = format(TIME);
const clockSecondsHere = format(SECONDS);
const dayHere = format({ weekday: "short", day: "numeric", month: "short" });
const longDayHere = format({ weekday: "long", ...DATE, month: "long" });
const dateHere = format(DATE);
const fullHere = format({ ...DATE, ...SECONDS, timeZoneName: "short" });
const fullUtc = format({ ...DATE, ...SECONDS, timeZone: "UTC" });
const clockUtc = format({ ...TIME, timeZone: "UTC" });
const keyHere = format({ year: "numeric", month: "2-digit", day: "2-digit" });

const at = (time) => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? null : date;
};

const shown = (formatter) => (time) => {
  const date = at(time);
  return date ? formatter.format(date) : "–";
};

export const clock = shown(clockHere);
export const clockSeconds = shown(clockSecondsHere);
export const clockInUtc = shown(clockUtc);
export const day = shown(dayHere);
export const date = shown(dateHere);
export const longDay = shown(longDayHere);
export const dayKey = shown(keyHere);

// The reader's time and UTC beside it.
export function exact(time) {
  const date = at(time);
  if (!date) return "";
  return `${fullHere.format(date)} · ${fullUtc.format(date)} UTC`;
}

// "10:42" today, "Fri 27 Nov, 10:42" on another day.
export function upTo(time, now = Date.now()) {
  return dayKey(time) === dayKey(now) ? clock(time) : `${day(time)}, ${clock(time)}`;
}

// "enabled" reads better behind the type than alone: "Audit.Exchange enabled".
export const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// The content type that is furthest behind in a first listing: [hours done, hours].
export function slowest({ content_types: types }) {
  const left = ({ hours, hours_done: done }) => hours - done;
  const last = [...types].sort((a, b) => left(b) - left(a) || a.hours - b.hours)[0];
  return last ? [last.hours_done, last.hours] : [0, 0];
}

// RFC 3339 in whole seconds.
export const rfc3339 = (milliseconds) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");

// A day of the reader's, as a date field has it: "2026-11-29".
export function dateInput(milliseconds) {
  const date = new Date(milliseconds);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

// The last second of such a day, in RFC 3339.
export const endOfDay = (day) => rfc3339(new Date(`${day}T23:59:59`).getTime());
