"""The request types of OpenAI's package. As a program it prints those of the interpreter that runs it."""

import json
from typing import get_args

from openai.types import AudioModel, AudioResponseFormat
from openai.types.audio import (
    TranscriptionInclude,
    TranscriptionStreamEvent,
    transcription_create_params,
    translation_create_params,
)


def read_types() -> dict[str, list[str]]:
    """Names of fields and of the values that they may have, by what they belong to."""
    params = transcription_create_params
    events = get_args(get_args(TranscriptionStreamEvent)[0])
    return {
        "types": list(params.__all__),
        "transcription": [
            *params.TranscriptionCreateParamsNonStreaming.__annotations__,
            *params.TranscriptionCreateParamsStreaming.__annotations__,
        ],
        "translation": list(translation_create_params.TranslationCreateParams.__annotations__),
        "server_vad": list(params.ChunkingStrategyVadConfig.__annotations__),
        "response_format": list(get_args(AudioResponseFormat)),
        "include": list(get_args(TranscriptionInclude)),
        "models": list(get_args(AudioModel)),
        "events": [one.__name__ for one in events],
    }


if __name__ == "__main__":
    print(json.dumps(read_types()))
