/** Addresses of a server, how an API key is shown, and its errors. */

export class ServerError extends Error {
  /**
   * `code` is the server's, or "no_connection". `param` is the field at fault, null where none is. `retryAfterS` are the
   * seconds after which it may be tried again, null where the server does not say so.
   */
  constructor(code, message, param = null, retryAfterS = null) {
    super(message);
    this.name = "ServerError";
    this.code = code;
    this.param = param;
    this.retryAfterS = retryAfterS;
  }
}

/** Headers that show an API key; none without a key. */
export function credentials(key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** A path of a server, which may be behind a proxy's folder. */
export function httpUrl(server, path) {
  const url = new URL(server);
  url.protocol = url.protocol.replace("ws", "http");
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return new URL(path, url);
}

/** Where to speak to; browsers cannot give a WebSocket a header. */
export function socketUrl(server, key) {
  const url = new URL(server);
  url.protocol = url.protocol.replace("http", "ws");
  if (key) url.searchParams.set("token", key);
  return url.href;
}

/** The error that an answer stands for, from its JSON, its status and its header `Retry-After`. */
export function errorOf(body, status, retryAfter = null) {
  const isAway = [502, 503, 504].includes(status); // a proxy says so in words of its own
  const { code = isAway ? "no_connection" : "failed", message = `HTTP ${status}`, param = null } = body?.error ?? {};
  const seconds = retryAfter === null ? NaN : Number(retryAfter); // NaN for a date
  return new ServerError(code, message, param, Number.isFinite(seconds) ? seconds : null);
}

/** The models of a server, as it describes them. `options`: {url, key}. Rejects with a ServerError. */
export async function models({ url, key }) {
  const answer = await fetch(httpUrl(url, "v1/models"), { headers: credentials(key) }).catch(noConnection);
  const body = await answer.json().catch(() => null); // a proxy's own page
  if (!answer.ok || !body) throw errorOf(body, answer.status);
  return body.data;
}

/** Throws the ServerError for a request that got no answer. */
export function noConnection(error) {
  throw new ServerError("no_connection", error.message);
}
