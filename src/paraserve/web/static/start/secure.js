/** Where a page without https may not have the microphone: says so before the click, with an address that may. */
import { onSpeak, phrase } from "../words/words.js";

const $ = (id) => document.getElementById(id);

/** Show the hint where it is needed. */
export function explainSecure() {
  if (isSecureContext) return;
  $("insecure").hidden = false;
  $("record").setAttribute("aria-describedby", "insecure");
  onSpeak(show);
  show();
}

function show() {
  const { hostname, port, pathname } = location;
  const local = `http://localhost${port ? `:${port}` : ""}${pathname}`;
  const secure = `https://${hostname}${port ? `:${port}` : ""}${pathname}`;
  $("insecure-links").replaceChildren(
    line("insecure.other", secure, false), // with the certificate that the server gets then
    line("insecure.local", local, true),
  );
}

function line(key, address, isLink) {
  const node = document.createElement("li");
  const [before, after] = phrase(key, { address: "\n" }).split("\n");
  const shown = document.createElement(isLink ? "a" : "b");
  shown.textContent = address;
  if (isLink) shown.href = address;
  node.append(before, shown, after);
  return node;
}
