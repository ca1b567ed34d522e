/** Offers the view of jobs where the server has them for this visitor. */
import { credentials } from "../client/server.js";
import { offerView } from "../views.js";

let view = null; // made when it is first seen

/** Show the view from now on if there is one. `entries` shows the texts of jobs. */
export function openJobs(entries) {
  const section = document.querySelector('[data-view="jobs"]');
  const show = async () => {
    const { JobsView } = await import("./jobs_view.js");
    view ??= new JobsView(entries);
    await view.load();
  };
  section.addEventListener("show", show);
}

/** Ask whether the holder of the API key (empty: none) has jobs, and offer the view if so. */
export async function offerJobs(key) {
  const answer = await fetch("v1/jobs?limit=1", { headers: credentials(key) }).catch(() => null);
  offerView("jobs", Boolean(answer?.ok));
}

/** Submit files, once the view is there. */
export function submitJobs(files) {
  view?.submit(files);
}
