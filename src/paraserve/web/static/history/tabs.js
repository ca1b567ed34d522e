/** What the tabs of this browser tell each other of the recordings that they share. */

const CHANNEL = "paraserve-history";
const ANSWER_MS = 150;

export class Tabs {
  #channel = globalThis.BroadcastChannel ? new BroadcastChannel(CHANNEL) : null;
  #working;
  #heard = new Set();

  /** `working()` gives the ids of recordings that this tab works on; `onChange(change)` hears what others tell. */
  constructor(working, onChange) {
    this.#working = working;
    if (!this.#channel) return;
    this.#channel.onmessage = ({ data }) => {
      if (data.change) onChange(data.change);
      else if (data.isQuestion) this.#channel.postMessage({ working: this.#working() });
      else for (const id of data.working) this.#heard.add(id);
    };
  }

  tell(change) {
    this.#channel?.postMessage({ change });
  }

  /** Ids of recordings that some tab works on, this one included. */
  async working() {
    this.#heard.clear();
    if (this.#channel) {
      this.#channel.postMessage({ isQuestion: true });
      await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    }
    return new Set([...this.#heard, ...this.#working()]);
  }
}
