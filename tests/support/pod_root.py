"""The root of a container: folders of this machine that cannot be changed, and the manifest's volumes."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import paraserve
import paraserve_client
from support.kubernetes_manifests import ROOT, Manifest, amount, environment, template

OWN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Of the image that Dockerfile.cpu begins with."""
DEVICES = ("null", "zero", "full", "random", "urandom")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
ETC = ("ld.so.cache", "nsswitch.conf", "hosts", "resolv.conf", "passwd", "group", "mime.types", "ssl")
"""Copied, so that volumes can stand beside them."""
PACKAGES = tuple(str(Path(package.__file__).parents[1]) for package in (paraserve, paraserve_client))


@dataclass(frozen=True)
class Given:
    """What the cluster gives a pod.

    Attributes:
        secrets: content of the files of each Secret, by the Secret's name.
        claims: folder of each PersistentVolumeClaim, by its name.
    """

    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    claims: Mapping[str, Path] = field(default_factory=dict)


NOTHING = Given()


def start_commands(folder: Path, objects: list[Manifest], container: Manifest, given: Given) -> str:
    """Return the commands that make a container's root in a folder, and start it there."""
    root, pod = folder / container["name"], template(objects)
    root.mkdir()
    lines = [f"mount -t tmpfs -o mode=755 none {root}", *_system(root), *_program(root)]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        at, group = f"{root}{mount['mountPath']}", pod["securityContext"]["fsGroup"]
        lines += [f"mkdir -p {at}", *_volume(volumes[mount["name"]], at, group, given, folder)]
        if mount.get("readOnly"):
            lines.append(f"mount -o remount,bind,ro {at}")
    if container["securityContext"]["readOnlyRootFilesystem"]:
        lines.append(f"mount -o remount,ro,mode=755 {root}")
    variables = _image_environment() | environment(objects, container) | _secret_variables(container, given)
    # The packages as these tests import them. They are installed in the image.
    variables["PYTHONPATH"] = os.pathsep.join(PACKAGES)
    started = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
    # As in Kubernetes, a command stands in place of the image's entry point and of its arguments.
    started += container.get("command") or _image_list("ENTRYPOINT")
    started += container.get("args") or ([] if "command" in container else _image_list("CMD"))
    lines.append("exec " + shlex.join(["chroot", str(root), *_rights(pod, container), *started]))
    return "\n".join(lines)


def _rights(pod: Manifest, container: Manifest) -> list[str]:
    """Return the command that takes rights away before it starts another one."""
    user, rights = pod["securityContext"], container["securityContext"]
    command = [
        "setpriv",
        f"--reuid={user['runAsUser']}",
        f"--regid={user['runAsGroup']}",
        f"--groups={user['fsGroup']}",
    ]
    if rights["capabilities"]["drop"] == ["ALL"]:
        command += ["--inh-caps=-all", "--bounding-set=-all"]
    if not rights["allowPrivilegeEscalation"]:
        command.append("--no-new-privs")
    return command


def _system(root: Path) -> list[str]:
    """What is in every container: folders of this machine, which cannot be changed, /proc, /sys and /dev."""
    lines = [line for path in _folders() for line in _read_only(path, root)]
    lines += [f"mkdir {root}/etc", *(f"cp -a /etc/{name} {root}/etc" for name in ETC if Path("/etc", name).exists())]
    lines += [f"mkdir {root}/proc {root}/sys {root}/dev", f"mount -t proc none {root}/proc"]
    lines += [f"mount --rbind /sys {root}/sys"]
    for device in DEVICES:
        lines += [f"touch {root}/dev/{device}", f"mount --bind /dev/{device} {root}/dev/{device}"]
    return [*lines, f"mkdir {root}/dev/shm", f"mount -t tmpfs -o mode=1777,size=64m none {root}/dev/shm"]


def _folders() -> list[str]:
    """Folders of this machine that make up the container's root."""
    found = [*SYSTEM, sys.prefix, sys.base_prefix, *PACKAGES, str(ROOT / "models")]
    found += [path for path in sys.path if path and Path(path).is_dir()]
    paths = sorted({path for path in found if Path(path).is_dir()}, key=len)
    return [path for n, path in enumerate(paths) if not any(path.startswith(f"{above}/") for above in paths[:n])]


def _read_only(path: str, root: Path) -> list[str]:
    to = f"{root}{path}"
    return [f"mkdir -p {to}", f"mount --bind {path} {to}", f"mount -o remount,bind,ro {to}"]


def _program(root: Path) -> list[str]:
    """What Dockerfile.cpu copies to /opt/paraserve, by links to this virtual environment."""
    home = f"{root}/opt/paraserve"
    links = [f"ln -s {sys.prefix}/{name} {home}/{name}" for name in ("bin", "lib", "pyvenv.cfg")]
    return [f"mkdir -p {home}/container", *links, f"mount --bind {ROOT}/scripts/container {home}/container"]


def _volume(volume: Manifest, at: str, group: int, given: Given, folder: Path) -> list[str]:
    """Return the commands that mount a volume as kubelet does, for the group of the pod."""
    if "secret" in volume:
        mode, source = oct(volume["secret"]["defaultMode"])[2:], folder / volume["secret"]["secretName"]
        source.mkdir(exist_ok=True)
        for name, content in given.secrets[volume["secret"]["secretName"]].items():
            (source / name).write_text(content)
        made = [f"cp {source}/* {at}", f"chown 0:{group} {at}/*", f"chmod {mode} {at}/*"]
        return [f"mount -t tmpfs -o mode=755 none {at}", *made]
    if "persistentVolumeClaim" in volume:
        claimed = given.claims[volume["persistentVolumeClaim"]["claimName"]]
        return [f"chown 0:{group} {claimed}", f"chmod 2775 {claimed}", f"mount --bind {claimed} {at}"]
    size = int(amount(volume["emptyDir"]["sizeLimit"]))
    return [f"mount -t tmpfs -o mode=2777,gid={group},size={size} none {at}"]


def _secret_variables(container: Manifest, given: Given) -> dict[str, str]:
    found = [
        (item["name"], item["valueFrom"]["secretKeyRef"]) for item in container.get("env", ()) if "valueFrom" in item
    ]
    return {name: given.secrets[source["name"]][source["key"]] for name, source in found}


def _image_environment() -> dict[str, str]:
    """Return the variables of the last stage of Dockerfile.cpu."""
    last = (ROOT / "Dockerfile.cpu").read_text("utf-8").rsplit("\nFROM ", 1)[1].replace("\\\n", " ")
    words = [word for line in re.findall(r"^ENV (.*)$", last, re.M) for word in shlex.split(line)]
    pairs = dict(word.split("=", 1) for word in words)
    return {name: value.replace("$PATH", OWN_PATH) for name, value in pairs.items()}


def _image_list(instruction: str) -> list[str]:
    last = (ROOT / "Dockerfile.cpu").read_text("utf-8").rsplit("\nFROM ", 1)[1]
    return re.findall(r'"([^"]*)"', re.search(rf"^{instruction} (\[.*\])$", last, re.M)[1])
