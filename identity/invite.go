// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An invite is "xf2" and then, in lower-case base32 (RFC 4648, no padding):
//
//	bytes  field
//	    1  version, 2
//	    2  g, length of the genesis (little-endian uint16)
//	    g  genesis body
//	   32  lobby key
//	   32  join key
//	    1  s, length of the seed: 32, or 0 if there is none
//	    s  seed, not all zero
//	    1  role: 2 admin, 3 writer, 4 reader, 5 replica, 6 device; 0 without a seed
//	    6  expiry in seconds since 1970 (little-endian), 0 never
//	    2  uses (little-endian uint16), 0 without a seed
//	    1  p, length of the roster position: 46, or 0 if there is none
//	    p  roster position (Position)
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
	invitePrefix  = "xf2"
	inviteVersion = 2

	MaxInviteName  = 64 // bytes of an invite's name
	MaxInvitePeers = 8  // addresses in an invite

	maxInviteBytes = 1 + 2 + MaxGenesisBytes + 2*KeyBytes + 1 + KeyBytes + 1 + 6 + 2 + 1 + PositionBytes +
		1 + MaxInviteName + 1 + MaxInvitePeers*(KeyBytes+2+MaxHost) + crcBytes
	crcBytes = 4
)

var (
	inviteText = base32.NewEncoding(inviteAlphabet).WithPadding(base32.NoPadding)
	inviteCRC  = crc32.MakeTable(crc32.Castagnoli)
)

const inviteAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// An Invite is what a member of a topic gives to a new one: the topic's genesis
// and keys, a seed from which the key of the invite derives, a name for people,
// and where to find members. It is as secret as the keys.
//
// A topic that is not open takes in only who has a seed whose key an invite
// record names.
type Invite struct {
	Genesis Genesis
	Keys    TopicKeys // the join key as it was when the invite was made
	Seed    Secret    // zero if there is none, which only an open topic may do with
	Role    Role      // RoleAdmin to RoleDevice; 0 without a seed
	Expires uint64    // in seconds since 1970; 0 never
	Uses    uint16    // how many may join by it; 0 without a seed
	Roster  *Position // a roster position that counted then, or nil
	Name    string    // at most MaxInviteName bytes, printable; may be empty
	Peers   []Address // at most MaxInvitePeers
}

// Topic returns the id of the topic.
func (v Invite) Topic() TopicID { return v.Genesis.ID() }

// Key returns the invite's signing key, whose public half is its name, or nil
// if it has no seed: a key that everybody knows is none.
func (v Invite) Key() ed25519.PrivateKey {
	if v.Seed.IsZero() {
		return nil
	}
	return signingKey(v.Seed, labelInviteKey)
}

// KEMSeed returns the seed of the invite's MLKEM768X25519 key, or zero if the
// invite has no seed.
func (v Invite) KEMSeed() Secret {
	if v.Seed.IsZero() {
		return Secret{}
	}
	return derive(v.Seed[:], labelInviteKEM)
}

// Check checks that v is within its limits, and that its keys are those of its
// genesis.
func (v Invite) Check() error {
	for _, check := range []func() error{v.Genesis.Check, v.checkKeys, v.checkSeed, v.checkName, v.checkPeers} {
		if err := check(); err != nil {
			return fmt.Errorf("%w: %w", ErrInvite, err)
		}
	}
	if v.Roster == nil {
		return nil
	}
	if err := v.Roster.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvite, err)
	}
	return nil
}

func (v Invite) checkKeys() error {
	if LobbyHash(v.Keys.Lobby) != v.Genesis.LobbyHash {
		return errors.New("its lobby key is not that of its genesis")
	}
	if v.Genesis.Policy.Has(PolicyOpen) && JoinHash(v.Keys.Join) != v.Genesis.JoinHash {
		return errors.New("its join key is not that of its genesis")
	}
	return nil
}

func (v Invite) checkSeed() error {
	switch {
	case v.Expires >= 1<<48:
		return fmt.Errorf("expiry %d does not fit six bytes", v.Expires)
	case !v.Seed.IsZero() && (v.Role <= RoleOwner || v.Role > RoleDevice):
		return fmt.Errorf("role %v, want admin, writer, reader, replica or device", v.Role)
	case !v.Seed.IsZero() && v.Uses == 0:
		return errors.New("it may be used 0 times")
	case v.Seed.IsZero() && !v.Genesis.Policy.Has(PolicyOpen):
		return errors.New("no seed, in a topic that is not open")
	case v.Seed.IsZero() && (v.Role != 0 || v.Expires != 0 || v.Uses != 0):
		return errors.New("role, expiry or uses without a seed")
	}
	return nil
}

func (v Invite) checkName() error { return CheckInviteName(v.Name) }

// CheckInviteName checks that an invite can hold a topic's name.
func CheckInviteName(name string) error {
	switch {
	case len(name) > MaxInviteName:
		return fmt.Errorf("name of %d bytes, limit %d", len(name), MaxInviteName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable):
		return fmt.Errorf("name %q is not printable", name)
	}
	return nil
}

func (v Invite) checkPeers() error {
	if len(v.Peers) > MaxInvitePeers {
		return fmt.Errorf("%d peers, limit %d", len(v.Peers), MaxInvitePeers)
	}
	for _, a := range v.Peers {
		if err := a.check(); err != nil {
			return err
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
	b := v.appendSecrets([]byte{inviteVersion})
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

// appendSecrets appends the fields from genesis to the roster position.
func (v Invite) appendSecrets(b []byte) []byte {
	genesis := v.Genesis.Append(nil)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(genesis))), genesis...)
	b = append(append(b, v.Keys.Lobby[:]...), v.Keys.Join[:]...)
	if v.Seed.IsZero() {
		b = append(b, 0)
	} else {
		b = append(append(b, KeyBytes), v.Seed[:]...)
	}
	b = append(b, byte(v.Role))
	b = append(b, binary.LittleEndian.AppendUint64(nil, v.Expires)[:6]...)
	b = binary.LittleEndian.AppendUint16(b, v.Uses)
	if v.Roster == nil {
		return append(b, 0)
	}
	return v.Roster.Append(append(b, PositionBytes))
}

// String returns v as text, secret and all. A name is cut to what fits, and
// peers past the limit or without a dialable address are left out; what else
// Check refuses becomes a text that ParseInvite refuses too. Encode is for
// callers who would rather hear of it.
func (v Invite) String() string {
	s, err := v.fitted().Encode()
	if err != nil {
		return "(" + err.Error() + ")"
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
	fit := v
	fit.Name, fit.Peers = name, nil
	for _, a := range v.Peers {
		if a.check() == nil && len(fit.Peers) < MaxInvitePeers {
			fit.Peers = append(fit.Peers, a)
		}
	}
	return fit
}

// GoString hides the key from %#v.
func (v Invite) GoString() string { return "invite " + secretForPeople }

// IsInvite reports whether s begins as an invite of some version does.
func IsInvite(s string) bool {
	n := len(invitePrefix) - 1
	return len(s) > n+1 && strings.EqualFold(s[:n], invitePrefix[:n]) && '1' <= s[n] && s[n] <= '9'
}

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
