"""The words of the wire: structures, services and error codes of `tokenapi.thrift`, loaded once.

>>> API.ApiVersion, API.TokenIssueFlags.EXTERNAL_CLOCK
('1.1', 1)
>>> is_permanent('EParamRange'), is_permanent('EService')
(True, False)
"""

from pathlib import Path
from typing import Any

import thriftpy2

#: The module that thriftpy2 makes of the interface file.
API: Any = thriftpy2.load(
    str(Path(__file__).with_name("tokenapi.thrift")), module_name="tokenapi_thrift"
)

#: Asking again is vain: the request itself will never be right.
PERMANENT = frozenset(
    {
        "EService.Disabled", "EAuthentication.Permission", "EParamRange", "EPrefRange", "ESts.DrnOrPan",
        "ESts.DrnOrPan.CheckDigit", "ESts.IdRecord", "ESts.IdRecord.Expired", "EKeystore.NotFound",
        "ESts.VkExpired", "ESts.VkBeforeBdt", "ESignin.Version", "ESignin.Realm", "ESignin.Permission",
    }
)  # fmt: skip
#: The sign-in is over; a new one and the same call again are safe, because nothing was done.
SIGN_IN_AGAIN = "EAuthentication.Token"


def is_permanent(code: str) -> bool:
    """Answer whether an error code says that the same request will never succeed."""
    return code in PERMANENT
