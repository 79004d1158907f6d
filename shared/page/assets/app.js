// The frame around every view: who is signed in, where one is, and whether the API answers.
import { key, signOut } from "./parts/api.js";
import { Fragment, html, render, useEffect, useRef, useState } from "./parts/html.js";
import { CALM_MS, SELDOM_MS, useConnection, useLive, useNow } from "./parts/live.js";
import { address, useRoute } from "./parts/route.js";
import { Failure, Loading, Name, Note } from "./parts/ui.js";
import { clock } from "./parts/words.js";
import { Overview } from "./views/overview.js";
import { SignIn } from "./views/sign_in.js";

// Views that are not needed at first are read when somebody goes there.
const LATER = {
  tenant: () => import("./views/tenant.js").then((module) => module.Tenant),
  findings: () => import("./views/findings/list.js").then((module) => module.FindingsPage),
  finding: () => import("./views/findings/finding.js").then((module) => module.FindingPage),
  exceptions: () => import("./views/findings/exceptions.js").then((module) => module.ExceptionsPage),
  add: () => import("./views/add.js").then((module) => module.Add),
  keys: () => import("./views/keys.js").then((module) => module.Keys),
  audit: () => import("./views/audit_log.js").then((module) => module.AuditLogPage),
};

const NAMES = { "": "overview", findings: "findings", exceptions: "exceptions", tenants: "tenant", add: "add", keys: "keys", "audit-log": "audit" };

// A finding has a page of its own, also when its tenant is no longer registered.
const nameOf = ([first = "", , tab, finding]) => (first === "tenants" && tab === "findings" && finding ? "finding" : NAMES[first]);

function App() {
  const connection = useConnection();
  const [, draw] = useState(0);
  if (!key()) return html`<${SignIn} why=${connection.signedOut} onSignedIn=${() => draw((times) => times + 1)} />`;
  return html`<${Signed} connection=${connection} />`;
}

function Signed({ connection }) {
  const route = useRoute();
  const { data: me, error, refresh } = useLive("/v1/me", SELDOM_MS);
  const name = nameOf(route.parts);
  const main = useRef(null);
  const path = route.parts.slice(0, 4).join("/");
  const first = useRef(path);

  // After a step to another view the keyboard and the screen reader are at its heading.
  useEffect(() => {
    if (first.current === path) return;
    first.current = path;
    main.current?.focus();
    scrollTo(0, 0);
  }, [path]);

  return html`
    <${Fragment}>
      <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>Skip to content</a>
      <${Header} me=${me} here=${name} />
      <${Outage} connection=${connection} />
      <main class="page" id="main" tabindex="-1" ref=${main}>
        ${me ? html`<${View} name=${name} route=${route} me=${me} />` : error ? html`<${Failure} error=${error} what="Your key could not be checked." retry=${refresh} />` : html`<${Loading} page what="what your key may see" />`}
      </main>
    <//>`;
}

function Header({ me, here }) {
  const link = (parts, name, text) => html`<a href=${address(parts)} aria-current=${here === name ? "page" : undefined}>${text}</a>`;
  return html`
    <header class="top">
      <a class="brand" href="#/">ualstream</a>
      <nav aria-label="Main">
        ${link([], "overview", "Overview")}
        ${link(["findings"], "findings", "Findings")}
        ${me?.scope === "admin" && link(["exceptions"], "exceptions", "Exceptions")}
        ${me?.scope === "admin" && link(["add"], "add", "Add a tenant")}
        ${me?.scope === "admin" && link(["keys"], "keys", "Keys")}
        ${me?.scope === "admin" && link(["audit-log"], "audit", "Audit log")}
        <a href="/docs">API</a>
      </nav>
      ${me && html`<span class="who">Key: <${Name}>${me.name || me.key_id}<//>${me.scope === "read" ? ", read only" : ""}</span>`}
      <button type="button" class="quiet" onClick=${() => signOut(null)}>Sign out</button>
    </header>`;
}

function Outage({ connection }) {
  const now = useNow(CALM_MS);
  if (!connection.failedSince) return null;
  return html`<div class="outage" role="status"><${Note} tone="needs_you" title="ualstream does not answer.">What you see is from ${clock(connection.failedSince)} or before${now - connection.failedSince > CALM_MS ? `, ${Math.round((now - connection.failedSince) / 1000)} s ago` : ""}. We go on trying by ourselves.<//></div>`;
}

function View({ name, route, me }) {
  const [loaded, set] = useState({});
  useEffect(() => {
    const load = LATER[name];
    if (!load) return;
    load().then((view) => set((before) => ({ ...before, [name]: view })), (error) => set((before) => ({ ...before, error })));
  }, [name]);
  useEffect(() => {
    if (name === "overview") document.title = "ualstream";
  }, [name]);
  if (name === "overview") return html`<${Overview} route=${route} me=${me} />`;
  if (!LATER[name] || (name === "tenant" && !route.parts[1])) return html`<h1>There is no such page.</h1><p>Perhaps the address was cut. <a href="#/">Go to the overview</a>.</p>`;
  const Loaded = loaded[name];
  if (!Loaded) return loaded.error ? html`<${Failure} error=${loaded.error} what="The page could not be read. Load it anew." />` : html`<${Loading} page what="the page" />`;
  return html`<${Loaded} route=${route} me=${me} />`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
