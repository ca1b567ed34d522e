"""Names of languages as clients write them, to the codes that models take.

The codes are those of ISO 639-1, and of ISO 639-3 for the languages of models that have no other (`yue`, `haw`).
"""

import functools
import re
from collections.abc import Mapping
from types import MappingProxyType

from paraserve.errors import ProtocolError

AUTO = "auto"
NO_SPEECH = "nospeech"
"""SenseVoice's name for no language."""
SEPARATOR = re.compile("[-_ ]")
MAX_CODE_CHARS = 3
REGION = re.compile(r"[a-z]{2}|[0-9]{3}|[a-z]{4}|\(?(simplified|traditional)\)?")
"""A region or a script behind a language."""

NAMES = """
aa aar afar | ab abk abkhazian | ae ave avestan | af afr afrikaans | ak aka akan | am amh amharic አማርኛ
an arg aragonese | ar ara arb arabic العربية 阿拉伯语 | as asm assamese | av ava avaric | ay aym aymara
az aze azerbaijani | ba bak bashkir | be bel belarusian | bg bul bulgarian български | bi bis bislama
bm bam bambara | bn ben bengali bangla বাংলা | bo bod tib tibetan | br bre breton | bs bos bosnian
ca cat catalan català valencian | ce che chechen | ch cha chamorro | co cos corsican | cr cre cree
cs ces cze czech čeština 捷克语 | cu chu | cv chv chuvash | cy cym wel welsh cymraeg | da dan danish dansk 丹麦语
de deu ger german deutsch 德语 德文 | dv div divehi | dz dzo dzongkha | ee ewe
el ell gre greek ελληνικά 希腊语 | en eng english 英语 英文 英語 | eo epo esperanto
es spa spanish español castellano castilian 西班牙语 | et est estonian eesti | eu eus baq basque euskara
fa fas per persian farsi فارسی 波斯语 | ff ful fulah | fi fin finnish suomi 芬兰语 | fj fij fijian
fo fao faroese | fr fra fre french français francais 法语 法文 | fy fry frisian | ga gle irish | gd gla gaelic
gl glg galician | gn grn guarani | gu guj gujarati | gv glv manx | ha hau hausa | haw hawaiian
he heb iw hebrew עברית 希伯来语 | hi hin hindi हिन्दी 印地语 | ho hmo | hr hrv croatian hrvatski
ht hat haitian | hu hun hungarian magyar 匈牙利语 | hy hye arm armenian | hz her herero | ia ina interlingua
id ind indonesian indonesia 印尼语 印度尼西亚语 | ie ile interlingue | ig ibo igbo | ii iii | ik ipk inupiaq
io ido | is isl ice icelandic | it ita italian italiano 意大利语 | iu iku inuktitut
ja jpn jp japanese nihongo 日本語 日语 日文 日語 | jw jv jav javanese | ka kat geo georgian | kg kon kongo
ki kik kikuyu | kj kua | kk kaz kazakh | kl kal greenlandic | km khm khmer 高棉语 | kn kan kannada
ko kor kr korean hangugeo 한국어 韩语 韩文 韓語 朝鲜语 | ks kas kashmiri | ku kur kurdish | kv kom komi
kw cor cornish | ky kir kyrgyz | la lat latin | lb ltz luxembourgish | lg lug ganda | li lim limburgish
ln lin lingala | lo lao 老挝语 | lt lit lithuanian lietuvių | lu lub | lv lav latvian latviešu
mg mlg malagasy | mh mah marshallese | mi mri mao maori | mk mkd mac macedonian | ml mal malayalam
mn mon mongolian 蒙古语 | mr mar marathi | ms msa may malay melayu 马来语 | mt mlt maltese
my mya bur burmese myanmar 缅甸语 | na nau nauru | nd nde | ne nep nepali | ng ndo ndonga
nl nld dut dutch nederlands flemish 荷兰语 | nn nno nynorsk | no nor nb nob norwegian norsk bokmål 挪威语
nr nbl | nv nav navajo | ny nya chichewa | oc oci occitan | oj oji ojibwa | om orm oromo | or ori odia
os oss ossetian | pa pan punjabi panjabi | pi pli pali | pl pol polish polski 波兰语 | ps pus pashto
pt por portuguese português portugues 葡萄牙语 | qu que quechua | rm roh romansh | rn run rundi
ro ron rum romanian română moldavian 罗马尼亚语 | ru rus russian русский 俄语 俄文 | rw kin kinyarwanda
sa san sanskrit | sc srd sardinian | sd snd sindhi | se sme | sg sag sango | si sin sinhala sinhalese
sk slk slo slovak slovenčina | sl slv slovenian slovenščina | sm smo samoan | sn sna shona | so som somali
sq sqi alb albanian shqip | sr srp serbian српски | ss ssw swati | st sot sotho | su sun sundanese
sv swe swedish svenska 瑞典语 | sw swa swahili kiswahili | ta tam tamil தமிழ் | te tel telugu | tg tgk tajik
th tha thai ไทย 泰语 | ti tir tigrinya | tk tuk turkmen | tl tgl fil tagalog filipino 菲律宾语
tn tsn tswana | to ton tonga | tr tur turkish türkçe turkce 土耳其语 | ts tso tsonga | tt tat tatar | tw twi
ty tah tahitian | ug uig uyghur 维吾尔语 | uk ukr ukrainian українська 乌克兰语 | ur urd urdu اردو
uz uzb uzbek | ve ven venda | vi vie vietnamese tiếngviệt 越南语 | vo vol volapük | wa wln walloon
wo wol wolof | xh xho xhosa | yi yid yiddish | yo yor yoruba | yue cantonese 粤语 广东话 粵語 廣東話 白话
za zha zhuang | zh zho chi cmn cn chn chinese mandarin putonghua zhongwen 中文 汉语 漢語 普通话 普通話 国语 國語
zu zul zulu
"""
"""One language between two bars or on a line of its own: its code, then other codes and names."""


def language_code(name: str) -> str | None:
    """Return the code of a language by a code or a name in any case, with a region or script ("zh-CN") or without.

    None where no language has this name.
    """
    plain, codes = name.strip().casefold(), _codes()
    found = codes.get(plain) or codes.get(SEPARATOR.sub("", plain))
    if found is not None:
        return found
    first, *others = SEPARATOR.split(plain)
    if first in codes and "yue" in others:  # zh-yue, an older tag
        return "yue"
    # "english please" is no language.
    has_regions = all(REGION.fullmatch(part) for part in others)
    return codes.get(first) if has_regions or len(first) <= MAX_CODE_CHARS else None


def read_language(key: str, name: str) -> str | None:
    """Return the code of the language that a client names in the field `key`, None for "auto" and for no name.

    Raises:
        ProtocolError: no language has this name.
    """
    if name.strip().lower() in ("", AUTO):
        return None
    code = language_code(name)
    if code is None:
        problem = f"{key} {name[:40]!r} is not known: expected a code or a name such as zh, en, Chinese, or auto"
        raise ProtocolError(problem, code="invalid_value", param=key)
    return code


def language_name(code: str) -> str:
    """Return the English name of a language in small letters, the code itself where there is none."""
    return _english_names().get(code, code)


@functools.cache
def _english_names() -> Mapping[str, str]:
    """Return the name of each language by its code: the first word that is too long for a code, else the last."""
    rows = [[name for name in names if name.isascii()] for names in _rows()]
    return MappingProxyType(
        {names[0]: next((name for name in names if len(name) > MAX_CODE_CHARS), names[-1]) for names in rows}
    )


@functools.cache
def _codes() -> Mapping[str, str]:
    return MappingProxyType({name.casefold(): names[0] for names in _rows() for name in names})


def _rows() -> list[list[str]]:
    """Return the code, the other codes and the names of each language."""
    return [names for line in NAMES.splitlines() for row in line.split("|") if (names := row.split())]
