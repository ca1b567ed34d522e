/** Deletes recordings, and takes it back. */
import { offerUndo } from "./undo.js";

/** Delete recordings that are kept, open on the page, or both; for a while that can be undone. */
export async function removeRecordings(store, entries, ids) {
  const open = ids.map((id) => entries.close(id)).filter(Boolean);
  await store.remove(ids);
  const undo = async () => {
    await store.restore(ids);
    for (const recording of open) await entries.add(recording);
  };
  offerUndo(ids.length === 1 ? "deleted.one" : "deleted", { count: ids.length }, undo, () => store.purge(ids));
}
