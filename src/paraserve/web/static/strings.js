/** What the page says, in English and Chinese. `{name}` stands for a figure. */

const STRINGS = {
  en: {
    "state.connecting": "Connecting …",
    "state.ready": "Ready: {bundle}",
    "state.connected": "Listening",
    "state.waiting": "No connection; again in {seconds} s. Nothing is lost.",
    "state.away": "The server does not answer; again in {seconds} s.",
    "state.locked": "This server wants an API key: see Settings.",
    "state.expired": "This API key has expired: enter a new one in Settings.",
    "state.too_many_wrong_keys": "Too many wrong API keys came from here. Enter the right one in Settings.",
    input: "Speech in",
    record: "Start speaking",
    "record.stop": "Stop",
    "record.finishing": "Finishing …",
    level: "Microphone level",
    clock: "Recorded",
    drop: "Drop recordings here, or",
    choose: "choose files",
    settings: "Settings",
    mode: "Text while speaking",
    "mode.2pass": "at once, corrected at each pause",
    "mode.online": "at once only",
    "mode.offline": "at the end only",
    language: "Language",
    "language.auto": "what the model hears",
    itn: "Write numbers, dates and times in digits",
    hotwords: "Words to expect",
    "hotwords.help": "Separated by spaces or lines. A word may have a weight behind a colon: name:40.",
    "hotwords.found": "Expected words found: {found}",
    "hotwords.ignored": "Words that the model cannot write: {ignored}",
    "hotwords.both": "Expected words found: {found}. Words that the model cannot write: {ignored}",
    key: "API key",
    "key.help": "This server wants one. It is kept in this browser.",
    models: "Models",
    "models.offer": "A model for open speech can be fetched. The server loads it beside those that it has.",
    "models.choice": "Model to fetch",
    "models.get": "Get it",
    "models.load": "Load it",
    "models.install": "The server needs more for this model: pip install {packages}",
    "models.pulling": "{name}: {done} of {total} MB",
    "models.loading": "{name}: loading …",
    "models.done": "{name} is ready.",
    "models.stopped": "{name}: stopped at {done} of {total} MB. It goes on from there.",
    entries: "Texts",
    hint: "Nothing yet. What you say stays in this page and on this server.",
    "link.docs": "HTTP interface",
    "link.health": "Health",
    "link.metrics": "Metrics",
    title: "Microphone, {time}",
    progress: "Progress",
    queued: "Waiting",
    sending: "Sending: {percent} %",
    recognising: "Recognising: {seconds} s",
    cancel: "Cancel",
    play: "Play",
    pause: "Stop playing",
    wave: "Waveform with the sentences",
    text: "Text. Arrow keys go from word to word, Enter plays a word.",
    nothing: "No speech was heard.",
    no_words: "Speech was heard, but no words in it were recognised.",
    "notice.outside_vocabulary": "{speech} s of speech were heard and {missed} s of them not understood: the loaded model does not know these words. Load another one for other speech: “paraserve models list” shows them.",
    "notice.other": "{message}",
    "quality.silent": "The sound is digital silence: nothing was recorded.",
    "quality.too_quiet": "Too quiet: words may be missing. Come closer to the microphone, or turn it up.",
    "quality.clipped": "Clipped: the sound is too loud for the microphone. Turn it down.",
    "quality.noisy": "Noisy: the speech is hardly louder than the noise around it.",
    "quality.narrow_band": "Telephone sound: nothing above 4 kHz is in it.",
    cancelled: "Cancelled.",
    actions: "Take the text along",
    copy: "Copy",
    copied: "Copied",
    remove: "Remove",
    "error.insecure": "Browsers give the microphone only to https pages and to localhost. Serve with --certfile and --keyfile.",
    "error.refused": "The browser was told not to give the microphone. Allow it in the address bar and try again.",
    "error.no_microphone": "There is no microphone.",
    "error.busy_microphone": "The microphone cannot be used; perhaps another program has it.",
    "error.unplugged": "The microphone is gone. What was said until then is kept.",
    "error.no_sound": "The microphone gives no sound. Is it switched off?",
    "error.no_playing": "This browser cannot play this format; the text is right all the same.",
    "error.no_connection": "The server does not answer.",
    "error.overloaded": "The server is busy. Try again in a moment.",
    "error.key_limit": "Too much is in progress with this API key. Try again in a moment.",
    "error.missing_api_key": "This server wants an API key: see Settings.",
    "error.invalid_api_key": "The server does not know this API key.",
    "error.expired_api_key": "This API key has expired. Ask for a new one and enter it in Settings.",
    "error.missing_scope": "This API key is not meant for this. Ask for one that is and enter it in Settings.",
    "error.too_many_wrong_keys": "Too many wrong API keys came from here. Enter the right one in Settings.",
    "error.origin_not_allowed": "The server does not take live speech from this page's address.",
    "error.shutting_down": "The server is being restarted. Try again in a moment.",
    "error.not_ready": "The server is starting. Try again in a moment.",
    "error.engine_stuck": "The recogniser does not answer and is being restarted. Try again in a moment.",
    "error.inference_timeout": "The recogniser took too long and is being restarted. Try again in a moment.",
    "error.request_timeout": "This took longer than the server allows.",
    "error.session_too_long": "This was too long for one recording. Start another.",
    "error.slow_client": "The connection is too slow for live text.",
    "error.unsupported_format": "This is not audio or video of a format that the server knows.",
    "error.unsupported_codec": "The sound in this file is coded in a way that the server does not know.",
    "error.no_audio_stream": "This file has no sound.",
    "error.empty_file": "This file is empty.",
    "error.invalid_audio": "This file is damaged.",
    "error.file_too_large": "This file is larger than the server takes.",
    "error.audio_too_long": "This recording is longer than the server takes.",
    "error.upload_timeout": "The connection was too slow to send this file.",
    "error.disk_full": "The server has no space left.",
    "error.storage_unavailable": "The server cannot store files at the moment.",
    "error.decoder_unavailable": "The server cannot read files at the moment. Try again soon.",
    "error.inference_failed": "The recogniser failed. The server's log says why.",
    "error.internal_error": "The server failed. Its log says why.",
    "error.other": "This did not work: {message}",
  },
  zh: {
    "state.connecting": "正在连接……",
    "state.ready": "就绪：{bundle}",
    "state.connected": "正在聆听",
    "state.waiting": "连接中断，{seconds} 秒后重连，内容不会丢失。",
    "state.away": "服务器没有响应，{seconds} 秒后重试。",
    "state.locked": "此服务器需要 API 密钥，请在设置中填写。",
    "state.expired": "此 API 密钥已过期，请在设置中填写新密钥。",
    "state.too_many_wrong_keys": "来自此处的错误 API 密钥过多，请在设置中填写正确的密钥。",
    input: "语音输入",
    record: "开始说话",
    "record.stop": "停止",
    "record.finishing": "正在收尾……",
    level: "麦克风音量",
    clock: "已录制",
    drop: "把录音拖到这里，或",
    choose: "选择文件",
    settings: "设置",
    mode: "说话时的文字",
    "mode.2pass": "实时显示，停顿时修正",
    "mode.online": "仅实时显示",
    "mode.offline": "说完后显示",
    language: "语言",
    "language.auto": "由模型判断",
    itn: "数字、日期和时间写成阿拉伯数字",
    hotwords: "热词",
    "hotwords.help": "用空格或换行分隔。词后可用冒号加权重，例如：热词:40。",
    "hotwords.found": "命中热词：{found}",
    "hotwords.ignored": "模型无法写出的词：{ignored}",
    "hotwords.both": "命中热词：{found}。模型无法写出的词：{ignored}",
    key: "API 密钥",
    "key.help": "此服务器需要密钥。密钥保存在本浏览器中。",
    models: "模型",
    "models.offer": "可以获取开放域语音模型。服务器会在现有模型旁边加载它。",
    "models.choice": "要获取的模型",
    "models.get": "获取",
    "models.load": "加载",
    "models.install": "服务器还缺少此模型所需的软件包：pip install {packages}",
    "models.pulling": "{name}：{done} / {total} MB",
    "models.loading": "{name}：正在加载……",
    "models.done": "{name} 已就绪。",
    "models.stopped": "{name}：已停在 {done} / {total} MB，下次从此处继续。",
    entries: "文字",
    hint: "还没有内容。您说的话只在本页面和本服务器上。",
    "link.docs": "HTTP 接口",
    "link.health": "健康状态",
    "link.metrics": "指标",
    title: "麦克风，{time}",
    progress: "进度",
    queued: "排队中",
    sending: "正在上传：{percent} %",
    recognising: "正在识别：{seconds} 秒",
    cancel: "取消",
    play: "播放",
    pause: "停止播放",
    wave: "波形与句子",
    text: "文字。方向键逐词移动，回车播放该词。",
    nothing: "没有听到语音。",
    no_words: "听到了语音，但没有识别出文字。",
    "notice.outside_vocabulary": "听到 {speech} 秒语音，其中 {missed} 秒未能理解：当前加载的模型不认识这些词。要识别其他内容，请加载别的模型，“paraserve models list”会列出它们。",
    "notice.other": "{message}",
    "quality.silent": "声音是数字静音：没有录到任何内容。",
    "quality.too_quiet": "声音太小，可能漏字。请靠近麦克风，或调高音量。",
    "quality.clipped": "声音过载失真，请调低麦克风音量。",
    "quality.noisy": "噪声较大，语音几乎被环境噪声淹没。",
    "quality.narrow_band": "电话音质：没有 4 kHz 以上的声音。",
    cancelled: "已取消。",
    actions: "带走文字",
    copy: "复制",
    copied: "已复制",
    remove: "删除",
    "error.insecure": "浏览器只允许 https 页面和 localhost 使用麦克风。请用 --certfile 和 --keyfile 启动服务。",
    "error.refused": "浏览器未获准使用麦克风。请在地址栏中允许，然后重试。",
    "error.no_microphone": "没有找到麦克风。",
    "error.busy_microphone": "麦克风无法使用，可能被其他程序占用。",
    "error.unplugged": "麦克风已断开。之前说的内容已保留。",
    "error.no_sound": "麦克风没有声音，是否已关闭？",
    "error.no_playing": "此浏览器不能播放这种格式，但文字不受影响。",
    "error.no_connection": "服务器没有响应。",
    "error.overloaded": "服务器繁忙，请稍后再试。",
    "error.key_limit": "此 API 密钥正在处理的内容过多，请稍后再试。",
    "error.missing_api_key": "此服务器需要 API 密钥，请在设置中填写。",
    "error.invalid_api_key": "服务器不认识这个 API 密钥。",
    "error.expired_api_key": "此 API 密钥已过期，请索取新密钥并在设置中填写。",
    "error.missing_scope": "此 API 密钥无权执行此操作，请索取有权限的密钥并在设置中填写。",
    "error.too_many_wrong_keys": "来自此处的错误 API 密钥过多，请在设置中填写正确的密钥。",
    "error.origin_not_allowed": "服务器不接受来自此页面地址的实时语音。",
    "error.shutting_down": "服务器正在重启，请稍后再试。",
    "error.not_ready": "服务器正在启动，请稍后再试。",
    "error.engine_stuck": "识别引擎没有响应，正在重启，请稍后再试。",
    "error.inference_timeout": "识别耗时过长，识别引擎正在重启，请稍后再试。",
    "error.request_timeout": "处理时间超过了服务器的限制。",
    "error.session_too_long": "单次录音时间过长，请重新开始。",
    "error.slow_client": "网络太慢，无法实时显示文字。",
    "error.unsupported_format": "服务器不认识这种音视频格式。",
    "error.unsupported_codec": "服务器不认识文件中的音频编码。",
    "error.no_audio_stream": "这个文件里没有声音。",
    "error.empty_file": "这个文件是空的。",
    "error.invalid_audio": "这个文件已损坏。",
    "error.file_too_large": "文件超过服务器允许的大小。",
    "error.audio_too_long": "录音超过服务器允许的时长。",
    "error.upload_timeout": "网络太慢，文件未能上传。",
    "error.disk_full": "服务器磁盘已满。",
    "error.storage_unavailable": "服务器暂时无法保存文件。",
    "error.decoder_unavailable": "服务器暂时无法读取文件，请稍后再试。",
    "error.inference_failed": "识别失败，原因见服务器日志。",
    "error.internal_error": "服务器出错，原因见其日志。",
    "error.other": "未能完成：{message}",
  },
};

let language = "en";

/** "en" or "zh". */
export function spokenLanguage() {
  return language;
}

/** Change the interface's language, everywhere. */
export function speak(name) {
  language = name;
  document.documentElement.lang = name;
  localise(document);
}

/** Put a text into an element, in whichever language is chosen now and later. `key` null: none. */
export function say(element, key, values = {}) {
  element.dataset.say = key ?? "";
  element.dataset.sayValues = JSON.stringify(values);
  element.textContent = key ? phrase(key, values) : "";
}

/** The same for what a screen reader calls the element. */
export function label(element, key) {
  element.dataset.sayLabel = key;
  element.setAttribute("aria-label", phrase(key, {}));
}

/** Texts and labels of all marked elements below `root`. */
export function localise(root) {
  for (const element of root.querySelectorAll("[data-say]")) {
    say(element, element.dataset.say, JSON.parse(element.dataset.sayValues ?? "{}"));
  }
  for (const element of root.querySelectorAll("[data-say-label]")) label(element, element.dataset.sayLabel);
}

/** An error's code in plain words: arguments for `say`. */
export function plainWords({ code, message }) {
  const key = `error.${code}`;
  return key in STRINGS.en ? [key, {}] : ["error.other", { message: message || code }];
}

/** An answer's notice in plain words: arguments for `say`. Its figures are rounded as its own message rounds them. */
export function noticeWords({ notice, speech_ms = 0, recognized_ms = 0 }) {
  const key = `notice.${notice.code}`;
  if (!(key in STRINGS.en)) return ["notice.other", { message: notice.message }];
  return [key, { speech: seconds(speech_ms), missed: seconds(speech_ms - recognized_ms) }];
}

function seconds(ms) {
  return (ms / 1000).toFixed(ms < 10000 ? 1 : 0);
}

function phrase(key, values) {
  return STRINGS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
