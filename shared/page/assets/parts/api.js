// Requests to the API: the key, ETags, and errors as RFC 9457 says them.

const KEY = "ualstream.key";

// Answers kept for their ETag. A view asks for ten paths at most; the oldest go first.
const KEPT_MAX = 60;

// A function that starts cold answers within seconds. Longer means that nobody will.
const TIMEOUT_MS = 35_000;

const kept = new Map();
const listeners = new Set();

// What the frame shows: whether the API answers, and whether the key is still good.
export const connection = { failedSince: null, error: null, signedOut: null };

export function onConnection(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function say(change) {
  const before = JSON.stringify(connection);
  Object.assign(connection, change);
  if (JSON.stringify(connection) !== before) for (const listener of listeners) listener();
}

export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? body.title ?? `the API answered with status ${status}`);
    this.status = status;
    this.kind = String(body.type ?? "").split(":").pop();
    this.title = body.title ?? "Not done";
    this.body = body;
    this.retryAfter = retryAfter;
  }
}

export const key = () => sessionStorage.getItem(KEY);

export function signIn(text) {
  sessionStorage.setItem(KEY, text);
  say({ signedOut: null, failedSince: null });
}

export function signOut(why) {
  sessionStorage.removeItem(KEY);
  kept.clear();
  say({ signedOut: why });
}

export const etag = (path) => kept.get(path)?.etag;

// Asks, and answers with the body. A 304 answers with the body of before: the very same object.
export async function get(path, signal) {
  const before = kept.get(path);
  const headers = before ? { "If-None-Match": before.etag } : {};
  const response = await send("GET", path, { headers, signal });
  if (response.status === 304 && before) return before.value;
  const value = await answer(response);
  const tag = response.headers.get("ETag");
  kept.delete(path);
  if (tag) {
    kept.set(path, { etag: tag, value });
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value);
  }
  return value;
}

export async function change(method, path, body, headers = {}) {
  const response = await send(method, path, { headers: { ...headers, "Content-Type": "application/json" }, body });
  return answer(response);
}

async function send(method, path, { headers, body, signal, as = key() }) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...headers, Authorization: `Bearer ${as}` },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    say({ failedSince: connection.failedSince ?? Date.now(), error: "unreachable" });
    throw new Problem(0, { title: "No answer", detail: "There is no answer. Look whether you are online, and whether ualstream runs." });
  }
  const refused = response.status >= 500 || response.status === 429;
  say(refused ? {} : { failedSince: null, error: null });
  return response;
}

async function answer(response) {
  const text = await response.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem(response.status, { title: "Odd answer", detail: "What answers at this address is not ualstream's API." });
  }
  if (response.ok) return value;
  if (response.status === 401) {
    signOut("Your key no longer works: it was revoked, was replaced or has expired.");
  }
  throw new Problem(response.status, value ?? {}, Number(response.headers.get("Retry-After")) || null);
}

// Whose key this is. Used before anything is kept.
export async function whoIs(text) {
  const response = await send("GET", "/v1/me", { headers: {}, as: text });
  const value = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, value);
  return value;
}
