/** The choices of the form, kept by the browser from one visit to the next. */
const KEY = "paraserve";
const FIELDS = ["mode", "language", "itn", "hotwords", "key", "keep"];

/** Fill the form, or the fields of it that the page has, and keep what is chosen. Returns the interface's language. */
export function openSettings() {
  const kept = read();
  for (const name of FIELDS) {
    const field = document.getElementById(name);
    if (!field) continue;
    if (name in kept) field[field.type === "checkbox" ? "checked" : "value"] = kept[name];
    field.addEventListener("change", () => keep(name, valueOf(name)));
  }
  return kept.interface ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}

/** Keep a choice. Where the browser keeps nothing (private windows of some) it lasts as long as the page. */
export function keep(name, value) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), [name]: value }));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

/** A choice that was kept by `keep`, undefined without. */
export function kept(name) {
  return read()[name];
}

/** What is chosen: {mode, language, itn, hotwords, key, keep}, the hotwords as a list. */
export function choices() {
  const hotwords = valueOf("hotwords").split(/[\s,，、;；]+/).filter(Boolean);
  const [mode, language, itn, kept] = ["mode", "language", "itn", "keep"].map(valueOf);
  return { mode, language, itn, hotwords, key: valueOf("key").trim(), keep: kept };
}

function valueOf(name) {
  const field = document.getElementById(name);
  return field.type === "checkbox" ? field.checked : field.value;
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return {};
    throw error;
  }
}
