"""Media that is elsewhere: whether a browser may show it, by which address, and if not, why and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from nucleus_server.media_settings import Bucket, normal_origin
from nucleus_server.services.presigning import bucket_origin, presigned_url

_NOT_IMAGES = {
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".dcm": "DICOM",
    ".exr": "OpenEXR",
    ".hdr": "Radiance HDR",
    ".heic": "HEIC",
    ".heif": "HEIF",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".npy": "NumPy array",
    ".npz": "NumPy arrays",
    ".nii": "NIfTI",
    ".pcd": "point cloud",
    ".las": "point cloud",
    ".laz": "point cloud",
    ".ply": "point cloud",
    ".pgm": "PGM",
    ".ppm": "PPM",
    ".raw": "raw sensor data",
    ".dng": "raw sensor data",
    ".mp4": "video",
    ".mov": "video",
    ".avi": "video",
    ".mkv": "video",
    ".pdf": "PDF",
    ".zip": "archive",
    ".gz": "archive",
}
_TIFF_DATA = ("data:image/tiff", "data:image/heic", "data:image/jp2")
_MOST_SHOWN = 200


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Shown:
    """Media at an address, as a page may show it.

    Attributes:
        url: What the browser may load as an image; None if it may not.
        link: Where a reader can open the media itself; None if there is no such address.
        label: Why it is not shown, in two or three words; empty if it is.
        reason: The same as a sentence with what to do; empty if it is shown.
    """

    url: str | None
    link: str | None
    label: str = ""
    reason: str = ""


@dataclass(frozen=True)
class MediaSources:
    """The origins and buckets that the operator has listed. Nothing here makes a request."""

    origins: tuple[str, ...] = ()
    buckets: tuple[Bucket, ...] = field(default=(), repr=False)
    clock: Callable[[], datetime] = field(default=_utc_now, repr=False, compare=False)

    @property
    def policy(self) -> tuple[str, ...]:
        """What `img-src` of the pages' security policy must allow: origins, and of buckets no more than the bucket."""
        by_bucket = (bucket_origin(b) if b.is_virtual else f"{bucket_origin(b)}/{quote(b.name)}/" for b in self.buckets)
        return tuple(dict.fromkeys([*self.origins, *by_bucket]))

    def shown(self, location: str) -> Shown:
        """How the media at this address, which a user gave, can be shown."""
        scheme = location.partition(":")[0].lower()
        if scheme == "data":
            if location.lower().startswith(_TIFF_DATA) or not location.lower().startswith("data:image/"):
                return Shown(None, None, "no image", "This data: address holds no image that browsers show.")
            return Shown(location, location)
        if scheme in ("s3", "gs"):
            return self._of_bucket_address(location)
        if scheme in ("http", "https"):
            return self._of_web_address(location)
        return Shown(
            None,
            None,
            "cannot be loaded",
            f"Browsers cannot load {_cut(location)}: they load http and https addresses of origins that the operator lists, and "
            "this server signs s3:// addresses of buckets that the operator lists. Or upload the image itself.",
        )

    def unlisted(self, location: str) -> str | None:
        """The origin or bucket that would have to be listed for this address; None if it is listed or can never be."""
        scheme, _, rest = location.partition("://")
        if scheme.lower() in ("s3", "gs"):
            name = rest.partition("/")[0]
            return f"{scheme.lower()}://{name}" if name and self._bucket(scheme.lower(), name) is None else None
        origin = normal_origin(location)
        is_known = origin is None or self._is_listed(origin) or self._find_object(location) is not None
        return None if is_known else origin

    def _of_bucket_address(self, location: str) -> Shown:
        scheme, _, rest = location.partition("://")
        name, _, key = rest.partition("/")
        bucket = self._bucket(scheme.lower(), name)
        if bucket is None:
            advice = "adds it to the buckets in media.toml (NUCLEUS_MEDIA_BUCKETS)"
            if scheme.lower() == "gs":
                advice += ' with endpoint = "https://storage.googleapis.com"'
            return Shown(
                None,
                None,
                "no credential",
                f"This server has no credential for the bucket {_cut(name)}: the operator {advice}. The image is "
                f"{_cut(location)}.",
            )
        return self._signed(bucket, key)

    def _of_web_address(self, location: str) -> Shown:
        origin = normal_origin(location)
        if origin is None:
            return Shown(None, None, "no address", f"{_cut(location)} is no address that a browser can load.")
        if "@" in urlsplit(location).netloc:
            return Shown(
                None,
                None,
                "has a password",
                f"Browsers load no image by an address with a user name or a password in it, such as this one on {origin}.",
            )
        found = self._find_object(location)
        if found is not None:
            bucket, key = found
            if "versionId=" in urlsplit(location).query:
                return Shown(
                    None,
                    location,
                    "a version",
                    f"This address names one version of an object of the bucket {bucket.name}; only newest versions are shown.",
                )
            return self._signed(bucket, key)
        if not self._is_listed(origin):
            reason = f"Images of {origin} are not shown: the operator adds {origin} to NUCLEUS_MEDIA_ORIGINS."
            other = _other_scheme(origin)
            if self._is_listed(other):
                reason = f"Images of {origin} are not shown: the operator has listed {other}, which is another origin."
            return Shown(None, location, "origin not listed", reason)
        return _image(location, location, unquote(urlsplit(location).path))

    def _signed(self, bucket: Bucket, key: str) -> Shown:
        if not key.startswith(bucket.prefix):
            return Shown(
                None,
                None,
                "outside prefix",
                f"Of the bucket {bucket.name} the operator shows objects whose keys begin with {_cut(bucket.prefix)}, and "
                f"{_cut(key)} does not.",
            )
        if not key or key.endswith("/") or not {".", ".."}.isdisjoint(key.split("/")):
            return Shown(
                None,
                None,
                "no such address",
                f"No browser can ask for the key {_cut(key)!r} of the bucket {bucket.name}: expected the key of an object, "
                "without a part . or ..",
            )
        # Signed as if a little ago: for that while the address stays the same, and what a browser has is not loaded again.
        moment = self.clock()
        step_s = max(bucket.expires_s // 4, 1)
        url = presigned_url(bucket, key, datetime.fromtimestamp(moment.timestamp() // step_s * step_s, UTC))
        return _image(url, url, key)

    def _bucket(self, scheme: str, name: str) -> Bucket | None:
        return next((b for b in self.buckets if b.name == name and (scheme == "s3" or _is_google(b))), None)

    def _find_object(self, location: str) -> tuple[Bucket, str] | None:
        """The listed bucket and the key that an http or https address stands for."""
        origin, path = normal_origin(location), unquote(urlsplit(location).path)
        for bucket in self.buckets:
            endpoint = bucket.endpoint
            endpoints = {endpoint, "https://s3.amazonaws.com"} if _is_amazon(bucket) else {endpoint}
            for each in endpoints:
                scheme, _, host = each.partition("://")
                if origin == f"{scheme}://{bucket.name.lower()}.{host}":
                    return bucket, path[1:]
                if origin == each and path.startswith(f"/{bucket.name}/"):
                    return bucket, path[len(bucket.name) + 2 :]
        return None

    def _is_listed(self, origin: str) -> bool:
        """As browsers match `img-src`: `*.` stands for one label or more, and http: allows the same host by https: too."""
        scheme, _, host = origin.partition("://")
        for listed in self.origins:
            listed_scheme, _, listed_host = listed.partition("://")
            if scheme != listed_scheme and (listed_scheme, scheme) != ("http", "https"):
                continue
            if host == listed_host or (listed_host.startswith("*.") and host.endswith(listed_host[1:])):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Unlisted:
    """An origin or bucket that items name and that is not listed.

    Attributes:
        place: The origin, or the bucket with its scheme.
        n_items: How many of the items that were looked at name it.
        example_id: One of them.
    """

    place: str
    n_items: int
    example_id: str


def unlisted_places(sources: MediaSources, locations: Iterable[tuple[str, str]]) -> list[Unlisted]:
    """What would have to be listed for these (item id, location); that of the most items first."""
    examples: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for item_id, location in locations:
        place = sources.unlisted(location)
        if place is not None:
            counts[place] += 1
            examples.setdefault(place, item_id)
    return [Unlisted(place, n, examples[place]) for place, n in sorted(counts.items(), key=lambda e: (-e[1], e[0]))]


def _image(url: str, link: str, path: str) -> Shown:
    kind = _NOT_IMAGES.get(PurePosixPath(path).suffix.lower())
    if kind is None:
        return Shown(url, link)
    return Shown(
        None, link, f"{kind}, no image", f"Browsers show no {kind}: upload a PNG or JPEG of it to see it here."
    )


def _is_amazon(bucket: Bucket) -> bool:
    return bucket.endpoint.endswith(".amazonaws.com")


def _is_google(bucket: Bucket) -> bool:
    return bucket.endpoint == "https://storage.googleapis.com"


def _other_scheme(origin: str) -> str:
    scheme, _, host = origin.partition("://")
    return f"{'http' if scheme == 'https' else 'https'}://{host}"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
