/** Recordings that are uploaded. `{name}` stands for a value. */
export default {
  en: {
    drop: "Drop recordings here, or",
    choose: "choose files",
    progress: "Progress",
    queued: "Waiting",
    sending: "Sending: {percent} %",
    recognising: "Recognising: {seconds} s",
  },
  zh: {
    drop: "把录音拖到这里，或",
    choose: "选择文件",
    progress: "进度",
    queued: "排队中",
    sending: "正在上传：{percent} %",
    recognising: "正在识别：{seconds} 秒",
  },
};
