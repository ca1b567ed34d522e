"""The Trace Event Format as its document has it, as far as traces of paraserve use it.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: times are microseconds, metadata
events name processes and threads, and complete events of one thread are nested or apart.
"""

import jsonschema

METADATA = {
    "type": "object",
    "required": ["name", "ph", "pid", "tid", "args"],
    "properties": {
        "name": {"enum": ["process_name", "thread_name"]},
        "ph": {"const": "M"},
        "pid": {"type": "integer"},
        "tid": {"type": "integer"},
        "args": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    },
}
COMPLETE = {
    "type": "object",
    "required": ["name", "cat", "ph", "ts", "dur", "pid", "tid"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "cat": {"type": "string", "minLength": 1},
        "ph": {"const": "X"},
        "ts": {"type": "number", "minimum": 0},
        "dur": {"type": "number", "exclusiveMinimum": 0},
        "pid": {"type": "integer"},
        "tid": {"type": "integer"},
        "args": {"type": "object", "additionalProperties": {"type": "number"}},
    },
    "additionalProperties": False,
}
TRACE = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "traceEvents": {"type": "array", "items": {"anyOf": [METADATA, COMPLETE]}},
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "otherData": {"type": "object"},
    },
    "additionalProperties": False,
}


def spans_of(trace: dict) -> list[dict]:
    """Check a trace; give its spans by their start."""
    jsonschema.validate(trace, TRACE)
    spans = sorted((event for event in trace["traceEvents"] if event["ph"] == "X"), key=lambda event: event["ts"])
    named = {event["tid"] for event in trace["traceEvents"] if event["name"] == "thread_name"}
    assert {span["tid"] for span in spans} == named
    for tid in named:
        end_us = 0
        for span in (one for one in spans if one["tid"] == tid):
            assert span["ts"] >= end_us, "spans of one track overlap"
            end_us = span["ts"] + span["dur"]
    return spans
