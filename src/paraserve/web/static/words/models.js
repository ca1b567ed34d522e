/** Models that the server fetches. `{name}` stands for a value. */
export default {
  en: {
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
  },
  zh: {
    models: "模型",
    "models.offer": "可以下载开放域识别模型，服务器会把它与现有模型一同加载。",
    "models.choice": "要下载的模型",
    "models.get": "下载",
    "models.load": "加载",
    "models.install": "服务器还缺少此模型所需的软件包：pip install {packages}",
    "models.pulling": "{name}：{done} / {total} MB",
    "models.loading": "{name}：正在加载……",
    "models.done": "{name} 已就绪。",
    "models.stopped": "{name}：已暂停（{done} / {total} MB），下次从此处继续。",
  },
};
