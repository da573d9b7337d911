#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Makes tests/testdata/vectors/identity.json by docs/format.md alone.

It shares no code with the Go packages. It needs Python 3.9 and `cryptography`
for Ed25519; run it in this folder:

    python3 make.py > ../../testdata/vectors/identity.json
"""
import base64, hashlib, hmac, json, struct, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

sha = lambda b: hashlib.sha256(b).digest()
mac = lambda k, b: hmac.new(k, b, hashlib.sha256).digest()
hkdf = lambda secret, label, context=b"": mac(mac(bytes(32), secret), label.encode() + context + b"\x01")
u8, u16, u32, u64 = (lambda n, f=f: struct.pack(f, n) for f in ("<B", "<H", "<I", "<Q"))
u48 = lambda n: u64(n)[:6]


def tagged(tag, *parts):
    return sha(b"".join(u32(len(p)) + p for p in (tag.encode(), *parts)))


def private(seed):
    return Ed25519PrivateKey.from_private_bytes(seed)


def public(seed):
    return private(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def secret(name):
    """Any 32 bytes, other ones for each name."""
    return sha(b"vector " + name.encode())


SEALED, OPEN, HISTORY, ERASABLE, HOME = 1, 2, 4, 8, 16


class Genesis:
    def __init__(self, policy, owner, steward, salt, lobby, join, page_log=0, retention=0, erase=0, need=0, successors=()):
        self.__dict__.update(locals())

    def body(self):
        opened = bool(self.policy & OPEN)
        return b"".join([
            u8(1), u8(self.policy), u8(self.page_log if opened else 0), self.owner, self.steward, self.salt,
            tagged("xaeroflux lobby key v1", self.lobby),
            tagged("xaeroflux join key v1", self.join) if opened else b"",
            u32(self.retention), u16(self.erase), u8(self.need), u8(len(self.successors)), *self.successors])

    def founding(self):
        was, self.steward = self.steward, bytes(32)
        h = tagged("xaeroflux founding v1", self.body())
        self.steward = was
        return h

    def id(self):
        return tagged("xaeroflux topic v2", self.body())

    def json(self):
        return dict(policy=self.policy, page_bytes=1 << self.page_log if self.policy & OPEN else 0, owner=self.owner.hex(),
                    steward=self.steward.hex(), salt=self.salt.hex(), retention_days=self.retention, erase_days=self.erase,
                    need=self.need, successors=[s.hex() for s in self.successors], lobby=self.lobby.hex(), join=self.join.hex(),
                    lobby_hash=tagged("xaeroflux lobby key v1", self.lobby).hex(),
                    join_hash=tagged("xaeroflux join key v1", self.join).hex(),
                    body=self.body().hex(), founding=self.founding().hex(), id=self.id().hex())


def position(term, leg, size, root):
    return u32(term) + u32(leg) + u48(size) + root


def account_key(s):
    return hkdf(s, "xaeroflux account key v1")


SEED, GENERATION = bytes(range(32)), bytes(range(0x40, 0x50))


def found(g):
    """Makes the device of SEED and GENERATION the steward."""
    key = hkdf(SEED, "xaeroflux founding key v1", GENERATION + g.founding())
    g.steward = public(key)
    return g


def author_key(seed, generation, g):
    key = hkdf(seed, "xaeroflux founding key v1", generation + g.founding())
    if public(key) != g.steward:
        key = hkdf(seed, "xaeroflux author key v2", generation + g.id())
    return key


OWNER = public(account_key(secret("account")))
TOPICS = [
    found(Genesis(OPEN, OWNER, None, bytes(16), secret("lobby 0"), secret("join 0"), page_log=16)),
    found(Genesis(OPEN | ERASABLE, OWNER, None, secret("salt")[:16], secret("lobby 1"), secret("join 1"), 12, 30, 7)),
    found(Genesis(SEALED | HISTORY | ERASABLE, OWNER, None, secret("salt")[:16], secret("lobby 2"), secret("join 2"),
                  retention=2**32 - 1, erase=65535, need=2, successors=sorted(public(secret("successor %d" % i)) for i in range(3)))),
    Genesis(0, OWNER, public(secret("another device")), secret("salt")[:16], secret("lobby 3"), secret("join 3"),
            need=9, successors=sorted(public(secret("successor %d" % i)) for i in range(16))),
]


def proofs(g, binding, p, count, digest):
    lobby, join, mark = hkdf(g.lobby, "xaeroflux lobby proof v1"), hkdf(g.join, "xaeroflux join proof v2"), hkdf(g.join, "xaeroflux state mark v2")
    out = dict(binding=binding.hex(), term=p[0], leg=p[1], size=p[2], root=p[3].hex(), position=position(*p).hex(), logs=count, digest=digest.hex())
    for name, role in (("listener", 0), ("dialer", 1)):
        head = u8(role) + g.id()
        out["lobby_proof_" + name] = mac(lobby, head + binding).hex()
        out["join_proof_" + name] = mac(join, head + binding)[:16].hex()
        out["state_" + name] = mac(mark, head + position(*p) + u64(count) + digest + binding)[:16].hex()
    return out


def topic_vectors():
    states = [(b"", (0, 0, 1, bytes(32)), 0, bytes(32)), (secret("exporter"), (1, 2, 2**48 - 1, secret("root")), 100000, secret("set"))]
    return [dict(g.json(), **proofs(g, *states[i % 2])) for i, g in enumerate(TOPICS)]


def seed_vectors():
    for seed, generation in ((SEED, GENERATION), (SEED, secret("generation")[:16]), (secret("seed"), GENERATION)):
        text = b"xaeroflux identity v1\nseed " + seed.hex().encode() + b"\n"
        text += b"check " + tagged("xaeroflux identity check v1", text)[:8].hex().encode() + b"\n"
        for i, g in enumerate(TOPICS):
            yield dict(seed=seed.hex(), generation=generation.hex(), topic=i, file=text.decode(),
                       peer_id=public(hkdf(seed, "xaeroflux peer key v2", generation)).hex(),
                       author=public(author_key(seed, generation, g)).hex(),
                       witness=public(hkdf(seed, "xaeroflux witness key v2", generation + g.id())).hex())


def log_vectors():
    author = public(author_key(SEED, GENERATION, TOPICS[2]))
    for page, kind, number in ((4096, 0, 0), (65536, 0, 1), (4096, 1, 0), (4096, 1, 1 << 32), (4096, 2, (7 << 32) + 3), (16384, 0, 2**64 - 1)):
        yield dict(topic=TOPICS[2].id().hex(), author=author.hex(), page_bytes=page, kind=kind, number=str(number),
                   term=number >> 32, leg=number & 0xffffffff,
                   log=tagged("xaeroflux log v2", TOPICS[2].id(), author, u32(page), u8(kind), u64(number)).hex())


def crc32c(b):
    crc = 0xffffffff
    for x in b:
        crc ^= x
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def invite(g, seed=b"", role=0, expires=0, uses=0, roster=None, name="", peers=()):
    b = u8(2) + u16(len(g.body())) + g.body() + g.lobby + g.join + u8(len(seed)) + seed + u8(role) + u48(expires) + u16(uses)
    b += u8(46) + position(*roster) if roster else u8(0)
    b += u8(len(name.encode())) + name.encode() + u8(len(peers))
    for peer, host in peers:
        b += peer + u16(len(host)) + host.encode()
    b += u32(crc32c(b))
    r = roster or (0, 0, 0, bytes(32))
    return dict(body=g.body().hex(), lobby=g.lobby.hex(), join=g.join.hex(), seed=seed.hex(), role=role, expires=expires, uses=uses,
                has_roster=roster is not None, term=r[0], leg=r[1], size=r[2], root=r[3].hex(), name=name,
                peers=["%s@%s" % (p.hex(), h) for p, h in peers],
                key=public(hkdf(seed, "xaeroflux invite key v1")).hex() if seed else "",
                kem_seed=hkdf(seed, "xaeroflux invite kem v1").hex() if seed else "",
                invite="xf2" + base64.b32encode(b).decode().rstrip("=").lower())


def invite_vectors():
    peers = [(public(secret("peer %d" % i)), h) for i, h in enumerate(
        ("203.0.113.7:4242", "[2001:db8::1]:443", "quic://node.example:1", "tcp://a-b.example:65535", "x:2", "y:3", "z:4", "[fe80::1%eth0]:5"))]
    at = (1, 0, 12345, secret("root"))
    yield invite(TOPICS[0])
    yield invite(TOPICS[1], name="Die Gärtner", peers=peers[:2])
    yield invite(TOPICS[2], secret("invite"), 3, 1893456000, 16, at, "family", peers)
    yield invite(TOPICS[3], secret("link"), 6, 0, 1, None, "n" * 64, peers[:1])
    yield invite(TOPICS[1], secret("admins"), 2, 2**48 - 1, 65535, at)


def word_vectors():
    words = open("../../../identity/english.txt").read().split()
    assert sha(("\n".join(words) + "\n").encode()).hex() == "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    for e in (bytes(32), b"\xff" * 32, b"\x80" * 32, secret("words")):
        bits = int.from_bytes(e + sha(e)[:1], "big")
        account, lobby = hkdf(e, "xaeroflux home account v1"), hkdf(e, "xaeroflux home lobby key v1")
        home = Genesis(SEALED | HISTORY | ERASABLE | HOME, public(account_key(account)), bytes(32),
                       hkdf(e, "xaeroflux home salt v1")[:16], lobby, bytes(32))
        yield dict(entropy=e.hex(), phrase=" ".join(words[bits >> 11 * (23 - i) & 2047] for i in range(24)),
                   root_kem_seed=hkdf(e, "xaeroflux root kem v1").hex(), lobby=lobby.hex(), account=account.hex(),
                   body=home.body().hex(), id=home.id().hex())


def account_vectors():
    for s in (secret("account"), bytes(32)):
        yield dict(secret=s.hex(), key=public(account_key(s)).hex(), kem_seed=hkdf(s, "xaeroflux account kem v1").hex())


def place_vectors():
    both = dict(name="laptop", machine="3d1219c7c4c5404aaa1f6d2a48adfda4", hardware="03000200-0400", volume="ef53:4495213fc97943dc",
                disk="serial 1776632645678705 part 1", boot="9e3f", number="8:1", dir=10003822, dirborn=1795713708482960987,
                file=10003824, fileborn=1795713708487584769, path="/srv/notes")
    for names in (list(both), ["machine", "dir", "dirborn"], ["path"], []):
        line = "place"
        for n in names:
            value = u64(both[n]) if isinstance(both[n], int) else both[n].encode()
            line += " %s=%s" % (n, tagged("xaeroflux place v1", n.encode(), value)[:16].hex())
        yield dict({n: str(both[n]) for n in names}, line=line)


def signature_vectors():
    key = account_key(secret("account"))
    for tag, parts in (("xaeroflux admit v1", [TOPICS[0].id(), b"body"]), ("xaeroflux certificate v1", [b"", secret("exporter")])):
        yield dict(tag=tag, parts=[p.hex() for p in parts], seed=key.hex(), public=public(key).hex(),
                   signature=private(key).sign(tagged(tag, *parts)).hex())


json.dump({
    "note": "made by tests/oracle/identity/make.py, which shares no code with the Go packages",
    "topics": topic_vectors(), "seeds": list(seed_vectors()), "logs": list(log_vectors()), "accounts": list(account_vectors()),
    "invites": list(invite_vectors()), "words": list(word_vectors()), "places": list(place_vectors()),
    "signatures": list(signature_vectors()),
}, sys.stdout, indent=2, ensure_ascii=False)
print()
