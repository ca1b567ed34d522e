/** The recordings that are open on the page, newest first. */
import { noConnection } from "../client/server.js";
import { unfold } from "../files/folding.js";

export class Entries {
  /** Called with the entry whose recording is to be transcribed again. */
  onAgain = (_entry) => {};
  /** Called with the id of a recording that somebody wants to be rid of. */
  onRemove = (_id) => {};
  #store;
  #player;
  #place = document.getElementById("entries");
  #open = new Map(); // id to entry
  #stale = new Set(); // ids of recordings that another tab has changed

  /** `store` keeps them; `player` is the page's. */
  constructor(store, player) {
    this.#store = store;
    this.#player = player;
    document.addEventListener("visibilitychange", () => this.#refresh());
  }

  /** Show a recording, and keep it from now on. Resolves to its entry; rejects with a ServerError, see `entryClass`. */
  async add(recording) {
    return this.#show(recording, await entryClass());
  }

  #show(recording, Entry) {
    const entry = new Entry(recording, this.#player, this.#place);
    const { element } = entry;
    element.dataset.created = recording.createdMs;
    const newer = [...this.#place.children].filter((other) => Number(other.dataset.created) > recording.createdMs);
    newer.at(-1)?.after(element);
    this.#open.set(recording.id, entry);
    entry.onChange = () => this.#store.keep(recording);
    entry.onAgain = () => this.onAgain(entry);
    entry.onRemove = () => this.onRemove(recording.id);
    return entry;
  }

  /** The entry of a recording that is kept, shown if it was not; null if none is kept. */
  async open(id) {
    const Entry = await entryClass();
    const recording = this.#open.has(id) ? null : await this.#store.get(id);
    if (this.#open.has(id)) return this.#open.get(id); // it may have come in the meantime
    return recording && this.#show(recording, Entry);
  }

  /** The entry, undefined if it is not on the page. */
  find(id) {
    return this.#open.get(id);
  }

  /** Take an entry off the page and stop what is being done. Returns its recording, undefined if it was not there. */
  close(id) {
    const entry = this.find(id);
    this.#open.delete(id);
    entry?.remove();
    return entry?.recording;
  }

  /** Bring an entry into sight, or the word at a place of its text: the number of characters before it. */
  show(entry, offset = 0) {
    unfold(entry);
    entry.reveal(offset);
  }

  /** Show what another tab has made of a recording. */
  changedElsewhere(id) {
    if (this.find(id)?.recording.state === "done") this.#stale.add(id);
    this.#refresh();
  }

  async #refresh() {
    if (document.hidden) return;
    const ids = [...this.#stale];
    this.#stale.clear();
    for (const id of ids) {
      const recording = await this.#store.get(id);
      this.close(id);
      if (recording) await this.add(recording);
    }
  }
}

/** Fetched for the first recording: most of the page's script. Rejects with a ServerError if the server is away then. */
async function entryClass() {
  const { Entry } = await import("../recording/entry.js").catch(noConnection);
  return Entry;
}
