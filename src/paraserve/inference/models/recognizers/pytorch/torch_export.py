"""Program that exports a model: `python -m ... CHECKPOINT FOLDER CHECK`.

FunASR's own exporter writes the graphs into FOLDER. The files that a recognizer needs beside them come from the
loaded model, since the config.yaml of a fine-tuned checkpoint may name them anywhere.

CHECK has `sample.npy` (float32, mono, 16 kHz). It gets what PyTorch makes of it: inputs and outputs of each graph in
`<graph>.npz`.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paraserve.inference.models.recognizers.pytorch.torch_messages import ERROR, READY, send
from paraserve.inference.models.recognizers.pytorch.torch_process import (
    load_model,
    prepare,
    reason_of,
    take_connection,
)
from paraserve.inference.models.recognizers.sensevoice import UNITS_FILE
from paraserve.inference.text.units import BLANK_ID, SOS_ID

SAMPLE = "sample.npy"
MAX_HOTWORD_UNITS = 10
EXPORTED_NO_BIAS = 8377
"""FunASR's exporter puts this unit into the graph, whatever the model says."""


def main() -> None:
    """Export, and say that it is done, or why it cannot be."""
    checkpoint, folder, check = map(Path, sys.argv[1:])
    with take_connection() as connection:
        prepare(connection)
        try:
            _export(checkpoint, folder, check)
        except Exception as error:  # noqa: BLE001 - the end of this process; whoever started it gets the reason
            send(connection, ERROR, reason_of(error))
        else:
            send(connection, READY, None)


def _export(checkpoint: Path, folder: Path, check: Path) -> None:
    import torch  # noqa: PLC0415 - seconds, and an extra

    model = load_model(checkpoint, "cpu", torch.get_num_threads())
    if getattr(model.model, "NO_BIAS", EXPORTED_NO_BIAS) != EXPORTED_NO_BIAS:
        raise ValueError(f'FunASR exports a SeACo only with the unit {EXPORTED_NO_BIAS} for "no hotword"')
    exported: list[tuple[Any, Any, dict[str, Any]]] = []
    write_graph = torch.onnx.export

    def keep(module: Any, inputs: Any, path: str, **options: Any) -> None:
        # FunASR's exporter is written for the one by tracing, which is no longer PyTorch's default.
        write_graph(module, inputs, path, dynamo=False, **options)
        exported.append((module, inputs, {"name": Path(path).stem, "inputs": options["input_names"]}))

    torch.onnx.export = keep
    model.export(type="onnx", quantize=False, output_dir=str(folder), device="cpu")
    _write_side_files(model, checkpoint, folder)
    speech, speech_lens = _features(model, torch.from_numpy(np.load(check / SAMPLE)))
    for module, inputs, names in exported:
        feeds = inputs if isinstance(inputs, tuple) else (inputs,)
        if names["inputs"][0] == "speech":
            more = [_no_hotword(exported)] if "bias_embed" in names["inputs"] else [item[:1] for item in feeds[2:]]
            feeds = (speech, speech_lens.to(feeds[1].dtype), *more)
        with torch.no_grad():
            outputs = module(*feeds)
        _save(check / f"{names['name']}.npz", names["inputs"], feeds, outputs)


def _no_hotword(exported: Sequence[tuple[Any, Any, dict[str, Any]]]) -> Any:
    """Return the vector (1, 1, dim) of `<s>` alone, by which a contextual Paraformer has no hotwords."""
    import torch  # noqa: PLC0415 - as above

    (encoder,) = (module for module, _, names in exported if names["inputs"] == ["hotword"])
    with torch.no_grad():
        return encoder(torch.tensor([[SOS_ID] + [BLANK_ID] * (MAX_HOTWORD_UNITS - 1)], dtype=torch.int32))[:1]


def _features(model: Any, sample: Any) -> tuple[Any, Any]:
    """Return the rows of a sample (1, n_rows, dim) and their number (1)."""
    from funasr.utils.load_utils import extract_fbank  # noqa: PLC0415 - as torch

    features: tuple[Any, Any] = extract_fbank([sample], data_type="sound", frontend=model.kwargs["frontend"])
    return features


def _save(path: Path, names: Sequence[str], feeds: Sequence[Any], outputs: Any) -> None:
    arrays = {f"in_{name}": feed.numpy() for name, feed in zip(names, feeds, strict=True)}
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    np.savez(path, **arrays, **{f"out_{i}": output.numpy() for i, output in enumerate(outputs)})


def _write_side_files(model: Any, checkpoint: Path, folder: Path) -> None:
    source = checkpoint if checkpoint.is_dir() else checkpoint.parent
    tokenizer_conf = model.kwargs.get("tokenizer_conf") or {}
    for name in ("config.yaml", "seg_dict"):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    shutil.copyfile(model.kwargs["frontend"].cmvn_file, folder / "am.mvn")
    if tokenizer_conf.get("bpemodel"):
        shutil.copyfile(tokenizer_conf["bpemodel"], folder / UNITS_FILE)
    else:
        units = json.dumps(list(model.kwargs["token_list"]), ensure_ascii=False, indent=0)
        (folder / "tokens.json").write_text(units, "utf-8")


if __name__ == "__main__":
    main()
