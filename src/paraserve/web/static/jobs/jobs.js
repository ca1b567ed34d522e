/** Offers the view of jobs where the server has them for this visitor. */
import { credentials } from "../client/server.js";
import { offerView } from "../views.js";

let entries = null;
let view = null; // made when it is first seen

/** Be ready to offer the view. `shown` are the entries that show the texts of jobs. */
export function openJobs(shown) {
  entries = shown;
  document.querySelector('[data-view="jobs"]').addEventListener("show", async () => (await theView()).load());
  const files = document.getElementById("jobs-files");
  document.getElementById("jobs-choose").addEventListener("click", () => files.click());
  files.addEventListener("change", () => {
    submitJobs([...files.files]);
    files.value = ""; // so that the same can be chosen again
  });
}

/** Ask whether the holder of the API key (empty: none) has jobs, and offer the view if so. */
export async function offerJobs(key) {
  const answer = await fetch("v1/jobs?limit=1", { headers: credentials(key) }).catch(() => null);
  offerView("jobs", Boolean(answer?.ok));
}

export async function submitJobs(files) {
  (await theView()).submit(files);
}

async function theView() {
  const { JobsView } = await import("./jobs_view.js");
  view ??= new JobsView(entries);
  return view;
}
