// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode"
)

// ErrInvite is what every error of ParseInvite is.
var ErrInvite = errors.New("not a valid invite")

// A Fault is what is wrong with an invite.
type Fault int

// The faults of an invite.
const (
	FaultPrefix    Fault = iota + 1 // does not begin like an invite
	FaultVersion                    // of a version unknown here
	FaultCharacter                  // holds a character that no invite holds
	FaultTypo                       // the checksum does not fit
	FaultTruncated                  // ends too early
	FaultTrailing                   // goes on after its end
	FaultContent                    // undamaged, but its contents are refused
)

// An InviteError says what is wrong with an invite. It never quotes more of it
// than one character, for an invite is secret.
type InviteError struct {
	Fault Fault
	At    int    // the character at fault, counted from 1; 0 if that is unknown
	What  string // for people
}

// Error implements error.
func (e *InviteError) Error() string { return ErrInvite.Error() + ": " + e.What }

// Is makes every InviteError an ErrInvite.
func (e *InviteError) Is(target error) bool { return target == ErrInvite }

func fault(f Fault, at int, format string, args ...any) error {
	return &InviteError{Fault: f, At: at, What: fmt.Sprintf(format, args...)}
}

// unwrapped is a text without white space and byte order marks.
func unwrapped(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\ufeff' {
			return -1
		}
		return r
	}, s)
}

// IsInvite reports whether s begins as an invite of some version does.
func IsInvite(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n\ufeff")
	n := len(invitePrefix) - 1
	return len(s) > n+1 && strings.EqualFold(s[:n], invitePrefix[:n]) && '1' <= s[n] && s[n] <= '9'
}

// ParseInvite decodes an invite. White space in it, as of a mail that wrapped its lines,
// a byte order mark before it and upper case do no harm; anything else does, and the
// error is a *InviteError, which is ErrInvite. Characters are counted without white space.
func ParseInvite(s string) (*Invite, error) {
	s = unwrapped(s)
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

// decodeInviteText checks the prefix and the characters and returns the bytes.
func decodeInviteText(s string) ([]byte, error) {
	if len(s) < len(invitePrefix) || !strings.EqualFold(s[:len(invitePrefix)], invitePrefix) {
		if len(s) > 2 && strings.EqualFold(s[:3], "xf1") {
			return nil, fault(FaultVersion, 3, "it begins with \"xf1\", want %q: check for a typo, or ask for a new one, for it is of an older version", invitePrefix)
		}
		if len(s) > 2 && strings.EqualFold(s[:2], invitePrefix[:2]) && '3' <= s[2] && s[2] <= '9' {
			return nil, fault(FaultVersion, 3, "it begins with %q, want %q: check for a typo, or it is for a newer version", s[:3], invitePrefix)
		}
		return nil, fault(FaultPrefix, 1, "it does not begin with %q: check for a typo, and that all of it was copied", invitePrefix)
	}
	if max := len(invitePrefix) + inviteText.EncodedLen(maxInviteBytes); len(s) > max {
		return nil, fault(FaultTrailing, max+1, "%d characters, limit %d: check that nothing else was copied with it", len(s), max)
	}
	text := []byte(s[len(invitePrefix):])
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			text[i] = c + 'a' - 'A'
		} else if strings.IndexByte(inviteAlphabet, c) < 0 {
			at := len(invitePrefix) + i + 1
			return nil, fault(FaultCharacter, at, "character %d is %q, want a letter or one of 2 to 7: check for a typo", at, c)
		}
	}
	return decodeBase32(string(text))
}

// decodeBase32 decodes what is behind the prefix. encoding/base32 drops what
// does not fill a byte without a word: neither a character too few nor bits
// that are not of the invite may pass.
func decodeBase32(text string) ([]byte, error) {
	n := len(invitePrefix) + len(text)
	b, err := inviteText.DecodeString(text)
	if rest := len(text) % 8; err != nil || rest == 1 || rest == 3 || rest == 6 {
		return nil, fault(FaultTruncated, 0, "%d characters, which no invite has: check for a typo, and that all of it was copied", n)
	}
	if inviteText.EncodeToString(b) == text {
		return b, nil
	}
	if _, whole := inviteLen(b); !whole { // cut, rather than its last character mistyped
		return nil, tooShort(b)
	}
	return nil, fault(FaultTypo, n, "its last character is wrong: check for a typo")
}

func tooShort(b []byte) error {
	return fault(FaultTruncated, 0, "it ends after %d bytes, too early: check for a typo, and that all of it was copied", len(b))
}

// decodeInvite decodes what Encode wrote, without the CRC, which has been
// checked: what it refuses was made so.
func decodeInvite(b []byte) (*Invite, error) {
	v, r := &Invite{}, reader{b: b}
	if r.uint8() != inviteVersion {
		return nil, fault(FaultVersion, 0, "its version is unknown here: it is for a newer version")
	}
	genesis := r.take(r.uint16())
	if err := v.parseSecrets(&r); err != nil {
		return nil, err
	}
	if err := v.parsePosition(&r); err != nil {
		return nil, err
	}
	v.Name = string(r.take(r.uint8()))
	v.parsePeers(&r)
	switch {
	case r.short:
		return nil, fault(FaultTruncated, 0, "it ends too early: check that all of it was copied")
	case len(r.b) > 0:
		return nil, fault(FaultTrailing, 0, "%d bytes too many", len(r.b))
	}
	g, err := ParseGenesis(genesis)
	if err != nil {
		return nil, refused(err)
	}
	v.Genesis = *g
	if err := v.Check(); err != nil {
		return nil, refused(err)
	}
	return v, nil
}

func (v *Invite) parseSecrets(r *reader) error {
	copy(v.Keys.Lobby[:], r.take(KeyBytes))
	copy(v.Keys.Join[:], r.take(KeyBytes))
	n := r.uint8()
	if n != 0 && n != KeyBytes {
		return fault(FaultContent, 0, "its seed is of %d bytes, want 0 or %d", n, KeyBytes)
	}
	copy(v.Seed[:], r.take(n))
	if n != 0 && !r.short && v.Seed.IsZero() {
		return fault(FaultContent, 0, "its seed is all zero")
	}
	v.Role = Role(r.uint8())
	v.Expires = r.uint(6)
	v.Uses = uint16(r.uint16())
	return nil
}

func (v *Invite) parsePosition(r *reader) error {
	switch n := r.uint8(); n {
	case 0:
		return nil
	case PositionBytes:
		b := r.take(n)
		if r.short {
			return nil
		}
		p, err := ParsePosition(b)
		if err != nil {
			return refused(err)
		}
		v.Roster = &p
		return nil
	default:
		return fault(FaultContent, 0, "its roster position is of %d bytes, want 0 or %d", n, PositionBytes)
	}
}

func (v *Invite) parsePeers(r *reader) {
	for n := r.uint8(); n > 0 && !r.short; n-- {
		var a Address
		copy(a.Peer[:], r.take(KeyBytes))
		a.Host = string(r.take(r.uint16()))
		v.Peers = append(v.Peers, a)
	}
}

// refused is the fault of contents that a check refuses.
func refused(err error) error {
	return fault(FaultContent, 0, "%s", strings.TrimPrefix(err.Error(), ErrInvite.Error()+": "))
}
