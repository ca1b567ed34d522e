/** Sentences to read aloud, and recordings to click. */

/** For the embedded model: the sentences of the README, [language, sentence]. */
export const EMBEDDED_SENTENCES = [
  ["zh", "空调开到制冷模式"],
  ["zh", "太便宜了能便宜四十块吗"],
  ["zh", "请把 document 发给 michael"],
  ["en", "set an alarm at six o'clock"],
  ["en", "remind me to go to work tomorrow morning"],
];

/** For models of open speech, by language. */
export const SENTENCES = {
  en: [
    "The quick train to the coast leaves at half past nine.",
    "She opened the window and listened to the rain.",
    "Could you tell me how to get to the nearest library?",
    "Our meeting has been moved to Thursday, the fourteenth of March.",
    "I would rather walk than wait another twenty minutes.",
  ],
  zh: [
    "明天上午九点半，我们在会议室见面。",
    "外面下着小雨，她打开窗户听了一会儿。",
    "请问去最近的图书馆怎么走？",
    "这台机器能听懂我说的话，真有意思。",
    "三月十四号星期四，记得把报告发给大家。",
  ],
  yue: [
    "聽日朝早九點半，我哋喺會議室見。",
    "出面落緊雨，記得帶遮呀。",
    "唔該，請問最近嘅圖書館點去？",
    "你食咗飯未呀？",
    "今晚我想早啲返屋企休息。",
  ],
  ja: [
    "明日の朝九時半に会議室で会いましょう。",
    "外は小雨が降っています。",
    "一番近い図書館はどこですか。",
    "三月十四日の木曜日に資料を送ってください。",
    "この機械は私の話がわかるようです。",
  ],
  ko: [
    "내일 아침 아홉 시 반에 회의실에서 만나요.",
    "밖에 비가 조금 내리고 있어요.",
    "가장 가까운 도서관이 어디예요?",
    "삼월 십사일 목요일에 자료를 보내 주세요.",
    "이 기계가 제 말을 알아듣네요.",
  ],
};

/** Recordings in `clips/`; words/start.js has their titles. */
export const CLIPS = [
  { name: "zh_home", languages: ["zh"], seconds: 3 },
  { name: "en_weather", languages: ["en"], seconds: 3 },
  { name: "zh_en", languages: ["zh", "en"], seconds: 4 },
  { name: "zh_date", languages: ["zh"], seconds: 3 },
  { name: "en_date", languages: ["en"], seconds: 3 },
];
