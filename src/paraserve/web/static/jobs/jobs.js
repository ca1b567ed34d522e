/** Offers the view of jobs where the server has them for this visitor. */
import { credentials } from "../client/server.js";
import { offerView } from "../views.js";

let make = null;
let view = null; // for those who have jobs

/** Be ready to offer the view. `entries` shows the texts of jobs. */
export function openJobs(entries) {
  make = async () => {
    const { JobsView } = await import("./jobs_view.js");
    view ??= new JobsView(entries);
  };
  document.querySelector('[data-view="jobs"]').addEventListener("show", () => view?.load());
}

/** Ask whether the holder of the API key (empty: none) has jobs, and offer the view if so. */
export async function offerJobs(key) {
  const answer = await fetch("v1/jobs?limit=1", { headers: credentials(key) }).catch(() => null);
  if (answer?.ok) await make();
  offerView("jobs", Boolean(answer?.ok));
}

/** Submit files, once the view is there. */
export function submitJobs(files) {
  view?.submit(files);
}
