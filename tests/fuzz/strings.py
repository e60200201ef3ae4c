"""What an attacker types: one list per kind, each with a mark by which an answer betrays itself."""

from __future__ import annotations

import io
import random
import zipfile

# Marks that stand in no page of ours: a tag, an attribute, a product, a header.
TAG, ATTRIBUTE, PRODUCT, HEADER = "fz9", "onfz9", "36642161", "X-Fz9"
SQL = (
    "'", '"', "';--", "' OR '1'='1", "1 OR 1=1", "1; DROP TABLE sale;--", "') UNION SELECT password FROM app_user--",
    "\\'", "%' AND 1=(SELECT count(*) FROM sale)--", "_%", "%", "\\",
)  # fmt: skip
TEMPLATE = (
    "{{6661*5501}}", "${6661*5501}", "#{6661*5501}", "<%= 6661*5501 %>", "{% debug %}",
    "{{config.SECRET_KEY}}", "{{''.__class__.__mro__}}", "%(message)s", "%s%s%n", "{0}", "{self.__class__}", "%",
)  # fmt: skip
FORMULA = (*(f"{sign}{TAG}|' /C calc'!A0" for sign in "=+-@\t\r"), f'=HYPERLINK("http://{TAG}.example")')
MARKUP = (
    f"<{TAG}>", f'"><{TAG} x="', f"'><{TAG} x='", f'" {ATTRIBUTE}="1', f"' {ATTRIBUTE}='1", f"</script><{TAG}>",
    f"</textarea><{TAG}>", f"<svg {ATTRIBUTE}=1>", f"--><{TAG}>", f"\u202e<{TAG}>", f"javascript:{TAG}",
    f"&lt;{TAG}&gt;",
)  # fmt: skip
LINES = (f"a\r\n{HEADER}: 1", f"a\n{HEADER}: 1", f"a%0d%0a{HEADER}: 1", f"a\r\nBcc: {TAG}@example.org", "\u2028", "\u0085")
PATHS = (
    "../../../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "/etc/passwd", "....//....//etc/passwd",
    "file:///etc/passwd", "..\\..\\boot.ini", "a/../../secret.key", "~root", "CON", ".",
)  # fmt: skip
AWAY = (
    "//evil.example", "https://evil.example/", "\\\\evil.example", "/\\evil.example", "///evil.example", "/%09/evil.example",
    "https:evil.example", "javascript:alert(1)", "http://localhost@evil.example", "/\t/evil.example", "http:///evil.example",
    " //evil.example", "//evil.example/login/", "data:text/html,x", "/login/?next=//evil.example", "\x01//evil.example",
    "http://localhost.evil.example/", "//[", "http://[::1",
)  # fmt: skip
NUMBERS = (
    "0", "-1", "987654321", "9223372036854775807", "9223372036854775808", "1" + "0" * 40, "abc", "1.5", "1e400", "NaN", "inf", "-0",
    "\u0661\u0662", "\u00b2", "0x10", "1_000", " 7 ", "1,5", "٫5", "--1", "+1", "1e-400", "0.00000000000000000001",
)  # fmt: skip
TEXTS = (
    "", " ", "\u00a0", "\x00", "a\x00b", "\x1b[31m", "\ud7ff", "\ufffe", "\U0001f4a1" * 20, "e\u0301" * 200, "\u0130", "ß", "\ufdfa" * 50,
    "null", "None", "true", "[]", "{}", "on", "2026-02-30", "0000-00-00", "9999-12-31", "31/12/99999", "25:99",
    "a" * 300, "x" * 70_000,
)  # fmt: skip
KINDS = (SQL, TEMPLATE, FORMULA, MARKUP, LINES, PATHS, AWAY, NUMBERS, TEXTS)


def any_text(rng: random.Random) -> str:
    """One string of any kind; each kind comes as often as the others."""
    return rng.choice(rng.choice(KINDS))


# --- files ---------------------------------------------------------------------------------


def _workbook(inner: bytes, name: str = "xl/worksheets/sheet1.xml", times: int = 1) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types/>')
        for number in range(times):
            packed.writestr(name if not number else f"{name}{number}", inner)
    return file.getvalue()


BOMB = _workbook(b"0" * 30_000_000)
CONTENTS: tuple[bytes, ...] = (
    b"", b"\x00" * 200, b"MZ\x90\x00", b"PK\x03\x04", BOMB, _workbook(b"x", times=3_000), _workbook(b"x", name="../../../evil.xml"),
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="{TAG}"/>'.encode(), b"GIF89a" + b"\xff" * 50, b"\x89PNG\r\n\x1a\n" + b"\x00" * 64,
    b"\xff\xfe" + "meter_number;sgc\n1;2\n".encode("utf-16-le"), b"\xef\xbb\xbfname\n=1+1\n", b"a,b\n" + b'"' * 999, b"a\r" * 5_000,
    b"username,first_name,last_name,email,group\n=x|y,<" + TAG.encode() + b">,b,c@example.org,Administrator\n", b"\x80" * 40,
    b"%PDF-1.4", b"#!/bin/sh\n", b"," * 20_000, b"name\n" + b"n\n" * 3_000,
)  # fmt: skip
NAMES = (
    "meters.csv", "meters.xlsx", "meters.csv.exe", "a.php", "x.xlsx.html", "../../../etc/cron.d/x", "..\\..\\x.csv", "a\x00.csv", ".csv",
    f"<{TAG}>.csv", f'"{ATTRIBUTE}=1.csv', "a" * 300 + ".csv", "\u202egpj.csv", "", "x.svg", "logo.png", "CON.csv", "a;b=c.csv", "meters.CSV",
)  # fmt: skip
TYPES = ("text/csv", "image/png", "application/zip", "text/html", "application/octet-stream", "", "a/b; charset=utf-7", "image/svg+xml")


def any_file(rng: random.Random) -> tuple[io.BytesIO, str, str]:
    """A file as the test client sends one: content, name, type; any of them may lie."""
    name = rng.choice(NAMES)
    return io.BytesIO(rng.choice(CONTENTS)), name.replace("\x00", "%00"), rng.choice(TYPES)


