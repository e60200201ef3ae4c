"""Somebody else's Thrift understands the module server: Apache's compiler and runtime, generated here and now."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from app.sts.prism import folder as places
from app.sts.prism import interface
from tests.fixtures.left_out import left_out
from tests.sts.prism.serving import PASSWORD, prepared, served
from tools.thrift_compiler import find_thrift

PROGRAM = Path(__file__).with_name("independent.py")


def test_an_independent_caller_signs_in_buys_and_verifies(tmp_path: Path) -> None:
    compiler = find_thrift()
    if compiler is None:
        left_out("no thrift compiler (apt install thrift-compiler)")
    if importlib.util.find_spec("thrift") is None:
        left_out("no Apache Thrift runtime (requirements-dev.txt)")
    described = Path(interface.__file__).with_name("tokenapi.thrift")
    subprocess.run([compiler, "--gen", "py", "-out", str(tmp_path), str(described)], check=True)
    with served(prepared(tmp_path / "m")) as server:
        command = [
            sys.executable, str(PROGRAM), str(tmp_path), str(server.port),
            str(server.folder / places.CERTIFICATE), PASSWORD,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert seen["echo"] == "héllo"
        assert seen["version"] == "1.1"
        assert [token[:2] for token in seen["tokens"]] == [[2, 3], [2, 4], [2, 8], [0, 0]]
        assert seen["tokens"][-1][3] == "25.6"
        assert seen["advice"]["toKrn"] == 2
        assert seen["advice"]["idRecord"] == "60072700000000000900000207201457032"
        assert seen["same"] is True
        assert seen["verified"] == "EVerify.Ok"
        assert seen["test"] == "56493153725450313471"
        assert seen["keys"] == 5
        assert seen["refused"] == "EParamRange"
        ours = server.caller()
        assert [one.tokenDec for one in ours("fetchTokenResult", reqMessageId="independent")] == [
            token[2] for token in seen["tokens"]
        ]
