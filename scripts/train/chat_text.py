"""Punctuated everyday sentences from templates: what the help text lacks."""

# ruff: noqa: SIM905 - word lists are easier to read as text
from random import Random

import grammar

STOP, QUESTION = "。", "？"


def _items(text: str) -> list[str]:
    """What stands between the bars."""
    return [item.strip() for item in text.split("|")]


_ZH_WHO = _items(
    """
    我 | 你 | 他 | 她 | 我们 | 你们 | 他们 | 老师 | 妈妈 | 爸爸 | 朋友 | 大家 | 小明 | 医生 | 老板
    """
)
_ZH_THING = _items(
    """
    手机 | 电脑 | 文件 | 音乐 | 电影 | 天气 | 会议 | 报告 | 车票 | 房间 | 空调 | 电视 | 晚饭 | 作业 |
    项目 | 邮件 | 问题 | 价格 | 地址 | 时间 | 密码 | 航班 | 酒店 | 快递 | 合同 | 计划 | 新闻 | 咖啡 |
    衣服 | 工作
    """
)
_ZH_PLACE = _items(
    """
    北京 | 上海 | 广州 | 深圳 | 学校 | 公司 | 医院 | 家里 | 机场 | 车站 | 超市 | 公园 | 办公室 | 餐厅 |
    银行
    """
)
_ZH_DO = _items(
    """
    打开 | 关闭 | 查看 | 发送 | 修改 | 准备 | 讨论 | 完成 | 取消 | 检查 | 下载 | 购买 | 介绍 | 整理 |
    解决
    """
)
_ZH_QUESTIONS = _items(
    """
    {w}想要什么{t} | {w}什么时候去{p} | {w}在{p}吗 | 你能{d}{t}吗 | 这个{t}怎么{d} | {t}在哪里 |
    为什么要{d}{t} | {w}可以{d}{t}吗 | {t}多少钱 | 你觉得这个{t}怎么样 | {w}是谁 | 我们几点去{p} |
    {p}离这里远不远 | 你好吗 | 是不是 | 要不要{d}{t} | 有没有{t} | {w}为什么不去{p} | 今天{p}天气怎么样 |
    你叫什么名字 | 你听得到吗 | {w}的{t}呢 | 对吗 | 谁能{d}这个{t} | 哪个{t}比较好 | 怎么去{p} |
    你知道{t}在哪吗 | {w}有几个{t} | 现在几点了 | 今天星期几 | 今天几号 | 明天几号 | 你的电话号码是多少 |
    一共多少钱 | 还有别的问题吗 | 请问{p}怎么走 | 这是什么 | {w}吃饭了吗 | 真的吗
    """
)
_ZH_STATEMENTS = _items(
    """
    请{d}{t} | {w}今天去{p} | {w}已经{d}了{t} | 我觉得这个{t}很好 | {w}不在{p} | 帮我{d}一下{t} |
    {t}在{p} | {w}明天要{d}{t} | 这个{t}太贵了 | 谢谢你的{t} | {w}很喜欢这个{t} | 我不知道 | 没关系 |
    好的 | 没问题 | 对不起 | 今天天气很好 | 大家好 | 你好 | 再见 | 早上好 | 晚上好 | 谢谢 | 不客气 |
    我的名字叫小明 | 欢迎来到{p} | {w}正在{d}{t} | 我们开始{d}{t}吧 | {t}的价格是{n}元 | {w}有{n}个{t} |
    会议{h}开始 | {w}的电话是{f} | {p}今天{n}度
    """
)
_ZH_LINKED = _items(
    """
    如果{w}去{p}，我们就{d}{t} | 因为{t}不好，所以{w}没有{d} | 虽然{w}在{p}，但是没有{t} | 你好，我是{w} |
    好的，谢谢 | {w}去了{p}，然后{d}了{t} | 不但要{d}{t}，而且要去{p} | {w}说，{t}在{p} |
    你好，请问{p}在哪里？ | 对不起，我不知道 | {w}买了{t}、{t}和{t} | {p}、{p}和{p}都很好 |
    早上好，今天是{a} | 今天是{a}，现在是{h} | 谢谢，再见 | 你好，请问现在几点了？ |
    首先{d}{t}，其次去{p}，最后休息 | 只要{d}{t}，就可以去{p} | 我的电话号码是{f}，谢谢 |
    {w}想{d}{t}，可以吗？
    """
)
_EN_WHO = "i you we they he she john mary".split()
_EN_THING = (
    "phone computer file music movie weather meeting report ticket room email question price address password flight "
    "hotel contract plan news coffee project book car message"
).split()
_EN_PLACE = _items(
    """
    london | paris | school | the office | the airport | the station | the bank | home | new york
    """
)
_EN_DO = "open close check send change prepare discuss finish cancel buy fix read write find see".split()
_EN_QUESTIONS = _items(
    """
    where is the {t} | what is the {t} | how are you | can you {d} the {t} | why did you {d} the {t} |
    what time is it | when will {w} go to {p} | do you like this {t} | how much is the {t} |
    who can {d} the {t} | is this your {t} | what day is it today | what is your phone number |
    could you please {d} the {t} | are you in {p} | what is the date today | did {w} {d} the {t} |
    how can i {d} the {t} | which {t} is better | would you like some {t} | what is the time |
    how do i get to {p} | what is your name | have you seen the {t} | shall we {d} the {t} |
    what is my number
    """
)
_EN_STATEMENTS = _items(
    """
    please {d} the {t} | {w} will go to {p} today | the {t} is in {p} | i think this {t} is good |
    thank you | good morning | good evening | good afternoon | good night | hello | hi | goodbye |
    i do not know | no problem | the weather is fine today | {w} can {d} the {t} | it is {h} |
    today is {a} | my phone number is {f} | you are welcome | the price is {n} dollars |
    the meeting starts at {h} | this {t} is too expensive | we need to {d} the {t} |
    the temperature is {n} degrees | see you tomorrow | nice to meet you | thank you very much |
    {w} was born on {a}
    """
)
_EN_LINKED = _items(
    """
    if you go to {p}，we will {d} the {t} | hello，my name is john | yes，please | no，thank you |
    yes，i can {d} the {t} | {w} went to {p}，but the {t} was not there |
    when the {t} is ready，please {d} it | hello，how are you？ | first {d} the {t}，then go to {p} |
    thank you，goodbye | good morning，today is {a} | well，i do not know |
    excuse me，where is the {t}？ | today is {a}，and it is {h} | i have a {t}，a {t}，and a {t}
    """
)


def _slots(lang: str, rng: Random) -> dict[str, str]:
    if lang == "zh":
        number = grammar.zh_integer(rng.randint(1, 9999), rng)
        date, time = grammar.zh_date(rng), grammar.zh_time(rng)
        phone = [grammar.zh_digits(11, rng)]
        names = (_ZH_WHO, _ZH_PLACE, _ZH_DO)
    else:
        number = " ".join(grammar.en_integer(rng.randint(1, 9999)))
        date, time = grammar.en_date(rng), grammar.en_time(rng)
        phone = grammar.en_digits(rng.choice([7, 10]), rng)
        names = (_EN_WHO, _EN_PLACE, _EN_DO)
    space = "" if lang == "zh" else " "
    slots = {key: rng.choice(values) for key, values in zip("wpd", names, strict=True)}
    return slots | {"n": number, "a": space.join(date), "h": space.join(time), "f": space.join(phone)}


def _fill(template: str, lang: str, rng: Random) -> str:
    """Fills the slots; each {t} and {p} is drawn anew."""
    slots = _slots(lang, rng)
    while "{t}" in template:
        template = template.replace("{t}", rng.choice(_ZH_THING if lang == "zh" else _EN_THING), 1)
    while template.count("{p}") > 1:
        template = template.replace("{p}", rng.choice(_ZH_PLACE if lang == "zh" else _EN_PLACE), 1)
    return template.format(**slots)


def template_sentence(lang: str, rng: Random) -> str:
    """One punctuated sentence: 40 % questions, 35 % statements, 25 % of several clauses."""
    questions, statements, linked = (
        (_ZH_QUESTIONS, _ZH_STATEMENTS, _ZH_LINKED) if lang == "zh" else (_EN_QUESTIONS, _EN_STATEMENTS, _EN_LINKED)
    )
    kind = rng.random()
    if kind < 0.4:
        return _fill(rng.choice(questions), lang, rng) + QUESTION
    if kind < 0.75:
        return _fill(rng.choice(statements), lang, rng) + STOP
    text = _fill(rng.choice(linked), lang, rng)
    return text if text.endswith(QUESTION) else text + STOP


def domain_sentence(lang: str, rng: Random) -> str:
    """A sentence of the speech grammar with its final mark."""
    words = [word for word in grammar.sentence(lang, rng) if word]
    text = ("" if lang == "zh" else " ").join(words)
    is_question = text in grammar.ZH_QUESTIONS or text in grammar.EN_QUESTIONS
    return text + (QUESTION if is_question else STOP)
