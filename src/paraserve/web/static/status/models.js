/** The buttons that load, unload and reload models. */
import { ServerError } from "../client/server.js";
import { say } from "../words/words.js";
import { ask } from "./asking.js";

const POLL_MS = 500;
const BUSY = ["pulling", "loading"];

const $ = (id) => document.getElementById(id);

export class ModelButtons {
  #key;
  #attempt;
  #names = "";

  /** `key` gives the API key. `attempt` does what a button is for, and shows its failure. */
  constructor(key, attempt) {
    this.#key = key;
    this.#attempt = attempt;
    $("models-load").addEventListener("click", () => this.#work(() => this.#load($("models-choice").value)));
    $("reload").addEventListener("click", () => this.#work(() => ask(this.#key(), "POST", "v1/admin/reload")));
  }

  unload(name) {
    return this.#work(() => ask(this.#key(), "POST", `v1/admin/models/${encodeURIComponent(name)}/unload`));
  }

  /** The models of a status: where they have changed, others can be loaded. */
  show({ models }) {
    const names = models.map((model) => `${model.name} ${model.state}`).join();
    if (names !== this.#names) this.refresh();
    this.#names = names;
  }

  /** Offer the models of the catalog that are not loaded. A catalog that cannot be read offers none. */
  async refresh() {
    const known = await ask(this.#key(), "GET", "v1/admin/models").catch(withoutCatalog);
    const others = known.data.filter((model) => !model.is_loaded);
    $("models-choice").replaceChildren(...others.map((model) => new Option(textOf(model), model.name)));
    if (others.some((model) => model.name === known.recommended)) $("models-choice").value = known.recommended;
    $("models-choice").hidden = $("models-load").hidden = !others.length;
  }

  async #load(name) {
    const path = `v1/admin/models/${encodeURIComponent(name)}/pull`;
    let pull = await ask(this.#key(), "POST", path);
    while (BUSY.includes(pull.state)) {
      say($("models-doing"), `models.${pull.state}`, { name, done: megabytes(pull.done_bytes), total: megabytes(pull.total_bytes) });
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      ({ pull } = await ask(this.#key(), "GET", "v1/admin/models"));
    }
    if (pull.error) throw new ServerError(pull.error.code, pull.error.message);
  }

  #work(work) {
    return this.#attempt(async () => {
      say($("models-doing"), "status.working");
      try {
        await work();
        say($("models-doing"), "status.done");
      } catch (error) {
        say($("models-doing"), null);
        throw error;
      }
      await this.refresh();
    });
  }
}

function textOf(model) {
  return model.is_here ? model.name : `${model.name} (${Math.round(model.megabytes)} MB)`;
}

function megabytes(n) {
  return Math.round(n / 1e6);
}

function withoutCatalog(error) {
  if (!(error instanceof ServerError)) throw error;
  return { data: [], recommended: "" };
}
