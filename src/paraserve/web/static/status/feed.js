/** The status as it comes. EventSource cannot send a key, so the events are read from an answer. */
import { EventReader } from "../client/events.js";
import { credentials, errorOf } from "../client/server.js";

const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 30;
const SILENT_MS = 10_000; // an answer without events for so long has lost its server

/** Follows the status, again and again, until `stop`. */
export class Feed {
  #key;
  #listener;
  #stopping = new AbortController();

  /** `listener`: {onStatus(status), onRefused(error), onAway(seconds)}. After a refusal it has stopped by itself. */
  constructor(key, listener) {
    this.#key = key;
    this.#listener = listener;
    this.#follow();
  }

  stop() {
    this.#stopping.abort();
  }

  async #follow() {
    let retryS = FIRST_RETRY_S;
    while (!this.#stopping.signal.aborted) {
      const outcome = await this.#read();
      if (outcome === "refused" || this.#stopping.signal.aborted) return;
      if (outcome === "told") retryS = FIRST_RETRY_S;
      this.#listener.onAway(retryS);
      await new Promise((resolve) => setTimeout(resolve, retryS * 1000));
      retryS = Math.min(LONGEST_RETRY_S, retryS * 2);
    }
  }

  /** Read one answer to its end: "refused", "told" if there were events in it, else "away". */
  async #read() {
    const silent = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, silent.signal]);
    let timer = setTimeout(() => silent.abort(), SILENT_MS);
    let outcome = "away";
    try {
      const answer = await fetch("v1/admin/status/events", { headers: credentials(this.#key), signal });
      if (!answer.ok) return await this.#refused(answer);
      const events = new EventReader();
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await text.read(); !piece.done; piece = await text.read()) {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), SILENT_MS);
        for (const event of events.push(piece.value)) this.#listener.onStatus(event.data);
        outcome = "told";
      }
    } catch (error) {
      if (!(error instanceof TypeError || error.name === "AbortError")) throw error; // no connection, or no more of it
    } finally {
      clearTimeout(timer);
    }
    return outcome;
  }

  async #refused(answer) {
    if (answer.status >= 500) return "away";
    this.#listener.onRefused(errorOf(await answer.json().catch(() => null), answer.status));
    return "refused";
  }
}
