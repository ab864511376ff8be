#!/usr/bin/env python3
"""Checks that a notification comes from rollcall.

    verify.py SIGNATURE < body

SIGNATURE is the header X-Rollcall-Signature; the body is as it came, byte by byte. The
secret, the same that notify.webhook.sign names, is in the variable ROLLCALL_SIGN. Copy
verify() into a receiver.
"""

import hashlib
import hmac
import os
import sys
import time


def verify(secret: str, signature: str, body: bytes, tolerance: int = 300) -> bool:
    """Whether the body was signed with the secret, at most tolerance seconds ago."""
    fields = [part.split("=", 1) for part in signature.split(",") if "=" in part]
    signed_at = next((value for name, value in fields if name == "t"), "")
    if not (signed_at.isascii() and signed_at.isdigit()):
        return False
    message = signed_at.encode() + b"." + body
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    # A later version may add another scheme beside v1: pass over what is not known.
    signed = any(
        name == "v1" and hmac.compare_digest(value.encode(), expected.encode())
        for name, value in fields
    )
    # Whoever records a notification must not be able to send it again later.
    return signed and abs(time.time() - int(signed_at)) <= tolerance


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.environ.get("ROLLCALL_SIGN"):
        sys.exit(__doc__)
    if not verify(os.environ["ROLLCALL_SIGN"], sys.argv[1], sys.stdin.buffer.read()):
        sys.exit("not signed by rollcall, or not now")
    print("signed by rollcall")
