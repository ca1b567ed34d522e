/** The history of the page: what is kept is shown again, and in a view of its own. */
import { say } from "../words/words.js";
import { bytesOf, numberOf, sizeOf } from "./facts.js";
import { removeRecordings } from "./removing.js";
import { tell } from "./undo.js";

const RECENT = 10;

/** Show the last recordings of earlier visits, and all of them in their view. `store` keeps them. */
export async function openHistory(store, entries) {
  const view = document.querySelector('[data-view="history"]');
  let list = null;
  entries.onRemove = (id) => removeRecordings(store, entries, [id]);
  store.onProblem = ({ code }) => tell(`problem.${code}`);
  store.onChange = (id, isElsewhere) => {
    if (isElsewhere) entries.changedElsewhere(id);
    list?.changed(id);
  };
  const showList = async () => {
    const { HistoryList } = await import("./list_view.js");
    list ??= new HistoryList(view, store, entries);
    await list.load();
  };
  view.addEventListener("show", showList);
  const settings = document.getElementById("keep").closest("details");
  settings.addEventListener("toggle", () => settings.open && showSize(store));
  if (!view.hidden) showList();
  await restore(store, entries);
}

async function showSize(store) {
  const all = await store.all();
  const values = { n: numberOf(all.length), size: sizeOf(bytesOf(all)) };
  say(document.getElementById("keep-size"), all.length ? "history.size" : null, values);
}

async function restore(store, entries) {
  const finished = (await store.all()).filter(({ state }) => state === "done");
  for (const { id } of finished.slice(0, RECENT)) await entries.open(id);
}
