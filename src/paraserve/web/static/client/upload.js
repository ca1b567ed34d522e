/** A recording to the server, its transcript back. */
import { EventReader } from "./events.js";
import { credentials, errorOf, httpUrl, noConnection, ServerError } from "./server.js";

/**
 * Resolves to the server's JSON transcript, or with `format` ("text", "srt", "vtt" ...) to a text. Rejects with a
 * ServerError, or the signal's reason. `file` is a Blob.
 *
 * `options`: {url, key, language, itn, hotwords, format, fields, filename, onProgress, onSentence, onRecognized, onPeaks,
 * signal}. `fields` are more fields of an upload. `onProgress(fraction)` tells how much has been sent, 1 when the server
 * recognises; only in browsers. The others are called while the server recognises, for JSON: `onSentence(sentence)`,
 * `onRecognized({recognized_ms, decoded_ms, duration_ms})`, and with the field `peaks` also
 * `onPeaks(start, peaks, perS)`, whose peaks (Uint8Array) from number `start` on replace earlier ones.
 */
export function transcribe(file, options) {
  const url = httpUrl(options.url, "transcribe");
  const hasEvents = Boolean(options.onSentence ?? options.onRecognized ?? options.onPeaks);
  const form = formOf(file, hasEvents ? { ...options, fields: { ...options.fields, stream: true } } : options);
  const answer = hasEvents ? new AnswerInEvents(options) : new WholeAnswer(options.format);
  // fetch does not tell how much of a body has been sent; programs without a browser have nothing else.
  return typeof XMLHttpRequest === "undefined" ? fetched(url, form, answer, options) : sent(url, form, answer, options);
}

/** Base64 as bytes. */
export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
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

/** An answer that is there at its end. */
class WholeAnswer {
  #format;
  #text = "";

  constructor(format = "json") {
    this.#format = format;
  }

  push(text) {
    this.#text += text;
  }

  result() {
    return this.#format === "json" ? JSON.parse(this.#text) : this.#text;
  }
}

/** An answer whose parts come before its end. */
class AnswerInEvents {
  #listener;
  #reader = new EventReader();
  #last = null;

  constructor(listener) {
    this.#listener = listener;
  }

  push(text) {
    for (const { name, data } of this.#reader.push(text)) {
      if (name === "sentence") this.#listener.onSentence?.(data);
      else if (name === "progress") this.#listener.onRecognized?.(data);
      else if (name === "peaks") this.#listener.onPeaks?.(data.start, bytesOf(data.values), data.per_s);
      else this.#last = { name, data };
    }
  }

  /** Throws a ServerError for an answer that ends otherwise. */
  result() {
    if (this.#last?.name === "done") return this.#last.data;
    if (this.#last) throw errorOf(this.#last.data, 200);
    throw new ServerError("no_connection", "the answer ended early");
  }
}

function sent(url, form, answer, { key, onProgress = () => {}, signal }) {
  const request = new XMLHttpRequest();
  let at = 0;
  const read = () => {
    if (request.status !== 200) return;
    answer.push(request.responseText.slice(at));
    at = request.responseText.length;
  };
  return new Promise((resolve, reject) => {
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.upload.onload = () => onProgress(1);
    request.onprogress = read;
    request.onload = () => {
      read();
      if (request.status === 200) settle(answer, resolve, reject);
      else reject(errorOf(parsed(request.responseText), request.status, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new ServerError("no_connection", ""));
    request.onabort = () => reject(signal.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => request.abort());
    request.open("POST", url);
    for (const [name, value] of Object.entries(credentials(key))) request.setRequestHeader(name, value);
    request.send(form);
  });
}

function settle(answer, resolve, reject) {
  try {
    resolve(answer.result());
  } catch (error) {
    reject(error);
  }
}

async function fetched(url, form, answer, { key, signal }) {
  const request = { method: "POST", body: form, headers: credentials(key), signal };
  const broken = (error) => {
    signal?.throwIfAborted();
    noConnection(error);
  };
  const response = await fetch(url, request).catch(broken);
  if (response.status !== 200) {
    throw errorOf(parsed(await response.text()), response.status, response.headers.get("Retry-After"));
  }
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await pieces.read().catch(broken); !piece.done; piece = await pieces.read().catch(broken)) {
    answer.push(piece.value);
  }
  return answer.result();
}

/** Undefined for what is no JSON, such as a proxy's own page. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
