"""The guide for those who come from the FunASR runtime: its flags, compose file and commands, tried as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import yaml

from support.commands import run_here, server

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "models" / "demo"
GUIDE = (ROOT / "docs" / "from-funasr.md").read_text("utf-8")
FLAG = re.compile(r"--[a-z][\w-]*")
CPP_FLAGS = {
    "download-model-dir", "model-dir", "model-revision", "offline-model-revision", "online-model-dir",
    "online-model-revision", "quantize", "vad-dir", "vad-revision", "vad-quant", "punc-dir", "punc-revision",
    "punc-quant", "itn-dir", "itn-revision", "lm-dir", "lm-revision", "listen-ip", "port", "io-thread-num",
    "decoder-thread-num", "model-thread-num", "certfile", "keyfile", "hotword", "fst-inc-wts", "global-beam",
    "lattice-beam", "am-scale", "gpu", "batch-size", "bladedisc",
}  # fmt: skip
"""All flags of runtime/websocket/bin and runtime/http/bin of FunASR."""
PYTHON_FLAGS = {
    "host", "port", "asr_model", "asr_model_revision", "asr_model_online", "asr_model_online_revision", "vad_model",
    "vad_model_revision", "punc_model", "punc_model_revision", "ngpu", "device", "ncpu", "certfile", "keyfile",
    "save_offline_segments", "save_offline_segments_dir", "worker_threads", "concurrent_vad", "concurrent_asr_online",
    "concurrent_asr_offline", "concurrent_punc", "concurrent_sv", "speaker_db_reload_sec", "hotword_path", "temp_dir",
}  # fmt: skip
"""All flags of runtime/python/websocket/funasr_wss_server.py and runtime/python/http/server.py."""
PARTS = {"model-dir": "asr", "online-model-dir": "asr-online", "vad-dir": "vad", "punc-dir": "punc-online"}


def table(title: str) -> list[tuple[str, str]]:
    """FunASR's column and ours of the section's table."""
    section = GUIDE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.M)
    return [(theirs, ours) for theirs, ours in rows if "`" in theirs]


def flags_of(cells: list[str]) -> list[str]:
    return [flag.removeprefix("--") for cell in cells for flag in FLAG.findall(cell)]


def block(language: str, start: str) -> str:
    (found,) = (text for text in re.findall(rf"^```{language}\n(.+?)^```$", GUIDE, re.M | re.S) if start in text)
    return found


def compose(kept: str) -> str:
    """The compose file before (`-`) or after (`+`) the change."""
    lines = block("diff", "services:").splitlines(keepends=True)
    return "".join(line[1:] for line in lines if line[0] in (" ", kept))


def command_of(text: str) -> list[str]:
    return [word for word in shlex.split(text.replace("\\\n", " ")) if word not in ("paraserve", "serve")]


@pytest.mark.parametrize(
    ("title", "flags"), [("Flags of the C++ servers", CPP_FLAGS), ("Flags of the Python servers", PYTHON_FLAGS)]
)
def test_every_flag_of_funasr_is_named_once(title, flags):
    """The first column has each flag of FunASR's programs."""
    assert sorted(flags_of([theirs for theirs, _ in table(title)])) == sorted(flags)


def test_every_flag_of_the_cpp_servers_is_taken(capsys):
    """All at once, and each of those without effect gets the warning that the guide promises."""
    values = {"listen-ip": "127.0.0.1", "certfile": "0", "keyfile": "", "hotword": "none.txt", "port": "10095"}
    values |= {name: str(DEMO / part) for name, part in PARTS.items()} | {
        "lm-dir": "",
        "itn-dir": "thuduj12/fst_itn_zh",
    }
    values |= dict.fromkeys(("quantize", "vad-quant", "punc-quant", "bladedisc"), "true")
    given = [word for flag in sorted(CPP_FLAGS - {"gpu"}) for word in (f"--{flag}", values.get(flag, "2"))]
    done = run_here(capsys, "serve", *given, "--gpu", "--print-config")
    assert done.returncode == 0, done.stderr
    promised = flags_of(
        [theirs for theirs, ours in table("Flags of the C++ servers") if ours.startswith("no effect")]
    )
    warned = flags_of(re.findall(r"warning: (--\S+)", done.stderr))
    assert sorted(warned) == sorted([*promised, "itn-dir", "hotword"])


def test_every_flag_of_ours_exists(capsys):
    """What stands in the second columns, and elsewhere in the text, is in --help."""
    ours = flags_of([mine for title in ("C++", "Python") for _, mine in table(f"Flags of the {title} servers")])
    prose = re.sub(r"^```.*?^```$|^\|.*$", "", GUIDE, flags=re.M | re.S)
    known = FLAG.findall(run_here(capsys, "serve", "--help").stdout)
    wanted = {*ours, *flags_of(re.findall(r"`([^`\n]+)`", prose))} - {"ssl"}
    assert sorted(wanted - {*flags_of(known)}) == []


@pytest.mark.parametrize("kept", ["-", "+"])
def test_compose(kept, tmp_path):
    """Both files keep to the schema of the compose specification; ports and folders of the user stay."""
    (tmp_path / "compose.yml").write_text(compose(kept), "utf-8")
    check = Path(sys.executable).with_name("check-jsonschema")
    command = [check, "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    service = yaml.safe_load(compose(kept))["services"]["funasr"]
    assert (service["ports"], service["volumes"][0]) == (
        ["10096:10095"],
        "./funasr-runtime-resources/models:/workspace/models",
    )


def test_compose_builds_our_image():
    """The image is that of docker-compose.yml, its Dockerfile is there, and its volumes are declared."""
    after = yaml.safe_load(compose("+"))
    service, ours = after["services"]["funasr"], yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    assert service["image"] == ours["services"]["worker-1"]["image"]
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert {volume.split(":")[0] for volume in service["volumes"][1:]} == {*after["volumes"]}
    assert {volume.split(":")[1] for volume in service["volumes"][1:]} <= {"/models", "/data", "/spool"}


def test_compose_has_the_flags_of_the_command():
    """But for the folder, which is another one in the container, and the address, which the image sets."""
    command = yaml.safe_load(compose("+"))["services"]["funasr"]["command"]
    words = command_of(block("sh", "--download-model-dir").replace("./funasr-runtime-resources", "/workspace"))
    assert command_of(command) == words[2:]


def test_start_flags(tmp_path):
    """The flags of FunASR's script, on folders like those that it downloads: FunASR's HTTP clients get their text."""
    words = command_of(block("sh", "--download-model-dir"))
    given = dict(zip(words[::2], words[1::2], strict=True))
    models = tmp_path / "models"
    for name, part in PARTS.items():
        folder = models / given[f"--{name}"]
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(DEMO / part)
    (models / "hotwords.txt").write_text("阿里巴巴 20\n", "utf-8")
    given |= {"--host": "127.0.0.1", "--download-model-dir": models, "--hotword": models / "hotwords.txt"}
    sample = (ROOT / "tests" / "data" / "zh_date.wav").read_bytes()
    with server(*(word for pair in given.items() for word in pair)) as url:
        for path, part in (("/", "file"), ("/recognition", "audio")):
            answer = httpx2.post(f"{url}{path}", files={part: ("zh_date.wav", sample)}, timeout=60)
            assert answer.json()["text"] == block("text", "").strip()
