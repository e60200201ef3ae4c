"""A caller made of somebody else's code: Apache Thrift's compiler and runtime, nothing of this program.

    python independent.py FOLDER_OF_GENERATED_CODE PORT CERTIFICATE PASSWORD

Signs in, buys, fetches, verifies, is refused, and prints what it saw as one line of JSON.
"""

from __future__ import annotations

import json
import ssl
import sys
from typing import Any


def main() -> None:
    """Be the caller."""
    folder, port, certificate, password = sys.argv[1:]
    sys.path.insert(0, folder)
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    from thrift.transport.TSSLSocket import TSSLSocket
    from thrift.transport.TTransport import TFramedTransport
    from tokenapi import ModuleAdmin, ttypes

    context = ssl.create_default_context(cafile=certificate)
    sock = TSSLSocket("127.0.0.1", int(port), ssl_context=context, server_hostname="127.0.0.1")
    transport = TFramedTransport(sock)
    client = ModuleAdmin.Client(TBinaryProtocol(transport))
    transport.open()
    seen: dict[str, Any] = {"echo": client.ping(0, "héllo")}
    options = ttypes.SessionOptions(version="1.1")
    token = client.signInWithPassword("in", "local", "vending", password, options).accessToken
    meter = ttypes.MeterConfigIn(
        drn="00000000000", ea=7, tct=2, sgc=201457, krn=1, ti=1, ken=255,
        newConfig=ttypes.MeterConfigAmendment(toSgc=201457, toKrn=2, toTi=3), allow3Kct=True,
    )  # fmt: skip
    made = client.issueCreditToken("independent", token, meter, 0, 256.0, 0, 0)
    seen["tokens"] = [[one.tokenClass, one.subclass, one.tokenDec, one.scaledAmount] for one in made]
    seen["advice"] = vars(made[0].newConfig)
    seen["same"] = client.fetchTokenResult("fetch", token, "independent") == made
    meter.krn, meter.ti, meter.newConfig = 2, 3, None
    seen["verified"] = client.verifyToken("verify", token, meter, made[-1].tokenDec).validationResult
    seen["test"] = client.issueMeterTestToken("test", token, 0, 2**36 - 1, 0).tokenDec
    seen["keys"] = len(client.listKeys("keys", token))
    seen["version"] = client.getStatus("status", token)[0].info["api"]
    try:
        client.issueCreditToken("wrong", token, meter, 0, 0.5, 0, 0)
    except ttypes.ApiException as refused:
        seen["refused"] = refused.eCode
    transport.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
