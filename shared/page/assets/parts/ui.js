// Small elements that every view uses: states, times, copy buttons, notes, dialogs.
import { html, useEffect, useRef, useState } from "./html.js";
import { STATE_WORDS, ago, clockInUtc, exact, sentenceCase, upTo } from "./words.js";

// One shape for each state, so that colour is never needed to tell them apart.
const SHAPES = {
  complete: "M3 8.5l3.2 3.2L13 4.8",
  catching_up: "M8 2.5a5.5 5.5 0 1 0 5.5 5.5M8 5v3.2l2.2 1.4",
  waiting: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.2l2.2 1.4",
  needs_you: "M8 2.2L14.6 13.6H1.4zM8 6.4v3.4M8 11.7v.2",
  lost: "M5.2 1.8h5.6l3.4 3.4v5.6l-3.4 3.4H5.2L1.8 10.8V5.2zM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
  failed: "M4 4l8 8M12 4l-8 8",
  off: "M3.5 8h9",
  finding: "M4 14.2V2.4h8.6l-2.4 3.1 2.4 3.1H4",
  new: "M8 2.2L13.8 8L8 13.8L2.2 8z",
  acknowledged: "M1.6 8s2.4-4.2 6.4-4.2S14.4 8 14.4 8s-2.4 4.2-6.4 4.2S1.6 8 1.6 8M8 6.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 1 0 0-3.2",
  closed: "M3 8.5l3.2 3.2L13 4.8",
};

export const Icon = ({ of }) => html`
  <svg class="icon is-${of}" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false"><path d=${SHAPES[of] ?? SHAPES.waiting} /></svg>`;

export const State = ({ of, word }) => html`<span class="state is-${of}"><${Icon} of=${of} />${word ?? STATE_WORDS[of] ?? of}</span>`;

// Bars, so that a severity is seen without its colour.
export const Severity = ({ id, name }) => html`
  <span class=${`severity is-${id}`}><svg width="20" height="12" viewBox="0 0 20 12" aria-hidden="true">${[0, 1, 2, 3].map((at) => html`<rect key=${at} x=${at * 5} y=${9 - at * 3} width="4" height=${3 + at * 3} class=${at < id - 1 || (at === 0 && id <= 1) ? "on" : ""} />`)}</svg>${name}</span>`;

// "4 min ago", and the exact time on hover and focus. `still` leaves it out of the order of the Tab key, in dense tables.
export function Time({ at, now, still, none = "never" }) {
  if (!at) return html`<span class="muted">${none}</span>`;
  return html`<time datetime=${at} class="tip" data-tip=${exact(at)} title=${still ? exact(at) : undefined} tabindex=${still ? undefined : 0}>${ago(at, now)}</time>`;
}

// "10:42" with UTC beside it.
export const Until = ({ at, now, none = "not yet" }) =>
  at
    ? html`<time datetime=${at} title=${exact(at)}>${upTo(at, now)} <span class="muted small">${clockInUtc(at)} UTC</span></time>`
    : html`<span class="muted">${none}</span>`;

// A name from outside: its direction stays inside, and it may be broken anywhere.
export const Name = ({ children }) => html`<bdi class="name">${visible([children].flat().join(""))}</bdi>`;

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

// Control characters and marks that turn the direction of text are shown as what they are.
export const visible = (text) =>
  String(text ?? "").replace(UNSEEN, (char) => `⟨U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

// The same of a text whose lines are meant.
export const visibleLines = (text) => String(text ?? "").split(/\r?\n/).map(visible).join("\n");

// A text that was wrapped by hand: lines flow, and an empty one begins a paragraph.
export const Prose = ({ text }) => text.trim().split(/\n\s*\n/).map((part) => html`<p key=${part} class="prose"><${Name}>${part.replace(/\s*\n\s*/g, " ")}<//></p>`);

export function Copy({ text, label = "Copy", what = "" }) {
  const [done, set] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => set(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      set("Copied");
    } catch {
      set("Not copied: select it by hand");
    }
  };
  return html`<button type="button" class="quiet" onClick=${copy} aria-label=${what ? `${label} ${what}` : undefined}>${done || label}</button>
    <span class="hidden" role="status">${done ? `${what} ${done.toLowerCase()}` : ""}</span>`;
}

// Why something is not there, or what to do. `tone` is a state.
export const Note = ({ tone, title, children, action }) => html`
  <div class="note ${tone ? `is-${tone}` : ""}">
    ${tone && html`<${Icon} of=${tone} />`}
    <div class="grow">${title && html`<strong>${title}</strong>`}<div>${children}</div></div>
    ${action}
  </div>`;

// What a failed request means, in the API's own words.
export const Failure = ({ error, what, retry }) => html`
  <div class="note is-needs_you" role="alert">
    <${Icon} of="needs_you" />
    <div class="grow"><strong>${what}</strong><div><${Name}>${sentenceCase(error.message)}<//></div></div>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;

// Never a spinner without words. `page`: nothing else is on the page yet, so it is its heading.
export const Loading = ({ what, page }) =>
  page ? html`<h1 class="loading"><span role="status">Reading ${what} …</span></h1>` : html`<p class="muted loading" role="status">Reading ${what} …</p>`;

// Only ways to the web are followed: a link comes from an answer.
export const Away = ({ href, children }) =>
  /^https:\/\//.test(href ?? "") ? html`<a href=${href} target="_blank" rel="noopener noreferrer">${children}</a>` : null;

// A modal dialog with a form. Escape and the button close it.
export function Dialog({ title, children, onClose, onSubmit, submit, danger, busy, error }) {
  const dialog = useRef(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element.open) element.showModal();
    return () => element.close();
  }, []);
  const sent = (event) => {
    event.preventDefault();
    onSubmit(new FormData(event.currentTarget));
  };
  return html`
    <dialog ref=${dialog} aria-labelledby="dialog-title" onCancel=${onClose} onClose=${onClose}>
      <form onSubmit=${sent}>
        <h2 id="dialog-title">${title}</h2>
        ${children}
        ${error && html`<p class="error" role="alert">${error}</p>`}
        <div class="buttons">
          ${submit && html`<button type="submit" class=${danger ? "danger" : "primary"} disabled=${busy}>${busy ? "Working …" : submit}</button>`}
          <button type="button" onClick=${onClose}>${submit ? "Cancel" : "Close"}</button>
        </div>
      </form>
    </dialog>`;
}

// Says changes of a text to screen readers, but not the text that was there at first.
export function Announce({ text }) {
  const first = useRef(text);
  return html`<div class="hidden" role="status" aria-live="polite">${text === first.current ? "" : text}</div>`;
}

// A request made by a button: { run, busy, error }.
export function useAction(work) {
  const [state, set] = useState({ busy: false, error: null });
  const run = async (...given) => {
    set({ busy: true, error: null });
    try {
      const value = await work(...given);
      set({ busy: false, error: null });
      return value;
    } catch (error) {
      set({ busy: false, error });
      return undefined;
    }
  };
  return { ...state, run };
}

// Tells whether somebody writes, so that a key is no command.
export const isWriting = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog, [contenteditable]") != null;

// `/` to the search field, `j` and `k` through the rows. Enter opens what has the focus by itself.
export function useRowKeys(search, rows) {
  useEffect(() => {
    const pressed = (event) => {
      if (isWriting(event)) return;
      if (event.key === "/") {
        const field = document.querySelector(search);
        if (!field) return;
        event.preventDefault();
        field.focus();
        field.select?.();
      } else if (event.key === "j" || event.key === "k") {
        const all = [...document.querySelectorAll(rows)];
        const here = all.findIndex((row) => row === document.activeElement || row.closest("[data-row]")?.contains(document.activeElement));
        const next = all[here + (event.key === "j" ? 1 : -1)] ?? (here < 0 ? all[0] : null);
        next?.focus();
        next?.scrollIntoView({ block: "nearest" });
      }
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [search, rows]);
}
