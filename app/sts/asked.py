"""Is an answer what was asked for?  The last question before a token is believed.

A security module may be misled, confused or somebody else; its tokens are printed only when they are
for this meter, of this kind and amount, after no other key change than one that was asked for or allowed.

>>> meter = MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=1, ken=255)
>>> difference((), meter, 0, 0, 256)
'no token of the class and subclass asked for'
"""

from collections.abc import Sequence

from app.sts import credit, key_change, management
from app.sts.module import Amendment, IssuedToken, MeterConfig


def is_key_change(token: IssuedToken) -> bool:
    """Whether a token is a part of a key-change set.

    >>> is_key_change(IssuedToken('', '', 7, 2, '', 1, 1, 2, key_change.FIRST, None, 14, None, None, ''))
    True
    """
    return token.token_class == 2 and token.subclass in key_change.SECTIONS


def difference(
    tokens: Sequence[IssuedToken], meter: MeterConfig, token_class: int, subclass: int, asked: int
) -> str:
    """Say how an answer differs from a request for a credit or management token; nothing when it does not.

    ``asked`` is in the units of ``SecurityModule.credit_token`` or ``management_token``. Raises StsError
    for a request that no module could grant.

    >>> meter = MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=1, ken=255)
    >>> difference([IssuedToken('', meter.pan, 7, 2, '201457', 1, 1, 0, 0, 5, 14, None, 10, '')], meter, 0, 0, 20)
    'it carries 10, asked for were 20'
    """
    *before, last = tokens or (None,)
    if last is None or (last.token_class, last.subclass) != (token_class, subclass) or is_key_change(last):
        return "no token of the class and subclass asked for"
    carried = credit.carried if token_class == 0 else management.carried
    if last.amount != carried(subclass, asked):
        return f"it carries {last.amount}, asked for were {asked}"
    if last.token_id is None:
        return "a token without a token id"
    changes = [token for token in before if token is not None]
    return _foreign(tokens, meter) or _unwanted_change(changes, last, meter)


def change_difference(tokens: Sequence[IssuedToken], meter: MeterConfig, amendment: Amendment) -> str:
    """Say how an answer differs from a request for a key-change set; nothing when it does not.

    >>> meter = MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=1, ken=255)
    >>> change_difference((), meter, Amendment('201457', 2, 1))
    'a key-change set has two to four key-change tokens'
    """
    return _foreign(tokens, meter) or _no_set(tokens, amendment)


def _foreign(tokens: Sequence[IssuedToken], meter: MeterConfig) -> str:
    if any((token.pan, token.ea, token.tct) != (meter.pan, meter.ea, meter.tct) for token in tokens):
        return "a token for another meter"
    if len({token.digits for token in tokens}) != len(tokens):
        return "the same digits twice"
    return ""


def _no_set(changes: Sequence[IssuedToken], amendment: Amendment) -> str:
    if not 2 <= len(changes) <= 4 or not all(is_key_change(token) for token in changes):
        return "a key-change set has two to four key-change tokens"
    advice = changes[0].advice
    if advice is None:
        return "a key-change set without what it leads to"
    if (advice.to_sgc, advice.to_krn, advice.to_ti) != (amendment.sgc, amendment.krn, amendment.ti):
        return f"a key change to {advice.to_sgc}/{advice.to_krn}, tariff index {advice.to_ti}"
    return ""


def _unwanted_change(changes: Sequence[IssuedToken], last: IssuedToken, meter: MeterConfig) -> str:
    """The token must lie under the key that the meter has, or will have after the set before it."""
    under = Amendment(last.sgc, last.krn, last.ti)
    wanted = meter.amendment or Amendment(meter.sgc, meter.krn, meter.ti)
    if not changes:
        return "" if under == Amendment(meter.sgc, meter.krn, meter.ti) == wanted else "a token under another key"
    if meter.amendment is None:
        if not (meter.allow_krn_update or meter.allow_ken_update):
            return "a key change that was not allowed"
        if (under.sgc, under.ti) != (meter.sgc, meter.ti):
            return "a key change to another supply group or tariff index"
        wanted = under
    return _no_set(changes, wanted) or ("" if under == wanted else "a token under another key")
