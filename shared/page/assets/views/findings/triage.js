// Who did what about a finding, and the buttons to do something: acknowledge, close, reopen, make an exception.
import { change } from "../../parts/api.js";
import { html, useRef, useState } from "../../parts/html.js";
import { address } from "../../parts/route.js";
import { Announce, Dialog, Name, Note, Time, useAction, visibleLines } from "../../parts/ui.js";
import { VERDICTS, findingState, sentenceCase } from "../../parts/words.js";
import { ExceptionForm } from "./exception_form.js";

const NOTE_CHARACTERS_MAX = 300;

const MEANINGS = {
  true_positive: "what the rule is meant for: an attack, or what nobody may do",
  false_positive: "not what the rule is meant for",
  benign: "what the rule is meant for, but wanted",
  test: "somebody tried whether it is noticed",
  duplicate: "another finding says the same",
};

export function Triage({ finding, path, me, now, onDone }) {
  const [open, setOpen] = useState(null);
  const [made, setMade] = useState(null);
  const here = useRef(null);
  const { run, busy, error } = useAction(async (verb, body = {}) => {
    onDone(await change("POST", `${path}/${verb}`, body));
    setOpen(null);
    // The button that was pressed may be gone: the keyboard stays at the words that changed.
    here.current?.focus();
  });
  const { state } = finding;
  const isClosed = state === "closed";
  const buttons = me.scope === "admin" && html`
    <div class="buttons">
      ${state === "new" && html`<button type="button" class="primary" disabled=${busy} onClick=${() => run("acknowledge")}>Acknowledge</button>`}
      ${!isClosed && html`<button type="button" disabled=${busy} onClick=${() => setOpen("close")}>Close</button>`}
      ${isClosed && html`<button type="button" disabled=${busy} onClick=${() => setOpen("reopen")}>Reopen</button>`}
      <button type="button" onClick=${() => setOpen("exception")}>Exception from here</button>
    </div>`;
  return html`
    <div ref=${here} tabindex="-1" class="triage">
      <${Note} tone=${state} title=${html`<${Standing} finding=${finding} now=${now} />`} action=${buttons}>
        ${finding.note && html`<p class="prose written"><bdi>${visibleLines(finding.note)}</bdi></p>`}
        ${made && html`<p role="status">The exception is made. It is at work within 5 minutes; this finding stays as it is. <a href=${address(["exceptions"])}>All exceptions</a></p>`}
        ${error && open === null && html`<p class="error" role="alert"><${Name}>${error.message}<//></p>`}
      <//>
      <${Announce} text=${findingState(finding)} />
      ${open === "close" && html`<${Close} busy=${busy} error=${error} onClose=${() => setOpen(null)} onSubmit=${(body) => run("close", body)} />`}
      ${open === "reopen" && html`<${Reopen} busy=${busy} error=${error} onClose=${() => setOpen(null)} onSubmit=${(body) => run("reopen", body)} />`}
      ${open === "exception" && html`<${ExceptionForm} finding=${finding} me=${me} onClose=${() => setOpen(null)} onDone=${(answer) => { setMade(answer); setOpen(null); }} />`}
    </div>`;
}

// "Closed as false positive by NAME, 3 min ago".
function Standing({ finding, now }) {
  const { state, changed_by: by, changed_at: at } = finding;
  if (!at) return state === "new" ? "Nobody has looked at it yet." : `${findingState(finding)}.`;
  // After a reopening it is new, and somebody did it.
  const word = state === "new" ? "Reopened" : findingState(finding);
  return html`${word}${by && html` by <${Name}>${by}<//>`}, <${Time} at=${at} now=${Math.max(now, Date.parse(at))} />${finding.note ? ":" : "."}`;
}

const noteOf = (form) => {
  const note = form.get("note").trim();
  return note ? { note } : {};
};

function Close({ busy, error, onClose, onSubmit }) {
  return html`
    <${Dialog} title="Close this finding" submit="Close the finding" busy=${busy} error=${error?.message} onClose=${onClose} onSubmit=${(form) => onSubmit({ verdict: form.get("verdict"), ...noteOf(form) })}>
      <fieldset><legend>What was it?</legend>
        ${Object.entries(VERDICTS).map(([verdict, word]) => html`<label class="check" key=${verdict}><input type="radio" name="verdict" value=${verdict} required /><span>${sentenceCase(word)} <span class="muted">${MEANINGS[verdict]}</span></span></label>`)}
      </fieldset>
      <label for="note">Note <span class="muted">(what was found; may be empty)</span></label>
      <textarea id="note" name="note" rows="3" dir="auto" maxlength=${NOTE_CHARACTERS_MAX}></textarea>
    <//>`;
}

function Reopen({ busy, error, onClose, onSubmit }) {
  return html`
    <${Dialog} title="Reopen this finding?" submit="Reopen" busy=${busy} error=${error?.message} onClose=${onClose} onSubmit=${(form) => onSubmit(noteOf(form))}>
      <p>It is new again, and counted as open.</p>
      <label for="note">Note <span class="muted">(why; may be empty)</span></label>
      <textarea id="note" name="note" rows="3" dir="auto" maxlength=${NOTE_CHARACTERS_MAX}></textarea>
    <//>`;
}
