"""Numerals with 点 between them: times of day, decimals, addresses and versions.

"三点五" is a decimal, "三点五十" a time. "三点五分" and "三点零五" may be both, so a word beside them has to tell.
"""

import re
from typing import Final

from paraserve.inference.text.numbers.zh_numerals import TO_ASCII, D, N, value_of, written

MAX_PARTS = 7
CONTEXT_CHARS = 8
"""Characters on each side that are looked at."""
POINT: Final = (
    f"(?P<head>[{N}]+)点(?:(?=[一三]刻)|(?P<tail>[{N}]+)(?:分(?P<second>[{N}]+)秒)?(?![{N}点])|"
    f"(?![{N}])|(?=[{N}]+点))"
)
"""A numeral with 点 behind it, and perhaps another one, and seconds."""
DOTTED: Final = f"[{N}]+(?:点[{N}]+){{2,{MAX_PARTS}}}(?![{N}点])"
"""Numerals with two or more 点 between them."""
DAY_PART = (
    "上午",
    "下午",
    "早上",
    "晚上",
    "中午",
    "凌晨",
    "傍晚",
    "夜里",
    "半夜",
    "早晨",
    "清晨",
    "今早",
    "今晚",
    "明早",
    "明晚",
    "昨晚",
    "当晚",
    "每晚",
    "每早",
    "午后",
    "深夜",
    "夜间",
    "周末",
    "上午的",
    "下午的",
    "晚上的",
    "早上的",
)
DAY = (
    "现在",
    "现在是",
    "现在时间是",
    "时间是",
    "今天",
    "明天",
    "昨天",
    "后天",
    "前天",
    "点到",
    "准时",
    "当天",
    "每天",
    "定在",
    "约在",
    "改在",
    "日",
    "号",
)
WEEKDAYS = tuple(week + day for week in ("星期", "礼拜", "周") for day in "一二三四五六日天")
DECIMAL_CUES = (
    "考了",
    "得了",
    "打了",
    "拿了",
    "扣了",
    "扣",
    "加了",
    "减了",
    "得分",
    "评分",
    "总分",
    "均分",
    "平均分",
    "平均",
    "满分",
    "成绩",
    "成绩是",
    "高了",
    "低了",
    "差了",
    "涨了",
    "只有",
    "得分是",
    "评分是",
    "评分为",
    "得到",
    "给了",
    "打出",
    "豆瓣",
    "打",
    "得",
    "均分是",
    "绩点",
)
VERSION_CUES = (
    "版本",
    "版本号",
    "版本是",
    "版本号是",
    "版",
    "升级到",
    "更新到",
    "v",
    "V",
    "版本为",
    "降到",
    "系统",
    "内核",
    "到了",
    "用的是",
    "固件",
)
ITEM = re.compile(
    "意见|建议|要求|原因|理由|内容|说明|体会|希望|想法|看法|启示|共识|问题|措施|好处|方面|注意|不同|区别|优势|优点|缺点|特点|"
    "结论|事实|经验|感受|期望|做法|思考|承诺|一线|水|钱|小|声明|提示|心得|疑问|补充|都很|很重要"
)
ITEM_BEFORE = (
    "第",
    "这",
    "那",
    "以下",
    "如下",
    "下列",
    "下面",
    "以上",
    "上面",
    "几",
    "有",
    "讲",
    "说",
    "谈",
    "提",
    "列",
    "前",
    "后",
    "共",
    "满足",
    "做到",
)
_AFTER_HOUR = re.compile(
    f"钟|整(?![齐个理])|半(?!点)|左右|多|过|以前|之前|以后|之后|前|后|到[{N}]+点|至[{N}]+点|[一三]刻|[{N}]+点|来钟"
)
_UNIT = re.compile(
    "公|千米|千克|米|克|斤|吨|元|块|毛|美|欧|英|度|摄氏|倍|秒|毫|厘|升|亩|平方|立方|%|个百分|人民币|伏|瓦|安|赫|寸|英寸|寸|"
    "级|兆|g|G|M|k"
)


def point(match: re.Match[str]) -> str | None:
    """Return a time or a decimal, None where it is neither or may be both."""
    text, head, tail = match.string, match["head"], match["tail"] or ""
    before = text[max(0, match.start() - CONTEXT_CHARS) : match.start()]
    after = text[match.end() : match.end() + CONTEXT_CHARS]
    hour = value_of(head)
    if hour is None or (head == "幺"):
        return None
    if not tail:
        return _full_hour(head, hour, before, after)
    if match["second"] is not None:
        return _with_seconds(match, hour)
    if re.fullmatch(f"[{D}]+[百千]?[万亿]+", tail):
        return _decimal(head, tail[: len(tail.rstrip("百千万亿"))]) + tail[len(tail.rstrip("百千万亿")) :]
    if re.fullmatch(f"[{D}]+", tail):
        return _digits_behind(head, tail, hour, before, after)
    minute = value_of(tail)
    return f"{hour}点{minute}" if minute is not None and minute < 60 and hour <= 24 and tail[0] not in D[:2] else None


def dotted(match: re.Match[str]) -> str | None:
    """Return an IP address, or with a word before it a version; None for anything else."""
    parts = match[0].split("点")
    values = [value_of(part) for part in parts]
    if any(value is None or "两" in part for value, part in zip(values, parts, strict=True)):
        return None
    is_address = len(parts) == 4 and all(value is not None and value < 256 for value in values)
    is_version = match.string.endswith(VERSION_CUES, 0, match.start())
    is_version = is_version or (len(parts) == 3 and bool({"零", "〇"} & {*parts}))
    return ".".join(written(part) or "" for part in parts) if is_address or is_version else None


def _full_hour(head: str, hour: int, before: str, after: str) -> str | None:
    if hour > 24:
        return None if re.fullmatch(f"[{D}]{{2}}", head) else f"{written(head)}点"
    if head[0] in "零〇" or before.endswith(ITEM_BEFORE) or ITEM.match(after):
        return None
    is_half_past = _AFTER_HOUR.match(after) is not None
    if before.endswith("到") and hour == 1 and not is_half_past:
        return None
    is_time = is_half_past and not (hour == 1 and re.match("多|过|前|后|[一]点", after))
    if before.endswith(DAY_PART) and not re.match("[都也儿不]", after):
        is_time = True
    if before.endswith((*DAY, *WEEKDAYS)) and (hour > 1 or re.match(r"$|\W|了|到", after)):
        is_time = is_time or not re.match("[都也儿不]", after)
    return f"{written(head)}点" if is_time or hour >= 3 else None


def _with_seconds(match: re.Match[str], hour: int) -> str | None:
    tail, second = match["tail"], match["second"]
    minute, seconds = value_of(tail), value_of(second)
    if minute is None or seconds is None or hour > 24 or minute > 59 or seconds > 59:
        return None
    return f"{hour}点{_two_digits(tail, minute)}分{_two_digits(second, seconds)}秒"


def _two_digits(numeral: str, value: int) -> str:
    return f"{value:02}" if numeral[0] in "零〇" and len(numeral) > 1 else str(value)


def _digits_behind(head: str, tail: str, hour: int, before: str, after: str) -> str | None:
    """Write digits behind 点: minutes below ten, if a word says so, or decimal places."""
    if after.startswith("分之"):
        return None
    is_minutes = after.startswith("分") and not after.startswith("分钟")
    may_be_time = 0 < hour <= 24 and (
        re.fullmatch("[零〇][一二三四五六七八九]", tail) or (is_minutes and len(tail) == 1)
    )
    is_decimal = before.endswith(DECIMAL_CUES) or _UNIT.match(after) is not None
    says_day = before.endswith((*DAY_PART, *DAY, *WEEKDAYS))
    if hour == 0 and is_minutes and tail[0] in "零〇":
        return None
    if may_be_time and not is_decimal:
        two_digits = len(tail) == 2
        return f"{hour}点{tail.translate(TO_ASCII)}" if says_day or (two_digits and is_minutes) else None
    if hour <= 24 and says_day and not is_decimal and before.endswith(DAY_PART):
        return None
    return _decimal(head, tail)


def _decimal(head: str, tail: str) -> str:
    return f"{plain(head)}.{tail.translate(TO_ASCII)}"


def plain(head: str) -> str | None:
    """Return the digits before a decimal point, without 万 and 亿; None for no number."""
    if re.fullmatch(f"[{D}]+", head):
        return head.translate(TO_ASCII)
    value = value_of(head)
    return None if value is None else str(value)
