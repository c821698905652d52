"""What the lists of [trust] say about who writes: reject, hold, allow. Pure; proves nobody.

The most specific entry wins: an address over a domain, a longer domain over a shorter one, any of them over a network,
a smaller network over a larger one; among equals allow over hold over reject.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from maildesk.errors import Malformed
from maildesk.mail import address as addresses

ListName = Literal["reject", "hold", "allow"]
_Network = IPv4Network | IPv6Network
_RANK: dict[ListName, int] = {"reject": 0, "hold": 1, "allow": 2}
_ADDRESS, _DOMAIN, _PEER = 2, 1, 0


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that speaks of a mail. of: what of the mail it matches, "sender", "author" or "peer"."""

    list: ListName
    entry: str
    of: Literal["sender", "author", "peer"]
    rank: tuple[int, int, int]


class Lists:
    """The three lists, looked up by address, domain and network. Immutable."""

    def __init__(self, reject: Iterable[str] = (), hold: Iterable[str] = (), allow: Iterable[str] = ()) -> None:
        self._names: dict[str, tuple[ListName, str]] = {}
        self._networks: list[tuple[_Network, ListName, str]] = []
        # In the order of rank: what stands in two lists is what the stronger one says.
        named: tuple[tuple[ListName, Iterable[str]], ...] = (("reject", reject), ("hold", hold), ("allow", allow))
        for name, entries in named:
            for entry in entries:
                network = network_of(entry)
                if network is None:
                    self._names[addresses.key(entry) if "@" in entry else addresses.domain_key(entry)] = (name, entry)
                else:
                    self._networks.append((network, name, entry))

    def at_door(self, sender: str, peer: str, *, is_relay: bool) -> Match | None:
        """The entry that refuses a mail before it has come: by its envelope sender, or by its peer.

        None where a more specific entry says otherwise. One that allows the envelope sender only keeps the door open:
        whether that is the author, and proved, is seen later. Nobody is refused for the relay that brings them.
        """
        found = [*self._of_address(sender, "sender"), *self._of_peer(peer, is_relay=is_relay)]
        best = max(found, key=lambda m: m.rank, default=None)
        return best if best is not None and best.list == "reject" else None

    def of_mail(self, sender: str, author: str | None, peer: str, *, is_proved: bool, is_relay: bool) -> Match | None:
        """The entry that holds for a mail: envelope sender, author as claimed, peer ("" for none); None without one.

        What allows an address or a domain counts for a proved author alone.
        """
        named = [*self._of_address(sender, "sender"), *self._of_address(author or "", "author")]
        found = [m for m in named if m.list != "allow" or (is_proved and m.of == "author")]
        return max([*found, *self._of_peer(peer, is_relay=is_relay)], key=lambda m: m.rank, default=None)

    def _of_address(self, address: str, of: Literal["sender", "author"]) -> Iterable[Match]:
        try:
            key = addresses.key(address)
        except Malformed:
            return
        if key in self._names:
            name, entry = self._names[key]
            yield Match(name, entry, of, (_ADDRESS, 0, _RANK[name]))
        labels = key.rpartition("@")[2].split(".")
        for at in range(len(labels)):
            if (found := self._names.get(".".join(labels[at:]))) is not None:
                name, entry = found
                yield Match(name, entry, of, (_DOMAIN, len(labels) - at, _RANK[name]))

    def _of_peer(self, peer: str, *, is_relay: bool) -> Iterable[Match]:
        if (found := peer_address(peer)) is None:
            return
        for network, name, entry in self._networks:
            if found in network and (name == "allow" or not is_relay):
                yield Match(name, entry, "peer", (_PEER, network.prefixlen, _RANK[name]))


def network_of(entry: str) -> _Network | None:
    """The network that an entry names; None for an address of mail or a domain."""
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def peer_address(peer: str) -> IPv4Address | IPv6Address | None:
    """A peer's address; None for one that has none, as on a unix socket."""
    try:
        found = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
