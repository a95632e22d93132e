"""Hosts that a hosted tool may be pointed at: public ones, plainly written."""

from __future__ import annotations

import pytest

from reconciler.manifest.check.urls import domain_problem, host_problem, url_problem


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/mcp",
        "HTTPS://Example.com:8443/x?y=1",
        "https://example.com.",
        "https://xn--r8jz45g.jp",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://ff.example.com",
        "https://my_host.example.com",
    ],
)
def test_public_addresses_pass(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com", "https"),
        ("example.com", "https"),
        ("ftp://example.com", "https"),
        ("https://user:pw@example.com", "user name"),
        ("https://example.com@10.0.0.1", "user name"),
        ("https://example.com#x", "fragment"),
        ("https://example.com:0", "Port 0"),
        ("https://example.com:99999", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://", "missing"),
        ("https:example.com", "missing"),
        ("https://a b.com", "no spaces"),
        ("https://a.com\\@b.com", "backslash"),
        ("https://a.com\n", "control"),
        ("", "no spaces"),
        ("https://例え.jp", "xn--r8jz45g.jp"),
        ("https://\uff11\uff12\uff17.0.0.1", "not ASCII"),
        ("https://" + "é" * 70 + ".com", "xn--…"),
        ("https://example.com/é", "percent"),
        ("https://a..b.com", "not a host name"),
        ("https://-a.com", "not a host name"),
        ("https://a%41.com", "not a host name"),
        ("https://" + "a." * 127 + "com", "not a host name"),
    ],
)
def test_other_urls_are_refused_with_a_reason(url: str, words: str) -> None:
    assert words in (url_problem(url) or "")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0x",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "127.0.0.1.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::808:808]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[fe80::1%25eth0]",
        "[fd00::1]",
        "[ff02::1]",
        "[fd00:ec2::254]",
    ],
)
def test_private_addresses_are_refused_in_any_notation(host: str) -> None:
    assert "private or reserved" in (url_problem(f"https://{host}/") or "")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "db.internal",
        "nas.local",
        "intranet",
        "metadata.google.internal",
        "x.svc",
        "metadata.google.com",
    ],
)
def test_private_names_are_refused(host: str) -> None:
    assert "not a public host" in (host_problem(host) or "")


@pytest.mark.parametrize("host", ["10.0.0.1.nip.io", "localtest.me", "a.lvh.me"])
def test_names_that_stand_for_private_addresses_are_refused(host: str) -> None:
    assert "stands for a private address" in (host_problem(host) or "")


@pytest.mark.parametrize("host", ["010.8.8.8", "134744072", "0x08080808", "8.8.2056"])
def test_a_public_address_is_written_plainly(host: str) -> None:
    assert "another way to write 8.8.8.8" in (host_problem(host) or "")


@pytest.mark.parametrize(
    "host",
    ["1.2.3.4.5", "256.1.1.1", "1.2.3.999", "999999999999", "089", "1.x.0x", "a.1", "1:2", "1." + "0" * 20 + "1"],
)
def test_what_is_neither_name_nor_address_is_refused(host: str) -> None:
    assert "not a host name and not an address" in (host_problem(host) or "")


def test_ipv6_that_carries_a_public_ipv4_passes_or_is_normalised() -> None:
    assert host_problem("64:ff9b::808:808") is None
    assert host_problem("2002:808:808::") is None
    assert "another way" in (host_problem("2606:4700:0::1111") or "")


@pytest.mark.parametrize(
    "domain", ["https://example.com", "example.com/x", "*.example.com", "example.com:443", "localhost", ""]
)
def test_an_allowed_domain_is_a_bare_public_name(domain: str) -> None:
    assert domain_problem(domain)
    assert domain_problem("docs.example.com") is None
