/** A recording to the server, its transcript back. */

/** Headers that show an API key; none without a key. */
export function credentials(key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export class UploadError extends Error {
  /** `code` is the server's, or "no_connection". */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * `options`: {url, language, itn, hotwords, key}. `onProgress(fraction)` tells how much has been sent, 1 when the server
 * recognises. Resolves to the server's JSON transcript; rejects with an UploadError, or the signal's reason.
 */
export function transcribe(file, options, onProgress, signal) {
  const form = new FormData();
  form.append("hotwords", options.hotwords.join(" "));
  form.append("language", options.language);
  form.append("itn", String(options.itn));
  form.append("audio_quality", "true");
  form.append("file", file, file.name);
  // fetch does not tell how much of a body has been sent.
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.upload.onload = () => onProgress(1);
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(errorOf(request)));
    request.onerror = () => reject(new UploadError("no_connection", ""));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", options.url);
    request.responseType = "json";
    for (const [name, value] of Object.entries(credentials(options.key))) request.setRequestHeader(name, value);
    request.send(form);
  });
}

function errorOf({ response, status }) {
  const error = response?.error;
  return new UploadError(error?.code ?? "failed", error?.message ?? `HTTP ${status}`);
}
