/** The views of the page. The address says which one is seen: `#/` and `#/transcribe` the first, `#/history` another. */
const FIRST = "transcribe";

/**
 * Follow the address. A view is a `<section class="view" data-view="NAME">`; its link in the navigation appears by
 * itself. The section gets the event `show` each time when it comes into sight.
 */
export function openViews() {
  addEventListener("hashchange", showView);
  showView();
}

/** Name of the view that is seen. */
export function currentView() {
  const [name] = location.hash.replace(/^#\/?/, "").split("/");
  return isOffered(name) ? name : FIRST;
}

/** Offer a view or take it out of the navigation. A view is offered from the start unless it has `data-off`. */
export function offerView(name, isWanted) {
  viewNamed(name).toggleAttribute("data-off", !isWanted);
  showView();
}

function showView() {
  const current = currentView();
  for (const view of document.querySelectorAll(".view")) {
    const isCurrent = view.dataset.view === current;
    const comes = isCurrent && view.hidden;
    view.hidden = !isCurrent;
    if (comes) view.dispatchEvent(new Event("show"));
  }
  showLinks(current);
}

function showLinks(current) {
  const links = [...document.querySelectorAll("#views a[data-to]")];
  for (const link of links) {
    link.hidden = !isOffered(link.dataset.to);
    if (link.dataset.to === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.getElementById("views").hidden = links.filter((link) => !link.hidden).length < 2;
}

/** Whether there is a view of this name to be seen. */
export function isOffered(name) {
  const view = viewNamed(name);
  return Boolean(view) && !view.hasAttribute("data-off");
}

function viewNamed(name) {
  return [...document.querySelectorAll(".view")].find((view) => view.dataset.view === name);
}
