/** Parts of the page that its first sight does not need. Each is fetched when it is first used, or here before that. */
const IDLE_AFTER_MS = 1000; // where the browser cannot tell when it has nothing else to do
const PARTS = [
  () => import("./recording/entry.js"),
  () => import("./speaking/speaking.js"),
  () => import("./speaking/stage.js"),
  () => import("./files/listening.js"),
  () => import("./history/again.js"),
  () => import("./history/list_view.js"),
  () => import("./history/export.js"),
  () => import("./share/share.js"),
];

/** Fetch them as soon as the browser has nothing else to do, so that they are there when the server is not. */
export function fetchLater() {
  addEventListener("load", () => {
    const fetchParts = () => PARTS.forEach((part) => part().catch(() => {})); // whoever uses it says that it is not there
    if (globalThis.requestIdleCallback) requestIdleCallback(fetchParts);
    else setTimeout(fetchParts, IDLE_AFTER_MS); // Safari
  });
}
