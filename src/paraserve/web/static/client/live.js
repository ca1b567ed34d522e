/**
 * One utterance with the server over its WebSocket, over one connection after the other if it breaks.
 *
 * A server that has kept the session goes on where the connection broke. Any other gets the sound that no final text
 * covers once more: nothing said is lost, no final text comes twice. What a server says in the middle of a sentence
 * because it shuts down is set aside, since the next connection hears the whole sentence.
 */
import { liveSentences } from "./live_sentences.js";
import { PcmReader, RATE_HZ } from "./pcm.js";
import { Recording } from "./recording.js";
import { ServerError, socketUrl } from "./server.js";

const SAMPLES_PER_MS = RATE_HZ / 1000;
const FRAME_MS = 10; // of the models: a connection that begins at a whole frame hears the same words
const SEND_SAMPLES = RATE_HZ; // at most in one message
const MAX_BUFFERED_BYTES = 256 * 1024;
const PUMP_EVERY_MS = 200;
const SAMPLE_BYTES = 2;
const OPEN = 1; // state of a WebSocket
const BROKEN_CLOSE = 4000; // tells the server, if it hears of it, that we shall be back
const STALLED_MS = 10000; // without any byte leaving
const SESSION_WAIT_MS = 5000; // for a server to say whether it has kept the session
const STABLE_MS = 60000; // a connection that lasted this long was a good one
const FIRST_WAIT_S = 0.2;
const LONGEST_WAIT_S = 10;
const ATTEMPTS_AFTER_END = 6; // while somebody still speaks there is no end to trying
const RETRIED_CLOSES = new Set([1001, 1005, 1006, 1012, 1013]);
const RETRIED_ERRORS = new Set(["overloaded", "key_limit", "limits_unavailable", "shutting_down", "not_ready"]);

const DEFAULTS = { mode: "2pass", language: "", itn: true, hotwords: [], sampleRate: RATE_HZ, extra: {}, keepsSound: false };
const SILENT = Object.fromEntries(
  ["onState", "onMessage", "onPartial", "onFinal", "onHeard", "onHotwords", "onEnd"].map((name) => [name, () => {}]),
);

export class Live {
  recording = new Recording();
  #options;
  #url;
  #reader;
  #said = { text: "", sentences: [] };
  #ended;
  #settle;
  #listener;
  #socket = null;
  #timers = { pump: 0, retry: 0, session: 0 };
  #token = null; // with which to return to the server's session
  #seq = 0; // of the last message that was passed on
  #isWaiting = false; // for what the server says about the session
  #first = 0; // sample with which the server's session began
  #sent = 0; // samples
  #covered = 0; // samples that need not be sent again
  #final = 0; // samples that final texts are about
  #partial = "";
  #stale = ""; // what was shown of the open sentence when the connection broke
  #held = null; // a result that says it is final, until the next message tells whether it is
  #complaint = null; // what the server said before it closed
  #isFinished = false;
  #hasSentEnd = false;
  #isOver = false;
  #attempt = 0;
  #openedAt = 0;
  #progress = { at: 0, bytes: 0, covered: 0 };

  /**
   * `options`: {url, key, mode, language, itn, hotwords, sampleRate, extra, keepsSound, WebSocket}. `sampleRate` is that
   * of the samples that are sent, in Hz. `extra` are more keys of the first message. `keepsSound` keeps all of it in
   * `recording`, where otherwise what has its text is forgotten. `WebSocket` is for programs where none is built in.
   *
   * `listener`: onState(name, {seconds}) with "connecting", "connected", "waiting"; onMessage(message, offsetMs) gets each
   * result as the server sent it, whose times count from `offsetMs` of the sound; onPartial(text) replaces the open
   * sentence's text; onFinal(text, sentences) goes behind the texts so far; onHeard(message) gets each message that
   * tells how much was understood, onHotwords(message) each one whose hotwords stay; onEnd(error) comes once, with a
   * ServerError if it failed. All may be left out.
   */
  constructor(options, listener = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#url = socketUrl(this.#options.url, this.#options.key);
    this.#reader = new PcmReader(this.#options.sampleRate);
    this.#listener = { ...SILENT, ...listener };
    this.#ended = new Promise((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve(this.#said));
    });
    this.#ended.catch(() => {}); // whoever does not wait for the end has `onEnd`
  }

  start() {
    this.#timers.pump = setInterval(() => this.pump(), PUMP_EVERY_MS);
    globalThis.addEventListener?.("online", this.#hurry); // programs without a browser have no such event
    this.#connect();
  }

  /** Sound that was recorded and has not left this machine, in ms. */
  get unsentMs() {
    const buffered = (this.#socket?.bufferedAmount ?? 0) / SAMPLE_BYTES;
    return (this.recording.length - this.#sent + buffered) / SAMPLES_PER_MS;
  }

  /** Send the next sound: an Int16Array, or a Float32Array from -1 to 1, mono. */
  send(samples) {
    if (this.#isFinished) throw new Error("no sound can be sent after finish()");
    this.recording.append(this.#reader.push(samples));
    this.pump();
  }

  /** No more sound comes; the last texts follow. Resolves to {text, sentences} of all, or rejects with a ServerError. */
  finish() {
    if (!this.#isFinished) this.recording.append(this.#reader.flush());
    this.#isFinished = true;
    this.#attempt = 0;
    this.#hurry();
    this.pump();
    return this.#ended;
  }

  /** Send what has been recorded. */
  pump() {
    const socket = this.#socket;
    if (!socket) return;
    if (this.#hasStalled(socket)) {
      this.#lost(1006);
    } else if (socket.readyState === OPEN && !this.#isWaiting) {
      while (this.#sent < this.recording.length && socket.bufferedAmount < MAX_BUFFERED_BYTES) {
        const samples = this.recording.slice(this.#sent, this.#sent + SEND_SAMPLES);
        socket.send(samples);
        this.#sent += samples.length;
      }
      if (this.#isFinished && !this.#hasSentEnd && this.#sent === this.recording.length) {
        socket.send(JSON.stringify({ is_speaking: false, is_end: true }));
        this.#hasSentEnd = true;
      }
      this.#progress.bytes = socket.bufferedAmount;
    }
  }

  #connect() {
    clearTimeout(this.#timers.retry);
    this.#held = this.#complaint = null;
    this.#isWaiting = this.#token !== null;
    if (!this.#isWaiting) this.#begin();
    this.#openedAt = performance.now();
    this.#progress = { at: this.#openedAt, bytes: 0, covered: this.#covered, seq: this.#seq };
    this.#listener.onState("connecting", {});
    const Socket = this.#options.WebSocket ?? WebSocket;
    const socket = new Socket(this.#url);
    socket.onopen = () => {
      socket.send(JSON.stringify({ ...firstMessage(this.#options), ...this.#wish() }));
      if (this.#isWaiting) this.#timers.session = setTimeout(() => this.#goOn({}), SESSION_WAIT_MS);
      this.#listener.onState("connected", {});
      this.pump();
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onerror = () => {}; // its close follows
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    this.#socket = socket;
  }

  /** What a first message has for a server that may have kept the session. */
  #wish() {
    if (!this.#isWaiting) return {};
    const final_until_ms = Math.max(0, Math.floor((this.#final - this.#covered) / SAMPLES_PER_MS));
    return { session_token: this.#token, seq: this.#seq, final_until_ms };
  }

  /** Begin with the sound that has no final text. */
  #begin() {
    this.#first = this.#sent = this.#covered;
    this.#seq = 0;
    this.#partial = "";
    this.#hasSentEnd = false;
  }

  /** Go on as the server says. A server of another kind says nothing, and hears no sound twice. */
  #goOn({ session_token = null, resumed, received_bytes, received_messages }) {
    clearTimeout(this.#timers.session);
    this.#token = session_token;
    if (this.#isWaiting) {
      this.#isWaiting = false;
      if (resumed) {
        this.#sent = this.#first + received_bytes / SAMPLE_BYTES;
        this.#hasSentEnd = received_messages > 1; // the first one, and the end
      } else {
        if (!session_token) this.#covered = Math.max(this.#covered, this.#final);
        this.#begin();
      }
    }
    this.pump();
  }

  #take(message) {
    const { error } = message;
    if (message.session_token) {
      this.#goOn(message);
      return;
    }
    if (RETRIED_ERRORS.has(error?.code)) {
      this.#complaint = error;
      return;
    }
    if (this.#held) this.#passOn(this.#held);
    this.#held = null;
    if (error) this.#end(new ServerError(error.code ?? "failed", error.message ?? error));
    else if (message.is_end) this.#end(null);
    else if (message.is_final) this.#held = message;
    else this.#passOn(message);
  }

  #passOn(message) {
    this.#seq = message.seq ?? this.#seq;
    this.#listener.onMessage(message, this.#first / SAMPLES_PER_MS);
    const isPartial = message.mode?.endsWith("online");
    if (!isPartial || this.#options.mode === "online") this.#listener.onHotwords(message); // others are heard again
    if (!isPartial || message.is_final || message.notice) this.#listener.onHeard(message);
    if (isPartial) {
      this.#partial += message.text;
      this.#listener.onPartial(this.#shown);
      return;
    }
    this.#partial = this.#stale = "";
    this.#listener.onPartial("");
    if (!message.text) return;
    this.#addFinal(message.text, liveSentences(message, this.#first / SAMPLES_PER_MS));
    const endMs = JSON.parse(message.timestamp ?? "[]").at(-1)?.[1] ?? 0;
    const { final_until_ms = Math.floor(endMs / FRAME_MS) * FRAME_MS, resume_from_ms = final_until_ms } = message;
    this.#covered = Math.max(this.#covered, this.#first + resume_from_ms * SAMPLES_PER_MS);
    this.#final = Math.max(this.#final, this.#first + final_until_ms * SAMPLES_PER_MS);
    if (!this.#options.keepsSound) this.recording.forget(this.#covered);
  }

  #addFinal(text, sentences) {
    this.#said.text += this.#said.text ? text : text.trimStart();
    this.#said.sentences.push(...sentences);
    this.#listener.onFinal(text, sentences);
  }

  /** What was shown before a break stays until the next connection has caught up. */
  get #shown() {
    return this.#partial.length < this.#stale.length ? this.#stale : this.#partial;
  }

  #hasStalled(socket) {
    const now = performance.now();
    const hasMoved = socket.bufferedAmount === 0 || socket.bufferedAmount < this.#progress.bytes;
    if (hasMoved && socket.readyState === OPEN) this.#progress.at = now;
    return now - this.#progress.at > STALLED_MS;
  }

  #lost(code, reason) {
    const socket = this.#socket;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(BROKEN_CLOSE);
    clearTimeout(this.#timers.session);
    const complaint = this.#complaint ?? { code: reason || "no_connection", message: `close code ${code}` };
    const failure = new ServerError(complaint.code, complaint.message);
    if (!RETRIED_CLOSES.has(code)) {
      this.#end(failure);
      return;
    }
    const { covered, seq } = this.#progress;
    const isAhead = this.#covered > covered || this.#seq > seq;
    const wasGood = isAhead || performance.now() - this.#openedAt > STABLE_MS;
    this.#attempt = wasGood ? 1 : this.#attempt + 1;
    if (this.#isFinished && this.#attempt > ATTEMPTS_AFTER_END) this.#end(failure);
    else this.#wait();
  }

  #wait() {
    this.#stale = this.#shown;
    const longest = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (this.#attempt - 1));
    const seconds = longest * (0.5 + Math.random() / 2); // so that not all clients of a restarted server come at once
    this.#listener.onState("waiting", { seconds: Math.ceil(seconds) });
    this.#timers.retry = setTimeout(() => this.#connect(), seconds * 1000);
  }

  #hurry = () => {
    if (!this.#socket && !this.#isOver) this.#connect();
  };

  #end(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timers.pump);
    clearTimeout(this.#timers.retry);
    clearTimeout(this.#timers.session);
    globalThis.removeEventListener?.("online", this.#hurry);
    if (this.#socket) {
      this.#socket.onclose = this.#socket.onmessage = null;
      this.#socket.close();
      this.#socket = null;
    }
    if (this.#held) this.#passOn(this.#held);
    this.#held = null;
    const rest = this.#shown; // in mode online all text is; otherwise what an error left unfinished
    this.#listener.onPartial("");
    if (rest) this.#addFinal(rest, liveSentences({ text: rest }, 0));
    this.#listener.onEnd(error);
    this.#settle(error);
  }
}

function firstMessage({ mode, language, itn, hotwords, extra }) {
  const message = {
    mode,
    wav_name: "live",
    wav_format: "pcm",
    audio_fs: RATE_HZ,
    chunk_size: [5, 10, 5],
    is_speaking: true,
    resume: true,
    itn,
    svs_lang: language || "auto",
  };
  if (Object.keys(hotwords).length) message.hotwords = JSON.stringify(hotwords);
  return { ...message, ...extra };
}
