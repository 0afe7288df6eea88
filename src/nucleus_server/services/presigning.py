"""Addresses that let a browser read one object of a bucket for a while, computed here: no request is made.

Source: AWS Signature Version 4, "Authenticating Requests: Using Query Parameters".
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote

from nucleus_server.media_settings import Bucket, virtual_origin

_ALGORITHM = "AWS4-HMAC-SHA256"


def bucket_origin(bucket: Bucket) -> str:
    """Scheme, host and port that browsers load the bucket's objects from."""
    return virtual_origin(bucket.endpoint, bucket.name) if bucket.is_virtual else bucket.endpoint


def presigned_url(bucket: Bucket, key: str, moment: datetime) -> str:
    """The address by which anybody reads the object `key` from `moment` on for `bucket.expires_s` seconds.

    The same arguments give the same address. The key is signed as it stands; one with a part `.` or `..` names another
    object once a browser has read it, so callers refuse such keys.
    """
    utc = moment.astimezone(UTC)
    day, second = f"{utc:%Y%m%d}", f"{utc:%Y%m%dT%H%M%SZ}"
    scope = f"{day}/{bucket.region}/s3/aws4_request"
    origin = bucket_origin(bucket)
    path = quote(f"/{key}" if bucket.is_virtual else f"/{bucket.name}/{key}", safe="/-_.~")
    parameters = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{bucket.access_key_id}/{scope}",
        "X-Amz-Date": second,
        "X-Amz-Expires": str(bucket.expires_s),
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items())
    host = origin.partition("://")[2]
    request = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    to_sign = f"{_ALGORITHM}\n{second}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signing_key = f"AWS4{bucket.secret_access_key}".encode()
    for part in (day, bucket.region, "s3", "aws4_request"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.digest(signing_key, to_sign.encode(), "sha256").hex()
    return f"{origin}{path}?{query}&X-Amz-Signature={signature}"
