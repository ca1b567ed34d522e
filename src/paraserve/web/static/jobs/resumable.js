/** A file to the server as a job, in pieces, which goes on where it was after a break (tus 1.0). */
import { ServerError } from "../client/server.js";

const PIECE_BYTES = 4 << 20;
const MOST_BREAKS = 8; // one after the other
const LONGEST_WAIT_S = 10;
const TUS = { "Tus-Resumable": "1.0.0" };

/**
 * Resolves to the id of the job. `requests` are JobRequests, `fields` those of the job, `onFraction` is told how much has
 * been sent. Rejects with a ServerError, or when the signal says so.
 */
export async function submitFile(requests, file, fields, onFraction, signal) {
  const metadata = { filename: file.name, job: "true", ...fields };
  const headers = { ...TUS, "Upload-Length": file.size, "Upload-Metadata": metadataText(metadata) };
  const begun = await requests.ask("POST", "v1/uploads", { headers, signal });
  const id = begun.headers.get("Location").split("/").at(-1);
  await sendPieces(requests, `v1/uploads/${id}`, file, onFraction, signal);
  return id;
}

async function sendPieces(requests, path, file, onFraction, signal) {
  let [at, breaks] = [0, 0];
  while (at < file.size) {
    onFraction(at / file.size);
    try {
      const headers = { ...TUS, "Upload-Offset": at, "Content-Type": "application/offset+octet-stream" };
      const body = file.slice(at, at + PIECE_BYTES);
      at = offsetOf(await requests.ask("PATCH", path, { headers, body, signal }));
      breaks = 0;
    } catch (error) {
      breaks += 1;
      if (!mayPass(error) || breaks > MOST_BREAKS) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST_WAIT_S, 2 ** breaks / 2) * 1000));
      at = await requests.ask("HEAD", path, { headers: TUS, signal }).then(offsetOf, (again) => {
        if (mayPass(again)) return at;
        throw again;
      });
    }
  }
}

function mayPass(error) {
  if (!(error instanceof ServerError)) return false;
  return error.retryAfterS !== null || ["no_connection", "upload_busy", "upload_offset"].includes(error.code);
}

function offsetOf(answer) {
  return Number(answer.headers.get("Upload-Offset"));
}

/** Names with base64 of their values in UTF-8. */
function metadataText(values) {
  const base64 = (text) => btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
  return Object.entries(values).map(([name, value]) => `${name} ${base64(String(value))}`).join(",");
}
