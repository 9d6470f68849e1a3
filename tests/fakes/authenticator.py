"""A device with passkeys, in software: what a browser would hand over for it."""

import base64
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40
"""Flags of what the device signs (WebAuthn, 6.1)."""


def b64(data: bytes) -> str:
    """Write bytes as browsers do."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Device:
    """One device with one passkey; `verifies`: whether it knows its owner."""

    origin: str
    rp_id: str
    verifies: bool = True
    count: int = 0
    credential_id: bytes = b"a-passkey-of-the-tests"
    _key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: str) -> str:
        """Make a passkey, as `navigator.credentials.create` does."""
        numbers = self._key.public_key().public_numbers()
        x, y = (one.to_bytes(32, "big") for one in (numbers.x, numbers.y))
        # COSE and CBOR by hand: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        cose = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y
        length = len(self.credential_id).to_bytes(2, "big")
        data = self._data(HAS_KEY) + bytes(16) + length + self.credential_id + cose
        attestation = (
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59"
            + len(data).to_bytes(2, "big")
            + data
        )
        return self._credential(
            clientDataJSON=b64(self._client("webauthn.create", options)),
            attestationObject=b64(attestation),
        )

    def sign(self, options: str) -> str:
        """Sign a challenge, as `navigator.credentials.get` does."""
        self.count += 1
        data, client = self._data(0), self._client("webauthn.get", options)
        signature = self._key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            clientDataJSON=b64(client), authenticatorData=b64(data), signature=b64(signature)
        )

    def _data(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        told = {"type": kind, "challenge": challenge, "origin": self.origin}
        return json.dumps(told).encode()

    def _credential(self, **response: Any) -> str:
        name = b64(self.credential_id)
        whole = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps(whole)
