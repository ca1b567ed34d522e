"""The program of the process of PyTorch, with stand-ins for FunASR and PyTorch: what it asks of them and allows them.

`tests/zoo` runs it with both.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.models.recognizers.pytorch.torch_messages import Request, Utterance
from paraserve.inference.models.recognizers.pytorch.torch_worker import TorchWorker, worker_command

FUNASR = """
import json, os, socket, subprocess, urllib.request

class Weight:
    shape = (2, 3)

class Network:
    ctc_decoder = "there"

    def state_dict(self):
        return {"a": Weight, "b": Weight, "c": Weight}

class AutoModel:
    def __init__(self, **options):
        self.kwargs = {"model": "Paraformer", "init_param": options["model"]}
        self.model = Network()
        self.options = options
        exec(open(os.path.join(options["model"], "at_load.py")).read(), {**globals(), "options": options})

    def generate(self, input, **arguments):
        if "fail" in arguments:
            raise KeyError(arguments["fail"])
        return [self.result(item, arguments) for item in input]

    def result(self, item, arguments):
        if "options" in arguments:
            return {"text": json.dumps(self.options, sort_keys=True)}
        return arguments.get("result", {"text": f"{len(item)} of {arguments['batch_size']}"})
"""
TORCH = """
def from_numpy(array):
    return array

def load(path, **options):
    import funasr, json, os
    names = json.load(open(os.path.join(path, "weights.json")))
    return {"state_dict": {f"module.{name}": funasr.Weight for name in names}}

class cuda:
    is_available = staticmethod(lambda: False)

__version__ = "0"
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start the program on a folder whose model runs this code when it is loaded."""
    for name, text in (("funasr.py", FUNASR), ("torch.py", TORCH)):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    workers = []

    def start(
        at_load: str = "", device: str = "cpu", config: str = "frontend: WavFrontend", weights: str = '["a", "b"]'
    ) -> TorchWorker:
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        (folder / "weights.json").write_text(weights)
        (folder / "at_load.py").write_text(at_load)
        (folder / "config.yaml").write_text(config)
        workers.append(TorchWorker(worker_command(folder, device, 1, 0)))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def run(worker: TorchWorker, *lengths: int, **arguments: object) -> list[Utterance]:
    segments = [np.zeros(n, np.float32) for n in lengths]
    return worker.run(Request(arguments, lengths), segments)


def test_a_batch_is_one_call(start):
    """FunASR gets the segments together, as many as its batch may be."""
    assert [utterance.text for utterance in run(start(), 400, 500)] == ["400 of 2", "500 of 2"]


@pytest.mark.parametrize(
    "code",
    [
        "urllib.request.urlopen('http://example.com')",
        "socket.create_connection(('127.0.0.1', 9), 1)",
        "socket.getaddrinfo('example.com', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))",
    ],
)
def test_it_makes_no_request(start, code):
    """Whatever a library tries when a model is loaded, this machine is not left."""
    with pytest.raises(ModelLoadError, match=r"this process makes no requests|no host given"):
        start(code)


def test_no_code_of_the_folder_is_asked_for(start):
    """FunASR is told to trust none, to load no other model, and to look for no update."""
    (utterance,) = run(start(), 400, options=True)
    for option in ('"trust_remote_code": false', '"vad_model": null', '"spk_model": null', '"disable_update": true'):
        assert option in utterance.text


@pytest.mark.parametrize(
    ("config", "has_option"), [("frontend: WavFrontend", True), ("frontend: WhisperFrontend", False)]
)
def test_no_dither(start, config, has_option):
    """The front end that knows noise leaves it out; another one is not given an option that it does not know."""
    (utterance,) = run(start(config=config), 400, options=True)
    assert ('"dither": 0.0' in utterance.text) is has_option


def test_errors_of_funasr(start):
    """Those of a run come back with their kind, those of the start as the reason. A long one is cut."""
    worker = start()
    with pytest.raises(InferenceError, match="FunASR: KeyError: 'why'"):
        run(worker, 400, fail="why")
    with pytest.raises(InferenceError, match=r"x{400,499} \.\.\.$"):
        run(worker, 400, fail="x" * 9999)
    assert run(worker, 400)[0].text == "400 of 1"
    with pytest.raises(ModelLoadError, match="RuntimeError: no such class"):
        start("raise RuntimeError('no such class')")


def test_who_asks_on_standard_input(start):
    """Gets nothing, and no message of ours."""
    with pytest.raises(ModelLoadError, match="EOFError"):
        start("input('Do you trust this code? ')")
    assert run(start("import sys; assert sys.stdin.read() == ''"), 400)


def test_a_gpu_that_is_not_there(start):
    """It is an error at load, and no silent run on the CPU."""
    with pytest.raises(ModelLoadError, match="finds no GPU for cuda:0"):
        start(device="cuda:0")


def test_weights_of_another_model(start):
    """They are refused: FunASR would fill what is missing with chance."""
    with pytest.raises(ModelLoadError, match="only 1 of the model's 3 weights are in the checkpoint"):
        start(weights='["a", "x", "y"]')


def test_times_of_a_nano_need_torchaudio(start):
    """Without it they are switched off, since each segment would fail."""
    assert not start().model.has_ctc


def test_what_is_no_text(start):
    """A model that gives none is an error that says what it gives."""
    with pytest.raises(InferenceError, match="gives no text, only value"):
        run(start(), 400, result={"value": [[0, 10]]})


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"text": "a b", "timestamp": [[0, 60], [60, 120]]}, Utterance("a b", ("a", "b"), ((0, 60), (60, 120)))),
        ({"text": "ab", "words": ["x"], "timestamp": [[1, 2]]}, Utterance("ab", ("x",), ((1, 2),))),
        (
            {"text": "a", "timestamps": [{"token": "a", "start_time": 0.06, "end_time": 0.12, "score": 0.5}]},
            Utterance("a", ("a",), ((60, 120),)),
        ),
        ({"text": "a", "timestamp": []}, Utterance("a")),
    ],
)
def test_times_in_either_form(start, result, expected):
    """FunASR's models write them as pairs of ms, or as objects in seconds."""
    assert run(start(), 400, result=result) == [expected]


def test_the_program_is_ours(start):
    """It is run by this Python, without the current folder on its path."""
    command = worker_command(Path("folder"), "cpu", 2, 0)
    assert command[0] == sys.executable
    assert command[1] == "-P"
