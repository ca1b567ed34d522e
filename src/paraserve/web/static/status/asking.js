/** Requests of the page's buttons. */
import { credentials, errorOf } from "../client/server.js";
import { save } from "../saving.js";

/** The answer's JSON. Rejects with a ServerError. */
export async function ask(key, method, path, body = null) {
  const headers = { ...credentials(key), ...(body ? { "Content-Type": "application/json" } : {}) };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => null);
  const told = await answer?.json().catch(() => null);
  if (!answer?.ok) throw errorOf(told ?? { error: { code: "no_connection" } }, answer?.status ?? 0);
  return told;
}

/** Give the user a trace as a file. */
export async function saveTrace(key, requestId) {
  const trace = await ask(key, "GET", `v1/admin/sessions/${encodeURIComponent(requestId)}/trace`);
  save(`trace-${requestId}.json`, new Blob([JSON.stringify(trace)], { type: "application/json" }));
}
