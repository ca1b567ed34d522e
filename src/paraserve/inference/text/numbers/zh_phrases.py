"""Chinese phrases and names whose numerals stay words, because readers know them so.

Phrases of digits below ten, of pairs ("三八妇女节") and of bare units ("千山万水") need no entry: no rule writes
them.
"""

import re

from paraserve.inference.text.numbers.zh_numerals import N

_PHRASES = """
七月半 两点一线 三点一线 四点一线 七零八落 七零八碎 十全十美 十有八九 十之八九 八九不离十 十拿九稳 十万火急 十恶不赦
十面埋伏 十室九空 十指连心 十足 十字 十里洋场 十里长街 十里八乡 十年寒窗 十年树木 十年磨一剑 十年如一日
十月怀胎 十月革命 十天半个月 十天半月 十天半个 十万八千里 十万个为什么 十三陵 十三香 十三太保 十三幺 十三行
十八般 十八罗汉 十八层地狱 十八弯 十八变 十八线 十八相送 十二生肖 十二时辰 十二金钗 十二指肠 十二平均律 十堰
十渡 十里河 十里堡 十姊妹 十大 十一国庆 十一黄金周 十一长假 十一假期 十四行诗 十来 十好几 十几 三十而立
四十不惑 四十而不惑 五十知天命 五十而知天命 六十耳顺 六十而耳顺 人生七十古来稀 七十古来稀 大年三十 三十年河东
三十年河西 三十六计 七十二变 七十二家房客 七十二行 五十步笑百步 一百单八将 二十四孝 二十四史 九十九道弯
一千零一夜 三千弟子 三千烦恼丝 弱水三千 三千尺 三千丈 八百里加急 八百里秦川 一万个为什么 一万年太久 九千岁
一百个放心 一百个不 五十铃 三千世界 九一八事变 九一八 一二九运动 一二八事变 二二八事件 五一二地震 五一二汶川
五一二大地震 三一八惨案 五卅 唯一 统一 同一 逐一 千万 万一 万万 三百六十五里路 六十四卦 七十从心所欲 百八十
千八百 万八千 百十 二十八宿 三十六天罡 七十二地煞 九十春光 五百罗汉 八百诸侯 三百首 三百篇 以一当十 闻一知十
一目十行 五光十色 十年九不遇 一曝十寒 一暴十寒 三宫六院七十二妃 一传十 以一抵十 以一敌十 以一敌百 五风十雨
十目所视 十鼠同穴 一万个不愿意 一万个不 十年生聚 十载寒窗 十步之内 十室之邑 十之七八 十月稻田 十八学士
二十八星宿 十诫 十戒 十殿阎罗 十常侍 十三妹 十四五 十三五 十二五 十五五 二五八万 万分之一
"""
_FESTIVALS = "三月三|九月九|二月二|六月六|七月七"
_OF_NUMERALS = re.compile(f"[{N}]+")
_LONGEST_FIRST = sorted(_PHRASES.split(), key=len, reverse=True)
KEPT = (
    "|".join(phrase + f"(?![{N}])" * (_OF_NUMERALS.fullmatch(phrase) is not None) for phrase in _LONGEST_FIRST)
    + f"|(?:{_FESTIVALS})(?![号日{N}])"
)
"""A regular expression of all of them, the longest first. Those of numerals alone are no part of a longer one."""
