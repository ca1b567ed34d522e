// OpenAI's JavaScript SDK on the Realtime API: speaks a recording, and prints the complete texts as JSON.
// Usage: node openai_realtime_client.mjs http://HOST:PORT PCM FOLDER. The SDK is installed in FOLDER.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [url, path, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/index.js`);
const { OpenAI } = require("openai");
const { OpenAIRealtimeWS } = require("openai/realtime/ws");

const TEXTS = "conversation.item.input_audio_transcription";
const APPEND_BYTES = 4800;
const N_TURNS = 3;

const client = new OpenAI({ apiKey: "none", baseURL: `${url}/v1` });
const socket = new OpenAIRealtimeWS({ intent: "transcription" }, client);
const texts = [];

socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
socket.on("session.created", () => {
  const input = { format: { type: "audio/pcm", rate: 24000 }, turn_detection: { type: "server_vad" } };
  socket.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
});
socket.on("session.updated", () => {
  const audio = readFileSync(path);
  for (let start = 0; start < audio.length; start += APPEND_BYTES) {
    const piece = audio.subarray(start, start + APPEND_BYTES).toString("base64");
    socket.send({ type: "input_audio_buffer.append", audio: piece });
  }
});
socket.on(`${TEXTS}.completed`, (event) => {
  texts.push(event.transcript);
  if (texts.length === N_TURNS) {
    console.log(JSON.stringify(texts));
    socket.close();
  }
});
