// The address bar holds the whole view, behind the `#`, where no server's log sees whom somebody searched for.
import { useEffect, useState } from "./html.js";

// { parts: ["tenants", "…"], query: URLSearchParams }
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts, query: new URLSearchParams(query) };
}

// A broken escape in an address is shown as it is.
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// The address of a view. Parameters without a value are left out.
export function address(parts, query = {}) {
  const given = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const kept = given.filter(([, value]) => value != null && value !== "");
  const search = new URLSearchParams(kept).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

export function go(href) {
  location.hash = href;
}

// The same view with other parameters: no new entry in the history for each letter typed.
export function replace(href) {
  history.replaceState(null, "", href);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, set] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => set(parse(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
