"""NVIDIA's own client against the gRPC port that the command line names; what it got, as JSON.

riva_client.py ADDRESS COMMAND FILE [CERTIFICATE KEY]
"""

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import grpc
import riva.client
from riva.client.proto import riva_asr_pb2

CHUNK_FRAMES = 1600


def settings(path):
    """As NVIDIA's own scripts make them."""
    config = riva.client.RecognitionConfig(
        language_code="zh-CN",
        max_alternatives=1,
        enable_automatic_punctuation=True,
        enable_word_time_offsets=True,
    )
    riva.client.add_audio_file_specs_to_config(config, path)
    riva.client.add_word_boosting_to_config(config, ["阿里巴巴"], 4.0)
    riva.client.add_endpoint_parameters_to_config(config, 0, 0.0, 600, 0, 0.0, 0.0)
    return config


def words(alternative):
    return [[one.word, one.start_time, one.end_time, one.confidence] for one in alternative.words]


def offline(service, path):
    """One answer, which the client can also print."""
    response = service.offline_recognize(Path(path).read_bytes(), settings(path))
    printed = io.StringIO()
    with redirect_stdout(printed):
        riva.client.print_offline(response)
    alternatives = [result.alternatives[0] for result in response.results]
    return {
        "text": "".join(one.transcript for one in alternatives),
        "words": [word for one in alternatives for word in words(one)],
        "printed": printed.getvalue(),
    }


def streaming(service, path):
    """Interim and final results."""
    config = riva.client.StreamingRecognitionConfig(config=settings(path), interim_results=True)
    with riva.client.AudioChunkFileIterator(path, CHUNK_FRAMES) as chunks:
        responses = list(service.streaming_response_generator(chunks, config))
    printed = io.StringIO()
    riva.client.print_streaming(responses, output_file=printed, additional_info="time", word_time_offsets=True)
    results = [result for response in responses for result in response.results]
    finals = [result.alternatives[0] for result in results if result.is_final]
    return {
        "text": "".join(one.transcript for one in finals),
        "interim": [result.alternatives[0].transcript for result in results if not result.is_final],
        "words": [word for one in finals for word in words(one)],
        "printed": printed.getvalue(),
    }


def models(service, _path):
    """The names of the models for live speech, as the client's scripts list them."""
    request = riva_asr_pb2.RivaSpeechRecognitionConfigRequest()
    response = service.stub.GetRivaSpeechRecognitionConfig(request, metadata=service.auth.get_auth_metadata())
    online = [one for one in response.model_config if one.parameters["type"] == "online"]
    return [[one.model_name, one.parameters["language_code"]] for one in online]


def main():
    address, command, path, *secured = sys.argv[1:]
    auth = riva.client.Auth(uri=address)
    if secured:
        certificate, key = secured
        metadata = [["authorization", f"Bearer {key}"]]
        auth = riva.client.Auth(certificate, use_ssl=True, uri=address, metadata_args=metadata)
    service = riva.client.ASRService(auth)
    try:
        answer = {"offline": offline, "streaming": streaming, "models": models}[command](service, path)
    except grpc.RpcError as error:
        answer = {"status": error.code().name, "details": error.details()}
    print(json.dumps(answer))


main()
