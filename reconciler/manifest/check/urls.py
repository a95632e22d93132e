"""Addresses that a manifest gives to OpenAI's servers: public https hosts only, whatever the notation.

The tool itself never contacts them. The check keeps a manifest from pointing a hosted tool at somebody's intranet or at
a cloud's metadata service, and a reviewer from reading one host where a server would read another.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_PLAIN = re.compile(r"[^\x00-\x20\x7f\\]+\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_NUMBER = re.compile(r"0x[0-9a-f]*\Z|[0-9]+\Z")
_PRIVATE_SUFFIXES = (
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
    "onion",
    "test",
    "invalid",
    "svc",
    "consul",
)
_METADATA = frozenset({"metadata", "instance-data", "instance-data.ec2.internal", "metadata.google.com"})
_EMBEDDING = ("nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "nip.direct")
_CARRIERS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))  # NAT64, and IPv4-compatible
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def url_problem(url: str) -> str | None:
    """Why an MCP server's URL may not be used, in a sentence, or None."""
    if not _PLAIN.match(url):
        return "A URL has no spaces, no control characters and no backslash."
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return f"{url!r} is not a URL."
    return _split_problem(split, port)


def _split_problem(split: SplitResult, port: int | None) -> str | None:
    if split.scheme != "https":
        return f"The URL has to start with https://, not {split.scheme or 'nothing'!r}."
    if "@" in split.netloc:
        return "The URL contains a user name or password. Remove it; credentials are given by reference."
    if split.fragment:
        return "The URL has a fragment (#…), which is never sent. Remove it."
    if port == 0:
        return "Port 0 cannot be reached."
    problem = host_problem(split.hostname or "", bracketed=split.netloc.startswith("["))
    if problem is None and not split.geturl().isascii():
        return "Path and query are not ASCII. Write other letters percent-encoded."
    return problem


def domain_problem(domain: str) -> str | None:
    """Why an entry of `allowed_domains` may not be used, in a sentence, or None: a bare public host name."""
    if "/" in domain or ":" in domain or "*" in domain:
        return f"{domain!r} is not a bare domain. Write it without scheme, port, path or wildcard, such as example.com."
    return host_problem(domain)


def host_problem(host: str, *, bracketed: bool = False) -> str | None:
    """Why a host may not be used, in a sentence, or None."""
    if not host:
        return "The host is missing."
    if not host.isascii():
        return f"The host is not ASCII. Write it as {_punycode(host)!r}, so that lookalike letters are seen."
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    if bracketed or ":" in name or _NUMBER.match(labels[-1]):
        return _address_problem(name)
    if len(name) > 253 or not all(_LABEL.match(label) for label in labels):
        return f"{host!r} is not a host name."
    if len(labels) == 1 or name in _METADATA or _below(name, _PRIVATE_SUFFIXES):
        return f"{host!r} is not a public host."
    if _below(name, _EMBEDDING):
        return f"{host!r} stands for a private address. Use the server's own public name."
    return None


def _below(name: str, suffixes: tuple[str, ...]) -> bool:
    return any(name == suffix or name.endswith("." + suffix) for suffix in suffixes)


def _punycode(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return "xn--…"


# --- addresses --------------------------------------------------------------------------------------------------------


def _address_problem(text: str) -> str | None:
    address = _ipv6(text) if ":" in text else _ipv4(text)
    if address is None:
        return f"{text!r} is not a host name and not an address."
    if not _is_public(address):
        return f"{text!r} is the private or reserved address {address}. Use a public host name."
    if str(address) != text:
        return f"{text!r} is another way to write {address}. Write the host name, or the address as it is."
    return None


def _ipv6(text: str) -> _Ip | None:
    try:
        return ipaddress.IPv6Address(text)
    except ValueError:
        return None


def _ipv4(text: str) -> _Ip | None:
    """Read an address as C's `inet_aton` and browsers do: 1 to 4 parts, each decimal, octal or hexadecimal."""
    parts = text.split(".")
    if len(parts) > 4 or not all(_NUMBER.match(part) and len(part) <= 16 for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    last = numbers.pop()
    if any(number > 255 for number in numbers) or last >= 256 ** (4 - len(numbers)):
        return None
    return ipaddress.IPv4Address(last + sum(number << 8 * (3 - index) for index, number in enumerate(numbers)))


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)


def _is_public(address: _Ip) -> bool:
    """Whether an address, and the IPv4 address that an IPv6 one may carry inside, is globally reachable."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _LOCAL_NAT64:
            return False
        address = _carried(address) or address
    return address.is_global and not address.is_multicast


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if any(address in network for network in _CARRIERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
