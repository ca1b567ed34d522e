/** What the page asks of the server's jobs. All of it rejects with a ServerError. */
import { EventReader } from "../client/events.js";
import { credentials, errorOf, noConnection } from "../client/server.js";

const RETURN_MS = 1000;

export class JobRequests {
  #key;

  /** `key()` is the API key of now. */
  constructor(key) {
    this.#key = key;
  }

  /** Jobs, the newest first: {data, next}. */
  async list(after = null) {
    return (await this.ask("GET", after ? `v1/jobs?after=${encodeURIComponent(after)}` : "v1/jobs")).json();
  }

  /** The transcript as an answer, in a format. */
  transcript(id, format) {
    return this.ask("GET", `v1/jobs/${id}/transcript?format=${format}`);
  }

  /** Have the server fetch a recording. */
  async submitAddress(url, fields) {
    const body = JSON.stringify({ url, ...fields });
    return (await this.ask("POST", "v1/jobs", { body, headers: { "Content-Type": "application/json" } })).json();
  }

  cancel(id) {
    return this.ask("DELETE", `v1/jobs/${id}`);
  }

  /** Delete a job with all that belongs to it. */
  remove(id) {
    return this.ask("DELETE", `v1/jobs/${id}?purge=true`);
  }

  /** Call `onEvent({name, data})` for all that happens to a job, until its end or until the signal says so. */
  async follow(id, onEvent, signal) {
    let after = 0;
    while (!signal.aborted) {
      const answer = await this.ask("GET", `v1/jobs/${id}/events?after=${after}`, { signal });
      if (answer.status === 204) return;
      const [reader, pieces] = [new EventReader(), answer.body.pipeThrough(new TextDecoderStream()).getReader()];
      const next = () => pieces.read().catch(() => ({ done: true })); // a connection that broke
      for (let piece = await next(); !piece.done; piece = await next()) {
        for (const event of reader.push(piece.value)) {
          after = event.id ?? after;
          if (event.name === "end") return;
          onEvent(event);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, RETURN_MS));
    }
  }

  /** The answer, if it is one of success. */
  async ask(method, path, { headers = {}, ...rest } = {}) {
    const request = { method, headers: { ...credentials(this.#key()), ...headers }, ...rest };
    const answer = await fetch(path, request).catch(noConnection);
    if (answer.ok) return answer;
    throw errorOf(await answer.json().catch(() => null), answer.status, answer.headers.get("Retry-After"));
  }
}
