// The rows of a list of findings: the newest page keeps itself up to date, further ones are read when asked for.
import { get } from "../../parts/api.js";
import { useEffect, useMemo, useRef, useState } from "../../parts/html.js";
import { CALM_MS, useLive } from "../../parts/live.js";
import { rfc3339 } from "../../parts/words.js";

// Rows of a page: more than a screen, and drawn at once.
const PAGE = 50;

// Rows kept in the list. Whoever goes further narrows it.
const FINDINGS_MAX = 1000;

const HOUR_MS = 3_600_000;

// Answers { rows, busy, error, retry, more, unread, show, … }; `table` is the ref of the element that shows them. Rows that are
// being read do not move: `unread` says that there are newer ones, `show` takes them in.
export function useFindings(path, filter, hours) {
  const identity = `${path}?${filter} ${hours ?? ""}`;
  const asked = useMemo(() => {
    const query = new URLSearchParams(filter);
    if (hours && !query.has("from")) query.set("from", rfc3339(Date.now() - Number(hours) * HOUR_MS));
    query.set("limit", PAGE);
    return query.toString();
  }, [identity]);
  const newest = useLive(`${path}?${asked}`, CALM_MS, identity);
  const [further, setFurther] = useState({ of: null });
  const stop = useRef(null);
  const held = useRef({ of: null });
  const table = useRef(null);
  useEffect(() => () => stop.current?.abort(), [identity]);

  if (held.current.of !== identity) held.current = { of: identity, rows: new Map(), seen: null };
  const memory = held.current;
  const more = further.of === identity ? further : { busy: false, error: null };
  // What came since waits while somebody reads, and what has gone stays.
  const isRead = memory.rows.size > 0 && isBeingRead(table.current);
  const isNew = (row) => !memory.rows.has(row.finding_id);
  const unread = isRead && newest.data !== memory.seen && newest.data?.findings.some(isNew);
  if (newest.data && newest.data !== memory.seen && !unread) take(memory, newest.data, isRead);
  else if (unread) for (const row of newest.data.findings) if (!isNew(row)) memory.rows.set(row.finding_id, row);

  const rows = [...memory.rows.values()].sort((a, b) => Date.parse(b.last_at) - Date.parse(a.last_at) || (a.finding_id < b.finding_id ? -1 : 1));
  const cursor = more.cursor === undefined ? memory.seen?.next_cursor : more.cursor;
  const read = async () => {
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    setFurther({ of: identity, busy: true, error: null, cursor });
    try {
      const page = await get(`${path}?${asked}&cursor=${encodeURIComponent(cursor)}`, mine.signal);
      for (const row of page.findings) memory.rows.set(row.finding_id, row);
      setFurther({ of: identity, busy: false, error: null, cursor: page.next_cursor });
    } catch (error) {
      if (!mine.signal.aborted) setFurther({ of: identity, busy: false, error, cursor });
    }
  };
  const show = () => {
    take(memory, newest.data, false);
    setFurther({ ...more, of: identity });
  };
  return {
    rows, unread, show, table,
    isRead: memory.seen !== null && !more.busy,
    busy: more.busy || (memory.seen === null && !newest.error),
    error: more.error ?? newest.error,
    retry: more.error ? read : newest.refresh,
    isEnd: !cursor,
    more: cursor && rows.length < FINDINGS_MAX ? read : null,
  };
}

// A newer answer of the first page: what it no longer has, though it would stand there, has another state now.
function take(memory, page, isRead) {
  const last = page.next_cursor ? page.findings.at(-1)?.last_at : "";
  const present = new Set(page.findings.map((row) => row.finding_id));
  for (const [id, row] of memory.rows) if (!isRead && last !== undefined && !present.has(id) && Date.parse(row.last_at) > (Date.parse(last) || 0)) memory.rows.delete(id);
  for (const row of page.findings) memory.rows.set(row.finding_id, row);
  memory.seen = page;
}

const isBeingRead = (table) => table != null && (table.matches(":hover") || table.contains(document.activeElement) || table.getBoundingClientRect().top < 0);
