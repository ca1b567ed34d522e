"""Names in a prompt, for models that take hotwords."""

import pytest

from paraserve.server.protocols.prompt_hotwords import prompt_hotwords


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("阿里巴巴", ["阿里巴巴"]),
        ("阿里巴巴、魔搭，通义千问。", ["阿里巴巴", "魔搭", "通义千问"]),
        ("阿里巴巴 魔搭", ["阿里巴巴", "魔搭"]),
        ("ZyntriQix, Digique Plus, GPT-4.1.", ["ZyntriQix", "Digique Plus", "GPT-4.1"]),
        ("New York; Los Angeles\nNew York", ["New York", "Los Angeles"]),
        (" , ,", []),
        ("", []),
        ("今天天气怎么样？", []),
        ("你好。今天", []),
        ("以下是一段普通话的录音内容", []),
        ("Umm, let me think like, hmm... Okay, here's what I'm, like, thinking.", []),
        ("The transcript is about OpenAI, which makes technology like GPT-3", []),
        ("Hello world. And then", []),
    ],
)
def test_names(prompt, words):
    """A list of names is taken, each once. A text is not: it has sentences, or parts of many words."""
    assert [word.text for word in prompt_hotwords(prompt)] == words
