/** Clients of paraserve, a speech recognition server. Times are milliseconds from the start of the sound. */

/** A list of words, or an object with a weight for each. */
export type Hotwords = readonly string[] | Readonly<Record<string, number>>;

/** What the server refused, or that it cannot be reached: `code` is then "no_connection". */
export class ServerError extends Error {
  readonly code: string;
  /** The field at fault, null where none is. */
  readonly param: string | null;
  /** Seconds after which it may be tried again, null where the server does not say so. */
  readonly retryAfterS: number | null;
  constructor(code: string, message: string, param?: string | null, retryAfterS?: number | null);
}

export interface Token {
  text: string;
  start_ms: number | null;
  end_ms: number | null;
  confidence?: number;
}

export interface Sentence {
  text: string;
  start_ms: number | null;
  end_ms: number | null;
  tokens: Token[];
}

/** The server's JSON. It may have more than is written here. */
export interface Transcript {
  text: string;
  language: string | null;
  duration_ms: number;
  sentences: Sentence[];
  warnings?: { code: string; param: string | null; message: string }[];
  notice?: { code: string; message: string };
  [more: string]: unknown;
}

/** How much of a recording is recognized and decoded. `duration_ms` is null where the file does not tell. */
export interface Recognized {
  recognized_ms: number;
  decoded_ms: number;
  duration_ms: number | null;
}

export interface Server {
  /** http, https, ws or wss, with a path where a proxy wants one. */
  url: string | URL;
  /** API key, for a server that wants one. */
  key?: string;
}

export interface UploadOptions extends Server {
  language?: string;
  /** Write numbers, dates and times in digits; true without it. */
  itn?: boolean;
  hotwords?: Hotwords;
  /** More fields of an upload. */
  fields?: Readonly<Record<string, string | number | boolean>>;
  /** Name to tell, where it is not that of the file. */
  filename?: string;
  /** Called with the share that has been sent, 1 when the server recognises; only in browsers. */
  onProgress?: (fraction: number) => void;
  /** For JSON: gets each sentence as soon as it will not change. */
  onSentence?: (sentence: Sentence & { index: number }) => void;
  /** For JSON: called while the server recognises. */
  onRecognized?: (progress: Recognized) => void;
  /** For JSON, with the field `peaks`: loudest samples, 255 for full scale, from number `start` on. */
  onPeaks?: (start: number, peaks: Uint8Array, perS: number) => void;
  signal?: AbortSignal;
}

/** Send a recording; rejects with a ServerError, or the signal's reason. */
export function transcribe(file: Blob, options: UploadOptions & { format?: "json" }): Promise<Transcript>;
export function transcribe(
  file: Blob,
  options: UploadOptions & { format: "text" | "srt" | "vtt" | "tsv" | "ass" | "ttml" | "lrc" },
): Promise<string>;

export interface Model {
  id: string;
  state: string;
  aliases: string[];
  /** The speech that it understands, in English words. */
  knows: string;
  is_embedded: boolean;
  languages: string[];
  [more: string]: unknown;
}

/** The models of a server; rejects with a ServerError. */
export function models(server: Server): Promise<Model[]>;

export interface LiveOptions extends Server {
  /** "2pass" (without it): growing texts, then final ones; "online": growing ones only; "offline": one at the end. */
  mode?: "2pass" | "online" | "offline";
  language?: string;
  /** Write numbers, dates and times in digits; true without it. */
  itn?: boolean;
  hotwords?: Hotwords;
  /** Of the samples that are sent, in Hz; 16000 without it. */
  sampleRate?: number;
  /** More keys of the first message. */
  extra?: Readonly<Record<string, unknown>>;
  /** Keep all sound in `recording`; otherwise what has its text is forgotten. */
  keepsSound?: boolean;
  /** Where none is built in, as in Node before 22: the class of the package ws, for example. */
  WebSocket?: new (url: string) => unknown;
}

export interface LiveListener {
  onState?: (state: "connecting" | "connected" | "waiting", values: { seconds?: number }) => void;
  /** Gets each result as the server sent it; its times count from `offsetMs` of the sound. */
  onMessage?: (message: Record<string, unknown>, offsetMs: number) => void;
  /** Replaces the text of the open sentence. */
  onPartial?: (text: string) => void;
  /** Goes behind the final texts so far. */
  onFinal?: (text: string, sentences: Sentence[]) => void;
  /** Gets each message that tells how much was understood. */
  onHeard?: (message: Record<string, unknown>) => void;
  /** Gets each message whose hotwords stay. */
  onHotwords?: (message: Record<string, unknown>) => void;
  /** Comes once, with an error if it failed. */
  onEnd?: (error: ServerError | null) => void;
}

/** One utterance, over one connection after the other if it breaks. */
export class Live {
  readonly recording: Recording;
  /** Sound that was recorded and has not left this machine, in ms. */
  readonly unsentMs: number;
  constructor(options: LiveOptions, listener?: LiveListener);
  /** Connect. */
  start(): void;
  /** Send the next mono sound; floats are from -1 to 1. */
  send(samples: Int16Array | Float32Array): void;
  /** No more sound comes; resolves to all that was said, or rejects with a ServerError. */
  finish(): Promise<{ text: string; sentences: Sentence[] }>;
}

/** There is no sound to be had; `code` says why. */
export class MicrophoneError extends Error {
  readonly code: "insecure" | "refused" | "no_microphone" | "busy_microphone" | "no_connection";
}

/** The microphone, or another stream of sound, as frames of 16 kHz. Browsers only. */
export class Microphone {
  private constructor();
  /** Throws a MicrophoneError. A `stream` is taken in place of the microphone, and left running at the end. */
  static open(
    onFrame: (samples: Int16Array) => void,
    onGone: () => void,
    options?: { stream?: MediaStream; workletUrl?: string | URL },
  ): Promise<Microphone>;
  /** All frames have been handed over when this is done. */
  stop(): Promise<void>;
}

/** Sound of 16 kHz that grows. */
export class Recording {
  /** Loudest sample of each 20 ms, 0 to 1. */
  readonly peaks: number[];
  /** Samples. */
  readonly length: number;
  readonly durationMs: number;
  append(samples: Int16Array): void;
  slice(start: number, end: number): Int16Array;
  /** Free the memory of the sound before a sample; it cannot be asked for any more. */
  forget(before: number): void;
  /** All of it as a WAV file, if nothing was forgotten. */
  wav(): Blob;
}
