"""Media elsewhere: what the operator may set, what is shown by which address, and why the rest is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nucleus_server.config import load_settings
from nucleus_server.errors import InvalidInput
from nucleus_server.media_settings import Bucket, load_buckets, parse_origins
from nucleus_server.services.media_sources import MediaSources
from nucleus_server.services.presigning import presigned_url

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINIO = Bucket("drives", "http://127.0.0.1:9000", "us-east-1", "AK", "top secret", prefix="public/")
AMAZON = Bucket("pics", "https://s3.eu-west-1.amazonaws.com", "eu-west-1", "AK2", "s", is_virtual=True)
GOOGLE = Bucket("lidar", "https://storage.googleapis.com", "auto", "AK3", "s")


def sources(*origins: str, at: datetime = NOON) -> MediaSources:
    """Three buckets, and these origins."""
    return MediaSources(origins, (MINIO, AMAZON, GOOGLE), clock=lambda: at)


def test_signature_is_the_one_that_amazon_documents() -> None:
    """The example of "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", to the letter."""
    bucket = Bucket(
        name="examplebucket",
        endpoint="https://s3.amazonaws.com",
        region="us-east-1",
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        is_virtual=True,
        expires_s=86400,
    )
    assert presigned_url(bucket, "test.txt", datetime(2013, 5, 24, tzinfo=UTC)) == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
        "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


@pytest.mark.parametrize(
    ("location", "begins"),
    [
        (
            "s3://drives/public/a b/ü#?%2F+.png",
            "http://127.0.0.1:9000/drives/public/a%20b/%C3%BC%23%3F%252F%2B.png?X-Amz-",
        ),
        ("http://127.0.0.1:9000/drives/public/a%20b.png", "http://127.0.0.1:9000/drives/public/a%20b.png?X-Amz-"),
        ("s3://pics/x//y.jpg", "https://pics.s3.eu-west-1.amazonaws.com/x//y.jpg?X-Amz-"),
        ("https://s3.amazonaws.com/pics/x.jpg?X-Amz-Old=1", "https://pics.s3.eu-west-1.amazonaws.com/x.jpg?X-Amz-"),
        ("https://pics.s3.amazonaws.com/x.jpg", "https://pics.s3.eu-west-1.amazonaws.com/x.jpg?X-Amz-"),
        ("gs://lidar/x.jpg", "https://storage.googleapis.com/lidar/x.jpg?X-Amz-"),
        ("https://a.example/x.png?size=9", "https://a.example/x.png?size=9"),
        ("HTTPS://A.Example:443/x.png", "HTTPS://A.Example:443/x.png"),
        ("https://x.y.b.example/p", "https://x.y.b.example/p"),
        ("https://c.example:8443/p", "https://c.example:8443/p"),
        ("https://d.example/p", "https://d.example/p"),  # listed by http, which browsers take for https too
        ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
    ],
)
def test_what_is_shown(location: str, begins: str) -> None:
    """Of listed origins and buckets, whatever way the address is written."""
    found = sources("https://a.example", "https://*.b.example", "https://c.example:8443", "http://d.example").shown(
        location
    )
    assert found.url is not None and found.url.startswith(begins) and found.reason == ""
    assert "top secret" not in found.url


@pytest.mark.parametrize(
    ("location", "label", "reason"),
    [
        ("https://z.example/a.png", "origin not listed", "adds https://z.example to NUCLEUS_MEDIA_ORIGINS"),
        ("http://a.example/a.png", "origin not listed", "has listed https://a.example, which is another origin"),
        ("https://a.example:444/a.png", "origin not listed", "adds https://a.example:444 to NUCLEUS_MEDIA_ORIGINS"),
        ("https://b.example/a.png", "origin not listed", "https://b.example"),
        ("https://evil-b.example/a.png", "origin not listed", "https://evil-b.example"),
        ("https://a.example.evil.example/a.png", "origin not listed", "evil.example"),
        ("https://me:pw@a.example/a.png", "has a password", "user name or a password"),
        ("https://[::1/a.png", "no address", "no address that a browser can load"),
        ("https://a.example/scan.TIFF", "TIFF, no image", "Browsers show no TIFF"),
        ("s3://drives/public/scan.dcm", "DICOM, no image", "Browsers show no DICOM"),
        ("s3://drives/private/a.png", "outside prefix", "begin with public/"),
        ("s3://drives/public/../private/a.png", "no such address", "without a part . or .."),
        ("http://127.0.0.1:9000/drives/public/%2E%2E/private/a.png", "no such address", "without a part . or .."),
        ("http://127.0.0.1:9000/other/a.png", "origin not listed", "http://127.0.0.1:9000"),
        ("https://pics.s3.amazonaws.com/a.png?versionId=3", "a version", "only newest versions"),
        ("s3://pics", "no such address", "key"),
        ("s3://elsewhere/a.png", "no credential", "no credential for the bucket elsewhere"),
        ("gs://pics/a.png", "no credential", "storage.googleapis.com"),
        ("azure://x/a.png", "cannot be loaded", "Browsers cannot load azure://x/a.png"),
        ("file:///home/me/a.png", "cannot be loaded", "upload the image itself"),
        ("/home/me/a.png", "cannot be loaded", "upload the image itself"),
        ("data:text/html,<b>", "no image", "holds no image"),
        ("data:image/tiff;base64,AA", "no image", "holds no image"),
    ],
)
def test_what_is_not_shown_says_why(location: str, label: str, reason: str) -> None:
    """In a word and a sentence, with what to do, and never a secret."""
    found = sources("https://a.example", "https://*.b.example").shown(location)
    assert found.url is None and found.label == label and reason in found.reason
    assert found.link is None or found.link.startswith(("http://", "https://"))
    assert "top secret" not in str(found)


def test_an_address_stays_the_same_for_a_while() -> None:
    """So that a browser's cache is of use; it has three quarters of its life left at least."""
    first = sources().shown("s3://pics/a.png").url
    assert sources(at=NOON + timedelta(seconds=224)).shown("s3://pics/a.png").url == first
    later = sources(at=NOON + timedelta(seconds=226)).shown("s3://pics/a.png").url
    assert later != first and later is not None and "X-Amz-Date=20260101T120345Z" in later


def test_policy_allows_no_more_than_was_listed() -> None:
    """Of a bucket in a path nothing beside it."""
    assert sources("https://a.example").policy == (
        "https://a.example",
        "http://127.0.0.1:9000/drives/",
        "https://pics.s3.eu-west-1.amazonaws.com",
        "https://storage.googleapis.com/lidar/",
    )


def test_what_is_unlisted() -> None:
    """By origin or bucket; what no setting could show is none."""
    found = sources("https://a.example")
    assert found.unlisted("https://z.example/a/b.png") == "https://z.example"
    assert found.unlisted("s3://elsewhere/a.png") == "s3://elsewhere"
    for listed in (
        "https://a.example/x",
        "s3://pics/x",
        "https://pics.s3.amazonaws.com/x",
        "data:image/png,",
        "azure://x",
    ):
        assert found.unlisted(listed) is None, listed


def test_origins_are_checked() -> None:
    """What is no origin could be a directive of the policy."""
    assert parse_origins(" https://A.example:443/  https://a.example\nhttp://*.b.example:81 ") == (
        "https://a.example",
        "http://*.b.example:81",
    )
    for text in (
        "https://a.example;script-src",
        "a.example",
        "*",
        "https:",
        "https://a.example/path",
        "https://a.example/?q",
        "https://me@a.example",
        "https://a.example,https://b.example",
        "https://a.*.example",
        "ftp://a.example",
        "https://[::1]",
        "https://a.example:x",
        "'unsafe-inline'",
        "https://a.example:99999",
    ):
        with pytest.raises(InvalidInput, match="expected origins such as") as caught:
            parse_origins(text)
        assert caught.value.code == "invalid_setting"


def test_buckets_are_read(tmp_path: Path) -> None:
    """With defaults for Amazon, and secrets from the environment if it is said so."""
    (tmp_path / "media.toml").write_text(
        '[[bucket]]\nname = "pics"\nregion = "eu-west-1"\naccess_key_id = "AK"\nsecret_access_key_env = "PICS_SECRET"\n'
        '[[bucket]]\nname = "b.2"\nendpoint = "https://Minio.example:9000/"\naccess_key_id = "AK"\nsecret_access_key = "s"\n'
        'prefix = "p/"\nstyle = "virtual"\nexpires_s = 60\n'
    )
    settings = load_settings(data_dir=tmp_path, env={"PICS_SECRET": "hidden"})
    assert settings.buckets == (
        Bucket("pics", "https://s3.eu-west-1.amazonaws.com", "eu-west-1", "AK", "hidden"),
        Bucket("b.2", "https://minio.example:9000", "us-east-1", "AK", "s", "p/", is_virtual=True, expires_s=60),
    )
    assert "hidden" not in repr(settings.buckets) and "hidden" not in repr(MediaSources((), settings.buckets))


GOOD = 'name = "pics"\naccess_key_id = "AK"\nsecret_access_key = "hidden"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[bucket]", "expected a TOML file that can be read"),
        ("[bucket]\n", "expected tables that begin with [[bucket]]"),
        ("x = 1\n", "expected tables that begin with [[bucket]]"),
        (f"[[bucket]]\n{GOOD}secret = 'hidden'\n", "bucket 1: expected the keys access_key_id"),
        (f"[[bucket]]\n{GOOD}[[bucket]]\n{GOOD}", "expected each bucket once, got pics twice"),
        ('[[bucket]]\nname = "a/b"\n', "expected the bucket's name"),
        (f'[[bucket]]\n{GOOD}region = "EU 1"\n', "expected a region such as"),
        (f'[[bucket]]\n{GOOD}endpoint = "https://x.example/path"\n', "expected an endpoint such as"),
        (f'[[bucket]]\n{GOOD}endpoint = "minio:9000"\n', "expected an endpoint such as"),
        (f'[[bucket]]\n{GOOD}style = "host"\n', 'expected style = "path" or "virtual"'),
        (f"[[bucket]]\n{GOOD}expires_s = 604801\n", "expected expires_s to be whole seconds from 1 to 604800"),
        (f"[[bucket]]\n{GOOD}expires_s = true\n", "expected expires_s to be whole seconds"),
        (f"[[bucket]]\n{GOOD}prefix = 1\n", "expected prefix to be a text"),
        (f'[[bucket]]\n{GOOD}secret_access_key_env = "X"\n', "expected secret_access_key, or secret_access_key_env"),
        ('[[bucket]]\nname = "pics"\naccess_key_id = "AK"\n', "expected secret_access_key, or secret_access_key_env"),
        ('[[bucket]]\nname = "pics"\naccess_key_id = "AK"\nsecret_access_key = ""\n', "that are not empty"),
        (
            '[[bucket]]\nname = "pics"\naccess_key_id = "AK"\nsecret_access_key_env = "NOT_THERE"\n',
            "expected the environment variable NOT_THERE to hold the secret_access_key",
        ),
    ],
)
def test_what_is_wrong_with_buckets_is_said(tmp_path: Path, text: str, message: str) -> None:
    """With the file and the bucket, without the secret."""
    path = tmp_path / "media.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_buckets(path, {})
    assert (
        message in caught.value.message and str(path) in caught.value.message and "hidden" not in caught.value.message
    )


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    """The one in the data folder need not."""
    assert load_settings(data_dir=tmp_path, env={}).buckets == ()
    with pytest.raises(InvalidInput, match="expected a TOML file that can be read"):
        load_settings(data_dir=tmp_path, env={"NUCLEUS_MEDIA_BUCKETS": str(tmp_path / "none.toml")})
