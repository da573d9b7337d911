#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Makes tests/testdata/vectors/identity.json by docs/format.md alone.

It shares no code with the Go packages. It needs Python 3.9 and `cryptography`
for Ed25519 and AEADs; run it in this folder:

    python3 make.py > ../../testdata/vectors/identity.json
"""
import base64, hashlib, hmac, json, struct, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
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
        text = seed_text(seed)
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


def invite_bytes(g, seed=b"", role=0, expires=0, uses=0, roster=None, name=b"", peers=(), version=2, lobby=None, join=None, genesis=None):
    genesis = genesis or g.body()
    b = u8(version) + u16(len(genesis)) + genesis + (lobby or g.lobby) + (join or g.join)
    b += u8(len(seed)) + seed + u8(role) + u48(expires) + u16(uses)
    b += u8(len(roster)) + roster if roster else u8(0)
    b += u8(len(name)) + name + u8(len(peers))
    for peer, host in peers:
        b += peer + u16(len(host)) + host.encode()
    return b


def invite_text(b):
    return "xf2" + base64.b32encode(b + u32(crc32c(b))).decode().rstrip("=").lower()


def invite(g, seed=b"", role=0, expires=0, uses=0, roster=None, name="", peers=()):
    b = invite_bytes(g, seed, role, expires, uses, position(*roster) if roster else None, name.encode(), peers)
    r = roster or (0, 0, 0, bytes(32))
    return dict(body=g.body().hex(), lobby=g.lobby.hex(), join=g.join.hex(), seed=seed.hex(), role=role, expires=expires, uses=uses,
                has_roster=roster is not None, term=r[0], leg=r[1], size=r[2], root=r[3].hex(), name=name,
                peers=["%s@%s" % (p.hex(), h) for p, h in peers],
                key=public(hkdf(seed, "xaeroflux invite key v1")).hex() if seed else "",
                kem_seed=hkdf(seed, "xaeroflux invite kem v1").hex() if seed else "",
                invite=invite_text(b))


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


def format_text(version, page, segment, generation, place, end="\n"):
    text = "xaeroflux store %s\npage %s\nsegment %s\ngeneration %s\n%s\n" % (version, page, segment, generation, place)
    return text + "check %s%s" % (tagged("xaeroflux format check v1", text.encode())[:8].hex(), end)


def store_key(seed):
    return hkdf(seed, "xaeroflux store key v1")


def store_sealed(seed, nonce, place, what):
    return nonce + AESGCM(store_key(seed)).encrypt(nonce, what, place)


def sealed_vectors():
    rows = [(b"FORMAT generation", GENERATION), (b"meta\0epoch " + secret("topic") + secret("epoch"), secret("an epoch")), (b"topics\0" + bytes([0, 0, 0, 1]), b"")]
    for i, (place, what) in enumerate(rows):
        nonce = secret("nonce %d" % i)[:12]
        yield dict(seed=SEED.hex(), key=store_key(SEED).hex(), check=tagged("xaeroflux store key check v1", store_key(SEED))[:8].hex(),
                   place=place.hex(), secret=what.hex(), nonce=nonce.hex(), sealed=store_sealed(SEED, nonce, place, what).hex())


def seed_text(seed):
    text = b"xaeroflux identity v1\nseed " + seed.hex().encode() + b"\n"
    return text + b"check " + tagged("xaeroflux identity check v1", text)[:8].hex().encode() + b"\n"


def age_file(passphrase, work, text, name):
    """A file of age-encryption.org/v1 with scrypt as its recipient, and one chunk."""
    b64 = lambda b: base64.b64encode(b).rstrip(b"=")
    hkdf_age = lambda key, salt, info: mac(mac(salt or bytes(32), key), info + b"\x01")
    file_key, salt, nonce = secret(name + " file key")[:16], secret(name + " salt")[:16], secret(name + " nonce")[:16]
    wrap = hashlib.scrypt(passphrase, salt=b"age-encryption.org/v1/scrypt" + salt, n=1 << work, r=8, p=1, maxmem=1 << 28, dklen=32)
    head = b"age-encryption.org/v1\n-> scrypt " + b64(salt) + b" %d\n" % work
    head += b64(ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)) + b"\n---"
    return head + b" " + b64(mac(hkdf_age(file_key, b"", b"header"), head)) + b"\n" + nonce + \
        ChaCha20Poly1305(hkdf_age(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\x01", text, None)


def sealed_seed_vectors():
    for seed, passphrase in ((SEED, b"correct horse battery staple"), (secret("seed"), "Gänseblümchen 7".encode())):
        yield dict(seed=seed.hex(), passphrase=passphrase.decode(), file=age_file(passphrase, 10, seed_text(seed), seed.hex()).hex())


def format_vectors():
    lines = [v["line"] for v in place_vectors()]
    for page, segment, generation, line in ((4096, 2, GENERATION, lines[3]), (16384, 1024, GENERATION, lines[0]), (65536, 65536, secret("generation")[:16], lines[2])):
        yield dict(page_bytes=page, segment_pages=segment, generation=generation.hex(), place=line,
                   text=format_text(2, page, segment, generation.hex(), line))
        sealed = store_sealed(SEED, secret("nonce %d" % page)[:12], b"FORMAT generation", generation)
        yield dict(page_bytes=page, segment_pages=segment, generation=generation.hex(), place=line, seed=SEED.hex(),
                   text=format_text(3, page, segment, sealed.hex(), line))


PEER = public(secret("peer 0")).hex()


def address_vectors():
    for place in ("203.0.113.7:1", "[2001:db8::1]:65535", "[fe80::1%eth0]:5", "quic://a_b-9.example:4242", "tcp://x:80", "A.b:1", "unix:///run/x.sock",
                  "tcp://" + ".".join(["l" * 63] * 3 + ["m" * 61]) + ":65535"):
        yield dict(text=PEER + "@" + place, peer=PEER, place=place)
    yield dict(text="unix:///run/x.sock", peer="", place="unix:///run/x.sock")


def spoiled(g, **fields):
    """A copy of g with other fields."""
    x = Genesis(g.policy, g.owner, g.steward, g.salt, g.lobby, g.join, g.page_log, g.retention, g.erase, g.need, g.successors)
    x.__dict__.update(fields)
    return x.body()


def refused_genesis():
    opened, sealed, keys = TOPICS[0], TOPICS[2], TOPICS[2].successors
    home = Genesis(29, OWNER, bytes(32), bytes(16), secret("lobby 0"), bytes(32))
    small = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")
    return {
        "nothing": b"", "of format 2": u8(2) + opened.body()[1:], "a byte short": opened.body()[:-1], "a byte too many": opened.body() + u8(0),
        "bit 32": spoiled(sealed, policy=13 | 32), "sealed and open": spoiled(opened, policy=3), "history of what is not sealed": spoiled(opened, policy=6),
        "pages of 2^11 bytes": spoiled(opened, page_log=11), "pages of 2^17 bytes": spoiled(opened, page_log=17),
        "pages though not open": sealed.body()[:2] + u8(12) + sealed.body()[3:],
        "retention though not erasable": spoiled(opened, retention=1), "days though not erasable": spoiled(opened, erase=1),
        "no owner": spoiled(opened, owner=bytes(32)), "owner of small order": spoiled(opened, owner=small),
        "owner not canonical": spoiled(opened, owner=b"\xee" + b"\xff" * 30 + b"\x7f"),
        "no steward": spoiled(opened, steward=bytes(32)), "owner as steward": spoiled(opened, steward=OWNER),
        "half of the successors": spoiled(sealed, need=1, successors=keys[:2]), "more than all successors": spoiled(sealed, need=4),
        "no number of successors": spoiled(sealed, need=0), "a number of no successors": spoiled(sealed, successors=[]),
        "17 successors": spoiled(sealed, need=17, successors=sorted(public(secret("successor %d" % i)) for i in range(17))),
        "falling successors": spoiled(sealed, successors=keys[::-1]), "one successor twice": spoiled(sealed, successors=[keys[0], keys[0], keys[1]]),
        "owner as successor": spoiled(sealed, need=1, successors=[OWNER]), "steward as successor": spoiled(sealed, need=1, successors=[sealed.steward]),
        "successor of small order": spoiled(sealed, need=1, successors=[small]),
        "home with a steward": spoiled(home, steward=sealed.steward), "home that is not erasable": spoiled(home, policy=21),
        "home with retention": spoiled(home, retention=1), "home with days": spoiled(home, erase=1), "home with successors": spoiled(home, need=1, successors=keys[:1]),
    }


def refused_invites():
    g, sealed, seed = TOPICS[0], TOPICS[2], secret("invite")
    good = invite_text(invite_bytes(g))
    peer = public(secret("peer 0"))
    yield "prefix", {"of another kind": "yf2" + good[3:], "nothing": ""}
    yield "version", {"xf1": "xf1" + good[3:], "xf3": "xf3" + good[3:], "version 3 inside": invite_text(invite_bytes(g, version=3))}
    yield "character", {"a 1": good[:9] + "1" + good[10:], "padding": good + "=", "dot inside": good[:9] + "." + good[9:]}
    yield "damaged", {"one character": good[:9] + ("b" if good[9] == "a" else "a") + good[10:], "bits behind the end": good[:-1] + ("b" if good[-1] == "a" else chr(ord(good[-1]) + 1)),
                      "cut": good[:100]}
    yield "truncated", {"ends in its peers": invite_text(invite_bytes(g)[:-1] + u8(1))}
    yield "trailing", {"a byte too many": invite_text(invite_bytes(g) + u8(0))}
    yield "content", {what: invite_text(b) for what, b in {
        "seed of 31 bytes": invite_bytes(sealed, seed[:31], 3, 0, 1), "seed of zeros": invite_bytes(sealed, bytes(32), 3, 0, 1),
        "no seed in a sealed topic": invite_bytes(sealed), "role without a seed": invite_bytes(g, role=3), "expiry without a seed": invite_bytes(g, expires=1),
        "uses without a seed": invite_bytes(g, uses=1), "no uses": invite_bytes(g, seed, 3), "role of an owner": invite_bytes(g, seed, 1, 0, 1),
        "role 7": invite_bytes(g, seed, 7, 0, 1), "position of 45 bytes": invite_bytes(g, roster=position(0, 0, 1, bytes(31))),
        "position of size 0": invite_bytes(g, roster=position(0, 0, 0, bytes(32))), "name of 65 bytes": invite_bytes(g, name=b"n" * 65),
        "name with a line feed": invite_bytes(g, name=b"a\nb"), "name that is no UTF-8": invite_bytes(g, name=b"\xff"),
        "name with a no-break space": invite_bytes(g, name="a\u00a0b".encode()), "9 peers": invite_bytes(g, peers=[(peer, "x:1")] * 9),
        "place of this machine": invite_bytes(g, peers=[(peer, "unix:///x")]), "port 0": invite_bytes(g, peers=[(peer, "x:0")]),
        "peer of small order": invite_bytes(g, peers=[(bytes(32), "x:1")]), "another lobby key": invite_bytes(g, lobby=secret("x")),
        "another join key of an open topic": invite_bytes(g, join=secret("x")), "genesis of format 2": invite_bytes(g, genesis=u8(2) + g.body()[1:]),
    }.items()}


def refused_texts():
    line, mark = "place dir=%s" % ("ab" * 16), "ab" * 16
    words = list(word_vectors())[3]["phrase"].split()
    seed = next(seed_vectors())["file"]
    id = GENERATION.hex()
    yield "place", "place", {
        "nothing": "", "another word": "Place", "unknown mark": "place inode=" + mark, "a mark twice": line + " dir=" + mark, "falling marks": line + " machine=" + mark,
        "upper case": line.upper().replace("PLACE DIR", "place dir"), "31 digits": line[:-1], "33 digits": line + "a", "zeros": "place dir=" + "0" * 32,
        "two spaces": line.replace(" ", "  "), "space at the end": line + " ", "no digit": "place dir=" + "g" * 32,
    }
    yield "words", "count", {"nothing": "", "23 words": " ".join(words[:23]), "25 words": " ".join(words + words[:1])}
    yield "words", "word", {"a word that is none": " ".join(words[:-1] + ["xaeroflux"])}
    yield "words", "checksum", {"two words swapped": " ".join(words[1::-1] + words[2:])}
    yield "format", "version", {"of format 1": "xaeroflux store 1 page 16384 segment 1024\n", "of format 4": format_text(4, 4096, 2, id, "place"),
                                "of format 10": format_text(10, 4096, 2, id, "place")}
    yield "format", "damaged", {
        "nothing": "", "another text": "a store\n", "leading zero": format_text(2, "04096", 2, id, "place"), "leading zero of the version": format_text("02", 4096, 2, id, "place"),
        "sign": format_text(2, "+4096", 2, id, "place"), "pages of 5000 bytes": format_text(2, 5000, 2, id, "place"), "pages of 2048 bytes": format_text(2, 2048, 2, id, "place"),
        "one page a segment": format_text(2, 4096, 1, id, "place"), "no generation": format_text(2, 4096, 2, "0" * 32, "place"),
        "generation in the clear": format_text(3, 4096, 2, id, "place"), "sealed generation in version 2": format_text(2, 4096, 2, "ab" * 44, "place"),
        "sealed generation in upper case": format_text(3, 4096, 2, "AB" * 44, "place"), "sealed generation of 43 bytes": format_text(3, 4096, 2, "ab" * 43, "place"),
        "generation in upper case": format_text(2, 4096, 2, GENERATION[::-1].hex().upper(), "place"), "no place": format_text(2, 4096, 2, id, ""),
        "check of other lines": format_text(2, 4096, 2, id, "place").replace("segment 2", "segment 4"), "no line feed at the end": format_text(2, 4096, 2, id, "place", ""),
        "a line too many": format_text(2, 4096, 2, id, "place", "\n\n"), "carriage returns": format_text(2, 4096, 2, id, "place").replace("\n", "\r\n"),
    }
    yield "seed", "version", {"of version 2": seed.replace("v1", "v2")}
    yield "seed", "damaged", {"nothing": "", "other seed": seed.replace("0001", "0002"), "upper case": seed.replace("0a0b", "0A0B"), "a line too many": seed + "\n", "cut": seed[:-1]}
    yield "address", "address", {what: PEER + "@" + place for what, place in {
        "no place": "", "no port": "x", "port 0": "x:0", "port 65536": "x:65536", "port 080": "x:080", "port with a sign": "x:+80", "no host": ":80", "empty label": "a..b:80",
        "label of 64": "l" * 64 + ":80", "another carrier": "http://x:80", "IPv6 without brackets": "::1:80", "no IPv6": "[x]:80", "brackets around a name": "[a.b]:80",
        "letter that is none of ASCII": "g\u00e4rtner:80", "no path": "unix://x", "name of 254 bytes": ".".join(["l" * 63] * 3 + ["m" * 62]) + ":80"}.items()}
    yield "address", "address", {"no peer": "x:80", "peer in upper case": PEER.upper() + "@x:80", "peer of 63 digits": PEER[1:] + "@x:80", "peer of small order": "0" * 64 + "@x:80"}


def refused_vectors():
    for what, body in refused_genesis().items():
        yield dict(what=what, kind="genesis", text=body.hex(), reason="genesis")
    for what, b in {"45 bytes": position(0, 0, 1, bytes(31)), "47 bytes": position(0, 0, 1, bytes(33)), "size 0": position(0, 0, 0, bytes(32))}.items():
        yield dict(what=what, kind="position", text=b.hex(), reason="position")
    for reason, texts in refused_invites():
        for what, text in texts.items():
            yield dict(what=what, kind="invite", text=text, reason=reason)
    for kind, reason, texts in refused_texts():
        for what, text in texts.items():
            yield dict(what=what, kind=kind, text=text, reason=reason)


json.dump({
    "note": "made by tests/oracle/identity/make.py, which shares no code with the Go packages",
    "topics": topic_vectors(), "seeds": list(seed_vectors()), "logs": list(log_vectors()), "accounts": list(account_vectors()),
    "invites": list(invite_vectors()), "words": list(word_vectors()), "places": list(place_vectors()),
    "signatures": list(signature_vectors()), "formats": list(format_vectors()), "store_sealed": list(sealed_vectors()), "sealed_seeds": list(sealed_seed_vectors()),
    "addresses": list(address_vectors()), "refused": list(refused_vectors()),
}, sys.stdout, indent=2, ensure_ascii=False)
print()
