"""Certificates and keys for C, which reads PEM: of texts, DER and files."""

import ctypes
import os
import ssl
from typing import Any, Iterator, List, Optional

from ._abi import ErrorCode
from ._errors import error_of

_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LINE = 64


def certificates(value: Any, what: str) -> List[bytes]:
    """PEM of certificates: of one text, DER or path, or of several."""
    if value is None or value == "" or value == b"":
        return []
    if isinstance(value, os.PathLike):
        with open(value, "rb") as file:
            return [_pem(file.read(), str(value))]
    if isinstance(value, (str, bytes)):
        return [_pem(value.encode() if isinstance(value, str) else value, what)]
    if not isinstance(value, (list, tuple)):
        raise TypeError(
            f"{what} is str, bytes or a pathlib.Path, or a sequence of them, not {type(value).__name__}"
        )
    return [text for one in value for text in certificates(one, what)]


def _pem(data: bytes, what: str) -> bytes:
    if data[:1] == bytes([_SEQUENCE]):
        return ssl.DER_cert_to_PEM_cert(data).encode()
    if b"\0" in data:
        raise error_of(ErrorCode.PARAMETER, f"{what} has a NUL in it")
    return data


# ---- Private keys: every copy is an array, which can be wiped ------------------------------------


def key_file(path: "os.PathLike[str]") -> Any:
    """The contents of a file as an array that ends with a NUL."""
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        copy = (ctypes.c_ubyte * (size + 1))()
        view, done = memoryview(copy).cast("B"), 0
        while done < size:
            part = file.readinto(view[done:size])
            if not part:
                break
            done += part
    return copy


def key_kind(data: Any) -> Optional[str]:
    """The PEM label of a private key in DER; None if it is not DER."""
    try:
        if data[0] != _SEQUENCE:
            return None
        start, _ = _content(data, 0)
        if data[start] == _SEQUENCE:
            return "ENCRYPTED PRIVATE KEY"
        if data[start] != _INTEGER:
            return None
        version, end = _content(data, start)
        if data[version] == 1 and data[end] == _OCTETS:
            return "EC PRIVATE KEY"
        return "PRIVATE KEY" if data[end] == _SEQUENCE else "RSA PRIVATE KEY"
    except IndexError:
        return None  # cut off


def _content(data: Any, start: int) -> "tuple[int, int]":
    """Where the content of a DER element begins, and the element ends."""
    length, begin = data[start + 1], start + 2
    if length & 0x80:
        octets = length & 0x7F
        length = int.from_bytes(bytes(data[begin : begin + octets]), "big")
        begin += octets
    return begin, begin + length


def key_pem(data: Any, size: int, label: str) -> Any:
    """A private key in DER as PEM, an array that ends with a NUL."""
    begin, end = f"-----BEGIN {label}-----\n".encode(), f"\n-----END {label}-----\n".encode()
    letters = (size + 2) // 3 * 4
    copy = (ctypes.c_ubyte * (len(begin) + letters + letters // _LINE + len(end) + 1))()
    at = 0
    for codes in (begin, _base64(data, size), end):
        for code in codes:
            copy[at] = code
            at += 1
    return copy


def _base64(data: Any, size: int) -> Iterator[int]:
    """The letters of base64. That of Python leaves a copy behind that cannot be wiped."""
    for start in range(0, size, 3):
        if start and start % (_LINE // 4 * 3) == 0:
            yield 0x0A
        count = min(3, size - start)
        bits = 0
        for i in range(3):
            bits = bits << 8 | (data[start + i] if i < count else 0)
        for i in range(4):
            yield _ALPHABET[bits >> (18 - 6 * i) & 63] if i <= count else 0x3D
