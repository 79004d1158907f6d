// A long list, drawn so that it never holds up the keyboard.
import { useEffect, useRef, useState } from "./html.js";

// Rows drawn in one go: some milliseconds of work.
const DRAWN_AT_ONCE = 20;

// More than a screen: these keep up with the clock.
const NEAR = 100;

const MINUTE_MS = 60_000;

// Rows are drawn again only when what they show has changed, and some at a time: a thousand of them must not hold up the
// keyboard. Those far down move on with the clock once a minute, a few at each tick.
// `idOf` and `showsOf` (a list of values) are of a row; `draw` makes its element of the row and the time.
export function useDrawn(idOf, showsOf, draw) {
  const before = useRef(new Map());
  const isLate = useRef(false);
  const [, again] = useState(0);
  useEffect(() => {
    if (!isLate.current) return undefined;
    const timer = setTimeout(() => again((times) => times + 1));
    return () => clearTimeout(timer);
  });
  return (rows, now) => {
    const next = new Map();
    let changed = 0;
    const all = [];
    for (const [at, row] of rows.entries()) {
      const id = idOf(row);
      const clock = at < NEAR ? now : now - ((now + at * 7_000) % MINUTE_MS);
      const shows = [...showsOf(row), clock].join("\n");
      const old = before.current.get(id);
      changed += old?.shows === shows ? 0 : 1;
      const isTurn = changed <= DRAWN_AT_ONCE;
      // Further down: rows that stand there already stay as they are, and new ones come at the next ticks.
      if (!old && !isTurn) continue;
      const drawn = old && (old.shows === shows || !isTurn) ? old : { shows, element: draw(row, clock) };
      next.set(id, drawn);
      all.push(drawn.element);
    }
    before.current = next;
    isLate.current = changed > DRAWN_AT_ONCE;
    return all;
  };
}
