// Data that keeps itself up to date: polled with ETags, not while the page is hidden, slower while it fails.
import { connection, get, onConnection } from "./api.js";
import { useEffect, useRef, useState } from "./html.js";

export const SOON_MS = 5_000;
export const CALM_MS = 10_000;
// What costs more to answer than it changes: the doctor asks Microsoft, a week of hours is 840 rows.
export const SELDOM_MS = 60_000;

// Longest wait after failures.
const WAIT_MAX_MS = 60_000;

// `load` is a path, or an async function of an AbortSignal; null waits. `identity` begins anew when it changes.
// Answers { data, error, refresh, busy }. While an error lasts, the data of before stays.
export function useLive(load, every = CALM_MS, identity = load) {
  const [state, set] = useState({ data: undefined, error: null, busy: true, of: identity });
  const loader = useRef(load);
  loader.current = load;
  const again = useRef(() => {});

  useEffect(() => {
    if (loader.current === null) return undefined;
    const stop = new AbortController();
    let timer = null;
    let failures = 0;
    let running = false;

    const run = async () => {
      if (running) return;
      running = true;
      clearTimeout(timer);
      let wait = every;
      try {
        const now = loader.current;
        const data = typeof now === "string" ? await get(now, stop.signal) : await now(stop.signal);
        failures = 0;
        if (!stop.signal.aborted) {
          set((before) => (before.of === identity && before.data === data && !before.error && !before.busy ? before : { data, error: null, busy: false, of: identity }));
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        failures += 1;
        wait = Math.min(every * 2 ** failures, WAIT_MAX_MS);
        if (error.retryAfter) wait = Math.max(wait, error.retryAfter * 1000);
        set((before) => ({ data: before.of === identity ? before.data : undefined, error, busy: false, of: identity }));
      } finally {
        running = false;
      }
      if (!stop.signal.aborted && !document.hidden) timer = setTimeout(run, wait);
    };
    const seen = () => (document.hidden ? clearTimeout(timer) : run());
    again.current = run;
    document.addEventListener("visibilitychange", seen);
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [identity, every, load === null]);

  const current = state.of === identity ? state : { data: undefined, error: null, busy: true };
  return { ...current, refresh: () => again.current() };
}

// Draws anew while time passes, so that "4 min ago" stays true.
export function useNow(every = CALM_MS) {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || set(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function useConnection() {
  const [, draw] = useState(0);
  useEffect(() => onConnection(() => draw((times) => times + 1)), []);
  return connection;
}
