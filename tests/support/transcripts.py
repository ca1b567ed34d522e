"""Small transcripts with token times."""

from paraserve.types import Sentence, Token, Transcript


def sentence(text, *tokens):
    made = tuple(Token(*t) for t in tokens)
    return Sentence(text, made[0].start_ms, made[-1].end_ms, made)


HELLO = sentence("你好，世界。", ("你", 430, 670), ("好", 670, 810), ("世", 900, 1100), ("界", 1100, 1300))
DATE = sentence("用gpt在3月5号。", ("用", 0, 100), ("gpt", 100, 300), ("在", 300, 400), ("3月5号", 400, 800, 0.5))
ENGLISH = sentence("it's 41.8, yes.", ("it's", 0, 200), ("41.8", 200, 800), ("yes", 900, 1000))


def transcript(*sentences, language=None):
    return Transcript("".join(s.text for s in sentences), sentences, 2000, language)
