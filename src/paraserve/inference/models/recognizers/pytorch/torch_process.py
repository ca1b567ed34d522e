"""Program of the process of PyTorch: `python -m ... CHECKPOINT DEVICE THREADS MEMORY_BYTES`.

Its standard input is the socket to the server. It loads one model of FunASR and recognizes the batches that come, one
after another. It makes no request: names of hosts are not looked up, and nothing outside the machine is connected to.
No code of a model's folder is run, since FunASR has the classes of all models that this project names.
"""

import logging
import os
import queue
import socket
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import yaml

from paraserve.inference.models.recognizers.pytorch.torch_messages import (
    ERROR,
    READY,
    RESULTS,
    LoadedModel,
    Utterance,
    read_request,
    receive,
    send,
)
from paraserve.types import Samples

LEAST_FOUND = 0.5
"""Share of a model's weights that its checkpoint has at least: FunASR's classes have some that are used in training
only."""
MAX_REASON = 500
"""Characters of an error message of FunASR, which may list all its models."""


def main() -> None:
    """Load the model and answer requests until the server closes the socket."""
    checkpoint, device, threads, memory_bytes = sys.argv[1:]
    with take_connection() as connection:
        requests = prepare(connection)
        try:
            model = load_model(Path(checkpoint), device, int(threads), int(memory_bytes))
        except Exception as error:  # noqa: BLE001 - the end of this process; the server gets the reason
            send(connection, ERROR, reason_of(error))
            return
        loaded = LoadedModel(str(model.kwargs["model"]), getattr(model.model, "ctc_decoder", None) is not None)
        send(connection, READY, asdict(loaded))
        while True:
            _answer(connection, model, *requests.get())


def take_connection() -> socket.socket:
    """Return the socket that is the standard input. That is empty then, so a library that asks takes no message."""
    connection = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return connection


def prepare(connection: socket.socket) -> "queue.SimpleQueue[tuple[Any, Samples]]":
    """Refuse the network from now on, and return the requests that come over the connection.

    They are read also while one is worked on, so that the end of the server ends this process at once.
    """
    warnings.simplefilter("ignore")
    # FunASR sets the level of the root logger itself, and tells of each weight.
    logging.disable(logging.WARNING)
    sys.addaudithook(_refuse_network)
    requests: queue.SimpleQueue[tuple[Any, Samples]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, requests), daemon=True).start()
    return requests


def _read(connection: socket.socket, requests: "queue.SimpleQueue[tuple[Any, Samples]]") -> None:
    try:
        while True:
            _, value, samples = receive(connection)
            requests.put((value, samples))
    except (EOFError, OSError):
        os._exit(0)


def _answer(connection: socket.socket, model: Any, value: Any, samples: Samples) -> None:
    arguments, segments = read_request(value, samples)
    try:
        utterances = recognize(model, arguments, segments)
    except Exception as error:  # noqa: BLE001 - of any library; the server gets it as the error of this batch
        send(connection, ERROR, reason_of(error))
    else:
        send(connection, RESULTS, [asdict(utterance) for utterance in utterances])


def load_model(checkpoint: Path, device: str, threads: int, memory_bytes: int = 0) -> Any:
    """Return FunASR's `AutoModel` of a folder, or of a file of weights in a folder.

    Raises:
        Exception: of any kind, from FunASR and the libraries below it.
    """
    if device != "cpu":
        _take_gpu(device, memory_bytes)
    from funasr import AutoModel  # noqa: PLC0415 - seconds, and an extra

    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    weights = {} if checkpoint.is_dir() else {"init_param": str(checkpoint)}
    model = AutoModel(
        # FunASR takes some names for models on a hub, but no absolute path.
        model=str(folder.absolute()),
        hub="ms",
        device=device,
        ncpu=threads,
        disable_update=True,
        disable_pbar=True,
        log_level="ERROR",
        # A config.yaml may name these too. The first would install packages and import a file.
        trust_remote_code=False,
        vad_model=None,
        punc_model=None,
        spk_model=None,
        **_without_dither(folder),
        **weights,
    )
    _refuse_other_weights(model)
    if find_spec("torchaudio") is None and hasattr(model.model, "ctc_decoder"):
        # A Fun-ASR-Nano aligns its words with it, and without it would fail at each segment.
        model.model.ctc_decoder = None
    return model


def _refuse_other_weights(model: Any) -> None:
    """Refuse a checkpoint of another model. FunASR leaves what it does not find at random numbers, without a word."""
    import torch  # noqa: PLC0415 - an extra

    path = model.kwargs.get("init_param")
    if path is None:
        return  # a class that reads its weights itself
    weights = torch.load(path, map_location="cpu", mmap=is_zipfile(path))
    for wrapping in ("state_dict", "model_state_dict", "model"):
        weights = weights.get(wrapping, weights)
    there = {name.removeprefix("module."): getattr(value, "shape", None) for name, value in weights.items()}
    wanted = {name: value.shape for name, value in model.model.state_dict().items()}
    n_found = sum(there.get(name) == shape for name, shape in wanted.items())
    if n_found < LEAST_FOUND * len(wanted):
        raise ValueError(f"only {n_found} of the model's {len(wanted)} weights are in the checkpoint")


def _take_gpu(device: str, memory_bytes: int) -> None:
    import torch  # noqa: PLC0415 - seconds, and an extra

    # FunASR would go on silently on the CPU.
    if not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} finds no GPU for {device}")
    if memory_bytes:
        share = memory_bytes / torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, share), device)


def _without_dither(folder: Path) -> dict[str, Any]:
    """Return the front end's options without noise, by which one recording would give different texts."""
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    is_fbank = str(config.get("frontend", "")).lower() in {"wavfrontend", "wav_frontend"}
    return {"frontend_conf": {"dither": 0.0}} if is_fbank else {}


def recognize(model: Any, arguments: Mapping[str, Any], segments: Sequence[Samples]) -> list[Utterance]:
    """Return FunASR's results for the segments of one batch. Raises what FunASR does."""
    import torch  # noqa: PLC0415 - seconds, and an extra

    audio = [torch.from_numpy(segment) for segment in segments]
    results = model.generate(input=audio, batch_size=len(audio), **arguments)
    return [_utterance(result) for result in results]


def _utterance(result: Mapping[str, Any]) -> Utterance:
    """Return one result in our form. FunASR's models write their times in two."""
    if "text" not in result:
        raise TypeError(f"the model gives no text, only {', '.join(map(str, result)) or 'nothing'}")
    text = str(result["text"])
    if result.get("timestamps"):
        items = result["timestamps"]
        times_ms = tuple((_ms(item["start_time"]), _ms(item["end_time"])) for item in items)
        return Utterance(text, tuple(str(item["token"]) for item in items), times_ms)
    times_ms = tuple((int(start), int(end)) for start, end in result.get("timestamp") or ())
    words = (result.get("words") or text.split()) if times_ms else ()
    return Utterance(text, tuple(map(str, words)), times_ms)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def reason_of(error: Exception) -> str:
    """Return the beginning of an error's message."""
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]} ..."


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: raise for anything that would leave this machine."""
    is_outside = event == "socket.getaddrinfo" or (
        event in {"socket.connect", "socket.sendto"} and not isinstance(args[1], str | bytes)
    )
    if is_outside:
        raise PermissionError(f"this process makes no requests ({event})")


if __name__ == "__main__":
    main()
