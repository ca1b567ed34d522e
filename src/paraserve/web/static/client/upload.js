/** A recording to the server, its transcript back. */
import { credentials, errorOf, httpUrl, noConnection, ServerError } from "./server.js";

/**
 * Resolves to the server's JSON transcript, or with `format` ("text", "srt", "vtt" ...) to a text. Rejects with a
 * ServerError, or the signal's reason. `file` is a Blob.
 *
 * `options`: {url, key, language, itn, hotwords, format, fields, filename, onProgress, signal}. `fields` are more fields
 * of an upload. `onProgress(fraction)` tells how much has been sent, 1 when the server recognises; only in browsers.
 */
export function transcribe(file, options) {
  const url = httpUrl(options.url, "transcribe");
  const form = formOf(file, options);
  // fetch does not tell how much of a body has been sent; programs without a browser have nothing else.
  return typeof XMLHttpRequest === "undefined" ? fetched(url, form, options) : sent(url, form, options);
}

function formOf(file, { language = "", itn = true, hotwords = [], format = "json", fields = {}, filename }) {
  const form = new FormData();
  const known = { language, itn, hotwords: hotwordText(hotwords), format };
  for (const [name, value] of Object.entries({ ...known, ...fields })) form.append(name, String(value));
  form.append("file", file, filename ?? file.name ?? "recording");
  return form;
}

/** A list, or an object with a weight for each word. */
function hotwordText(hotwords) {
  return Array.isArray(hotwords) ? hotwords.join(" ") : JSON.stringify(hotwords);
}

function sent(url, form, { key, format = "json", onProgress = () => {}, signal }) {
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const fail = () => reject(errorOf(parsed(request.responseText), request.status));
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.upload.onload = () => onProgress(1);
    request.onload = () => (request.status === 200 ? resolve(read(request.responseText, format)) : fail());
    request.onerror = () => reject(new ServerError("no_connection", ""));
    request.onabort = () => reject(signal.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => request.abort());
    request.open("POST", url);
    for (const [name, value] of Object.entries(credentials(key))) request.setRequestHeader(name, value);
    request.send(form);
  });
}

async function fetched(url, form, { key, format = "json", signal }) {
  const request = { method: "POST", body: form, headers: credentials(key), signal };
  const answer = await fetch(url, request).catch((error) => {
    signal?.throwIfAborted();
    noConnection(error);
  });
  const text = await answer.text();
  if (answer.status !== 200) throw errorOf(parsed(text), answer.status);
  return read(text, format);
}

function read(text, format) {
  return format === "json" ? JSON.parse(text) : text;
}

/** Undefined for what is no JSON, such as a proxy's own page. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
