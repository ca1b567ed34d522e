/** Speech from the microphone. `{name}` stands for a value. */
export default {
  en: {
    input: "Speech in",
    record: "Start speaking",
    "record.stop": "Stop",
    "record.finishing": "Finishing …",
    level: "Microphone level",
    clock: "Recorded",
    title: "Microphone, {time}",
  },
  zh: {
    input: "语音输入",
    record: "开始说话",
    "record.stop": "停止",
    "record.finishing": "正在处理最后一段……",
    level: "麦克风音量",
    clock: "已录制",
    title: "麦克风，{time}",
  },
};
