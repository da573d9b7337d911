// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
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
