// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An invite is "xf1" and then, in lower-case base32 (RFC 4648, no padding):
//
//	bytes  field
//	    1  version, 1
//	   32  topic key
//	    1  n, length of the name
//	    n  name, UTF-8
//	    1  number of peers
//	       for each peer:
//	   32    peer id
//	    2    h, length of the host (little-endian uint16)
//	    h    host:port
//	    4  CRC-32C of all above (little-endian uint32)
//
// A CRC, unlike a cut hash, is certain to notice one wrong character, and any
// damage within four bytes in a row, in which five characters always lie. It
// is no defence against malice, nor need it be: who can change an invite can
// write another.
const (
	invitePrefix  = "xf1"
	inviteVersion = 1

	MaxInviteName  = 64 // bytes of an invite's name
	MaxInvitePeers = 8  // addresses in an invite

	maxInviteBytes = 1 + KeyBytes + 1 + MaxInviteName + 1 + MaxInvitePeers*(KeyBytes+2+MaxHost) + crcBytes
	crcBytes       = 4
)

var (
	inviteText = base32.NewEncoding(inviteAlphabet).WithPadding(base32.NoPadding)
	inviteCRC  = crc32.MakeTable(crc32.Castagnoli)
)

const inviteAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// An Invite is what a member of a topic gives to a new one: the topic's key, a
// name for people, and where to find members. It is as secret as the key.
type Invite struct {
	Key   TopicKey
	Name  string    // at most MaxInviteName bytes, printable; may be empty
	Peers []Address // at most MaxInvitePeers
}

// Check checks that v is within its limits.
func (v Invite) Check() error {
	switch {
	case len(v.Name) > MaxInviteName:
		return fmt.Errorf("%w: name of %d bytes, limit %d", ErrInvite, len(v.Name), MaxInviteName)
	case !utf8.ValidString(v.Name) || strings.ContainsFunc(v.Name, unprintable):
		return fmt.Errorf("%w: name %q is not printable", ErrInvite, v.Name)
	case len(v.Peers) > MaxInvitePeers:
		return fmt.Errorf("%w: %d peers, limit %d", ErrInvite, len(v.Peers), MaxInvitePeers)
	}
	for _, a := range v.Peers {
		if err := a.check(); err != nil {
			return fmt.Errorf("%w: %w", ErrInvite, err)
		}
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Encode returns v as text, or the error of Check.
func (v Invite) Encode() (string, error) {
	if err := v.Check(); err != nil {
		return "", err
	}
	b := append([]byte{inviteVersion}, v.Key[:]...)
	b = append(append(b, byte(len(v.Name))), v.Name...)
	b = append(b, byte(len(v.Peers)))
	for _, a := range v.Peers {
		b = append(b, a.Peer[:]...)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(a.Host)))
		b = append(b, a.Host...)
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, inviteCRC))
	return invitePrefix + inviteText.EncodeToString(b), nil
}

// String returns v as text, secret and all. It never fails: a name is cut to
// what fits, peers past the limit or without a dialable address are left out.
// Encode is for callers who would rather hear of it.
func (v Invite) String() string {
	s, err := v.fitted().Encode()
	if err != nil {
		return "(" + err.Error() + ")" // which ParseInvite refuses; fitted leaves no cause for it
	}
	return s
}

// fitted returns v without what Check would refuse.
func (v Invite) fitted() Invite {
	name := ""
	for _, r := range v.Name {
		if r == utf8.RuneError || unprintable(r) {
			continue
		}
		if len(name)+utf8.RuneLen(r) > MaxInviteName {
			break
		}
		name += string(r)
	}
	fit := Invite{Key: v.Key, Name: name}
	for _, a := range v.Peers {
		if a.check() == nil && len(fit.Peers) < MaxInvitePeers {
			fit.Peers = append(fit.Peers, a)
		}
	}
	return fit
}

// GoString hides the key from %#v.
func (v Invite) GoString() string { return "invite " + secretForPeople }

// ParseInvite decodes an invite. Space around it and upper case do no harm;
// anything else does, and the error is a *InviteError, which is ErrInvite.
func ParseInvite(s string) (*Invite, error) {
	s = strings.TrimSpace(s)
	b, err := decodeInviteText(s)
	if err != nil {
		return nil, err
	}
	if !crcFits(b) {
		return nil, explainDamage(strings.ToLower(s), b)
	}
	return decodeInvite(b[:len(b)-crcBytes])
}

func crcFits(b []byte) bool {
	n := len(b) - crcBytes
	return n >= 0 && crc32.Checksum(b[:n], inviteCRC) == binary.LittleEndian.Uint32(b[n:])
}
