"""Files in the data bucket, written and read in bounded memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from leadbridge.aws.items import later
from leadbridge.errors import ConfigurationError, TransientError
from leadbridge.ports import StoredFile, Writer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

#: S3's words for "later", beside those of the SDK itself
_LATER = frozenset({"SlowDown", "InternalError", "RequestTimeout", "ServiceUnavailable", "500", "503"})
#: S3 takes parts of 5 MiB and more but the last, and 10,000 of them: files of up to 160 GB
PART_BYTES = 16 << 20
READ_BYTES = 1 << 20
#: without the permission to list, S3 does not tell a missing object from a forbidden one
_NOT_THERE = frozenset({"404", "403", "NoSuchKey"})
#: keys in one DeleteObjects call (AWS)
KEYS_LIMIT = 1000


class S3Objects:
    """`ports.Objects` on S3."""

    def __init__(self, client: "S3Client", *, bucket: str, part_bytes: int = PART_BYTES) -> None:
        self._client = client
        self._bucket = bucket
        self._part_bytes = part_bytes

    def put(self, key: str, content: bytes) -> None:
        """Store a small object."""
        with _later("PutObject"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content)

    @contextmanager
    def writing(self, key: str) -> Iterator[Writer]:
        """Store an object of any size; it is there when the context ends, and not if it ends with an error."""
        # parts of an upload that nobody completes are removed by the bucket's lifecycle, whoever died
        upload = _Upload(self._client, self._bucket, key, self._part_bytes)
        yield upload
        upload.complete()

    def stored(self, key: str) -> StoredFile:
        """An object."""
        try:
            with _later("HeadObject"):
                size = self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_THERE:
                raise
            raise ConfigurationError([f"there is no object {key}"]) from error
        return StoredFile(key=key, size=size, begin=lambda: self._read(key))

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there do not matter."""
        for start in range(0, len(keys), KEYS_LIMIT):
            chunk = [{"Key": key} for key in keys[start : start + KEYS_LIMIT]]
            with _later("DeleteObjects"):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": chunk, "Quiet": True})  # type: ignore[typeddict-item]  # the stubs want their own name for the same dictionary
            if answer.get("Errors"):  # a success as a whole may leave some, and they hold personal data
                code = str(answer["Errors"][0].get("Code", ""))
                raise TransientError("objects were not removed", vendor="aws", operation="DeleteObjects", code=code)

    def _read(self, key: str) -> Iterator[bytes]:
        with _later("GetObject"):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            try:
                yield from body.iter_chunks(READ_BYTES)
            finally:
                body.close()


class _Upload:
    """Bytes on their way: a single request if they are few, otherwise parts."""

    def __init__(self, client: "S3Client", bucket: str, key: str, part_bytes: int) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._part_bytes = part_bytes
        self._buffer = bytearray()
        self._id = ""
        self._parts: list[CompletedPartTypeDef] = []

    def write(self, content: bytes, /) -> None:
        """Add bytes."""
        self._buffer += content
        while len(self._buffer) >= self._part_bytes:
            self._send(self._part_bytes)

    def complete(self) -> None:
        """Make the object."""
        with _later("PutObject"):
            if not self._id:
                self._client.put_object(Bucket=self._bucket, Key=self._key, Body=bytes(self._buffer))
                return
            if self._buffer:
                self._send(len(self._buffer))
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=self._id, MultipartUpload={"Parts": self._parts}
            )

    def _send(self, size: int) -> None:
        with _later("UploadPart"):
            if not self._id:
                self._id = self._client.create_multipart_upload(Bucket=self._bucket, Key=self._key)["UploadId"]
            number = len(self._parts) + 1
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._id,
                PartNumber=number,
                Body=bytes(self._buffer[:size]),
            )
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        del self._buffer[:size]


@contextmanager
def _later(operation: str) -> Iterator[None]:
    with later(operation):
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _LATER:
                raise
            raise TransientError("S3 asks for a pause", vendor="aws", operation=operation, code=code) from error
