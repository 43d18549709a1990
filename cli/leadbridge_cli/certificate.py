"""A self-signed certificate over the KMS signing key, for the upload to a Salesforce app.

The private key stays in KMS: `cryptography` builds the certificate and asks this stand-in for the signature.
"""

from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from leadbridge.aws.services import Signer

#: Salesforce warns of nothing when a certificate ends, so it lasts long
VALIDITY = timedelta(days=5 * 365)


class KmsKey(rsa.RSAPrivateKey):
    """An RSA private key that lives in KMS and can only sign."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        public = serialization.load_der_public_key(signer.public_key())
        if not isinstance(public, rsa.RSAPublicKey):
            raise TypeError("the signing key must be an RSA key")
        self._public = public

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:  # noqa: ARG002  # the builder's signature
        """Sign with RSASSA-PKCS1-v1_5 and SHA-256, the one algorithm the key is used for."""
        return self._signer.sign(bytes(data))

    def public_key(self) -> rsa.RSAPublicKey:
        """The public half."""
        return self._public

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public.key_size

    def decrypt(self, ciphertext: bytes, padding: object) -> bytes:
        """Not possible."""
        raise NotImplementedError

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """Not possible."""
        raise NotImplementedError

    def private_bytes(self, *arguments: Any) -> bytes:
        """Not possible."""
        raise NotImplementedError

    def __copy__(self) -> "KmsKey":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "KmsKey":
        return self


def certificate(signer: Signer, name: str, now: datetime) -> bytes:
    """The certificate in PEM form."""
    key = KmsKey(signer)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"leadbridge {name}")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALIDITY)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
