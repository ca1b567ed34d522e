"""OpenAI's events of an answer in parts, for the description of the API."""

from paraserve.server.protocols.json_encoding import Json

EVENT_SCHEMA: Json = {
    "type": "object",
    "description": "One event. The others follow it, with an empty line between them.",
    "required": ["data"],
    "properties": {
        "event": {
            "enum": ["message", "error"],
            "description": "`error` for the event that ends an answer which failed. The others have no name, which "
            "means `message`.",
        },
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "JSON with a `type`. `transcript.text.delta` has the next text in `delta`. "
            "`transcript.text.segment` has the times of a sentence, with `verbose_json` and `diarized_json`. "
            "`transcript.text.done` has the whole answer. Of the event `error` it is the body of an error.",
        },
    },
}
