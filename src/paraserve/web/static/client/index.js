/** What programs use of these modules: the package paraserve-client. The page uses the same. */
export { Live } from "./live.js";
export { Microphone, MicrophoneError } from "./microphone.js";
export { Recording } from "./recording.js";
export { models, ServerError } from "./server.js";
export { transcribe } from "./upload.js";
