// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"encoding"
	"encoding/hex"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Ids are fixed numbers of bytes. As text, in JSON and as keys of maps in JSON, each is
// lower-case hexadecimal; a Parse function and UnmarshalText take no other length.
type (
	// A Hash is a SHA-256 digest: a root, or the hash of a leaf.
	Hash [32]byte

	// A LogID names a log. It follows from the log's topic and author.
	LogID [32]byte

	// A TopicID names a topic: the hash of the record that founded it. The zero one
	// means the default topic of a store.
	TopicID [32]byte

	// An AuthorKey is the Ed25519 public key that signs the heads of a log.
	AuthorKey [32]byte

	// An AccountKey is the Ed25519 public key that a person is known by in a topic.
	AccountKey [32]byte

	// An InviteKey is the Ed25519 public key of an invite, which names it.
	InviteKey [32]byte

	// A PeerID is the Ed25519 public key that a store proves when it connects. The zero
	// one is no peer.
	PeerID [32]byte

	// A Name is a LogID or an AuthorKey: what may be followed of a topic.
	Name [32]byte

	// An EventID names an event for the store that appends it, so that it can be
	// appended again without a second one; see Topic.Append. The zero one is none.
	EventID [16]byte

	// A LogPrefix is the first bytes of a LogID.
	LogPrefix [8]byte

	// A Signature is of Ed25519.
	Signature [64]byte
)

// String returns 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first eight digits of String, for people.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// IsZero reports whether h is no digest.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText returns what String does.
func (h Hash) MarshalText() ([]byte, error) { return hexOf(h[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error { return unhex("hash", h[:], b) }

// ParseLogID reads what LogID.String wrote.
func ParseLogID(s string) (LogID, error) { return parseID[LogID](s) }

// String returns 64 hexadecimal digits.
func (id LogID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first eight digits of String, for people.
func (id LogID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether id names no log.
func (id LogID) IsZero() bool { return id == LogID{} }

// MarshalText returns what String does.
func (id LogID) MarshalText() ([]byte, error) { return hexOf(id[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *LogID) UnmarshalText(b []byte) error { return unhex("log id", id[:], b) }

// ParseTopicID reads what TopicID.String wrote.
func ParseTopicID(s string) (TopicID, error) { return parseID[TopicID](s) }

// String returns 64 hexadecimal digits.
func (id TopicID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first eight digits of String, for people.
func (id TopicID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether id means the default topic.
func (id TopicID) IsZero() bool { return id == TopicID{} }

// MarshalText returns what String does.
func (id TopicID) MarshalText() ([]byte, error) { return hexOf(id[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *TopicID) UnmarshalText(b []byte) error { return unhex("topic id", id[:], b) }

// ParseAuthorKey reads what AuthorKey.String wrote.
func ParseAuthorKey(s string) (AuthorKey, error) { return parseID[AuthorKey](s) }

// String returns 64 hexadecimal digits.
func (k AuthorKey) String() string { return hex.EncodeToString(k[:]) }

// Short returns the first eight digits of String, for people.
func (k AuthorKey) Short() string { return hex.EncodeToString(k[:4]) }

// IsZero reports whether k is no key.
func (k AuthorKey) IsZero() bool { return k == AuthorKey{} }

// MarshalText returns what String does.
func (k AuthorKey) MarshalText() ([]byte, error) { return hexOf(k[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *AuthorKey) UnmarshalText(b []byte) error { return unhex("author key", k[:], b) }

// ParseAccountKey reads what AccountKey.String wrote.
func ParseAccountKey(s string) (AccountKey, error) { return parseID[AccountKey](s) }

// String returns 64 hexadecimal digits.
func (k AccountKey) String() string { return hex.EncodeToString(k[:]) }

// Short returns the first eight digits of String, for people.
func (k AccountKey) Short() string { return hex.EncodeToString(k[:4]) }

// IsZero reports whether k is no key.
func (k AccountKey) IsZero() bool { return k == AccountKey{} }

// MarshalText returns what String does.
func (k AccountKey) MarshalText() ([]byte, error) { return hexOf(k[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *AccountKey) UnmarshalText(b []byte) error { return unhex("account key", k[:], b) }

// ParseInviteKey reads what InviteKey.String wrote.
func ParseInviteKey(s string) (InviteKey, error) { return parseID[InviteKey](s) }

// String returns 64 hexadecimal digits.
func (k InviteKey) String() string { return hex.EncodeToString(k[:]) }

// Short returns the first eight digits of String, for people.
func (k InviteKey) Short() string { return hex.EncodeToString(k[:4]) }

// IsZero reports whether k is no key.
func (k InviteKey) IsZero() bool { return k == InviteKey{} }

// MarshalText returns what String does.
func (k InviteKey) MarshalText() ([]byte, error) { return hexOf(k[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *InviteKey) UnmarshalText(b []byte) error { return unhex("invite key", k[:], b) }

// ParsePeerID reads what PeerID.String wrote.
func ParsePeerID(s string) (PeerID, error) { return parseID[PeerID](s) }

// String returns 64 hexadecimal digits.
func (p PeerID) String() string { return hex.EncodeToString(p[:]) }

// Short returns the first eight digits of String, for people.
func (p PeerID) Short() string { return hex.EncodeToString(p[:4]) }

// IsZero reports whether p is no peer.
func (p PeerID) IsZero() bool { return p == PeerID{} }

// MarshalText returns what String does.
func (p PeerID) MarshalText() ([]byte, error) { return hexOf(p[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *PeerID) UnmarshalText(b []byte) error { return unhex("peer id", p[:], b) }

// String returns 64 hexadecimal digits.
func (n Name) String() string { return hex.EncodeToString(n[:]) }

// MarshalText returns what String does.
func (n Name) MarshalText() ([]byte, error) { return hexOf(n[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (n *Name) UnmarshalText(b []byte) error { return unhex("log id or author key", n[:], b) }

// ParseEventID reads what EventID.String wrote.
func ParseEventID(s string) (EventID, error) { return parseID[EventID](s) }

// String returns 32 hexadecimal digits.
func (id EventID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id is none.
func (id EventID) IsZero() bool { return id == EventID{} }

// MarshalText returns what String does.
func (id EventID) MarshalText() ([]byte, error) { return hexOf(id[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *EventID) UnmarshalText(b []byte) error { return unhex("event id", id[:], b) }

// String returns 16 hexadecimal digits.
func (p LogPrefix) String() string { return hex.EncodeToString(p[:]) }

// MarshalText returns what String does.
func (p LogPrefix) MarshalText() ([]byte, error) { return hexOf(p[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *LogPrefix) UnmarshalText(b []byte) error { return unhex("beginning of a log id", p[:], b) }

// MarshalText returns 128 hexadecimal digits.
func (s Signature) MarshalText() ([]byte, error) { return hexOf(s[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Signature) UnmarshalText(b []byte) error { return unhex("signature", s[:], b) }

// parseID reads an id: the call comes first, as a return of both at once may take
// the id before it is read.
func parseID[ID any, P interface {
	*ID
	encoding.TextUnmarshaler
}](s string) (id ID, err error) {
	err = P(&id).UnmarshalText([]byte(s))
	return id, err
}

func hexOf(b []byte) []byte { return hex.AppendEncode(nil, b) }

// unhex decodes digits into dst, which is changed only if all of it is there.
func unhex(what string, dst, digits []byte) error {
	b := make([]byte, len(dst))
	n, err := 0, error(nil)
	if len(digits) == 2*len(dst) {
		n, err = hex.Decode(b, digits)
	}
	if err != nil || n != len(dst) {
		return fmt.Errorf("%w: %q is no %s, which is %d hexadecimal digits", ErrOptions, digits, what, 2*len(dst))
	}
	copy(dst, b)
	return nil
}

// hashes returns digests as the API has them.
func hashes(inner []digest.Hash) []Hash {
	if inner == nil {
		return nil
	}
	all := make([]Hash, len(inner))
	for i, h := range inner {
		all[i] = Hash(h)
	}
	return all
}

// digests is the opposite of hashes.
func digests(all []Hash) []digest.Hash {
	inner := make([]digest.Hash, len(all))
	for i, h := range all {
		inner[i] = digest.Hash(h)
	}
	return inner
}
