"""Write the Python modules of `protos/` into a folder: messages and their types, without stubs of services."""

import re
import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parents[1] / "protos"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
PACKAGE = "paraserve.server.protocols.generated"


def main() -> None:
    """Write the modules into the folder that the command line names."""
    folder = Path(sys.argv[1])
    files = sorted(path.name for path in PROTOS.glob("*.proto"))
    options = [f"-I{PROTOS}", f"-I{WELL_KNOWN}", f"--python_out={folder}", f"--pyi_out={folder}"]
    if protoc.main(["protoc", *options, *files]) != 0:
        sys.exit("protoc failed; it has said why")
    for path in sorted(folder.glob("*_pb2.py*")):
        # protoc takes the folder for the root of all modules.
        text = re.sub(r"^import (\w+_pb2) as", rf"from {PACKAGE} import \1 as", path.read_text("utf-8"), flags=re.M)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
