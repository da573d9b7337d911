// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xaeroflux/xaeroflux/digest"
)

// An invite is "xf1" and the lower-case base32 (RFC 4648, no padding) of:
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1     32  topic key
//	    33      1  n, length of the name
//	    34      n  name, UTF-8
//	  34+n      1  number of addresses
//	          each 32 bytes of peer id, 1 of length, that many of host:port
//	   end      4  first bytes of the tagged hash of all before
const (
	invitePrefix   = "xf1"
	inviteVersion  = 1
	inviteSumBytes = 4

	MaxInviteName  = 64 // bytes of a topic's name in an invite
	MaxInvitePeers = 8  // addresses in an invite
)

// ErrInvite is returned for text that is no invite.
var ErrInvite = errors.New("not a valid invite")

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// An Invite lets its holder join a topic.
type Invite struct {
	Key   TopicKey
	Name  string    // at most MaxInviteName bytes, printable; longer ones are cut
	Peers []Address // at most MaxInvitePeers, where members can be reached; more are left out
}

// String returns the invite as text, about 65 characters without addresses.
func (i Invite) String() string {
	b := append([]byte{inviteVersion}, i.Key[:]...)
	name := i.Name
	for len(name) > MaxInviteName || !utf8.ValidString(name) && name != "" {
		name = name[:len(name)-1]
	}
	b = append(append(b, byte(len(name))), name...)
	peers := i.Peers
	if len(peers) > MaxInvitePeers {
		peers = peers[:MaxInvitePeers]
	}
	b = append(b, byte(len(peers)))
	for _, a := range peers {
		b = append(append(b, a.Peer[:]...), byte(len(a.Host)))
		b = append(b, a.Host...)
	}
	return invitePrefix + base32Lower.EncodeToString(append(b, inviteSum(b)...))
}

func inviteSum(b []byte) []byte {
	h := digest.Tagged("xaeroflux invite v1", b)
	return h[:inviteSumBytes]
}

// ParseInvite decodes what String returns. Space around it and upper case are
// forgiven; a typo anywhere is found by its checksum.
func ParseInvite(s string) (*Invite, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if !strings.HasPrefix(s, invitePrefix) {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrInvite, invitePrefix)
	}
	for i, r := range s[len(invitePrefix):] {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz234567", r) {
			return nil, fmt.Errorf("%w: character %d is %q; check for a typo", ErrInvite, len(invitePrefix)+i+1, r)
		}
	}
	b, err := base32Lower.DecodeString(s[len(invitePrefix):])
	if err != nil || len(b) < 1+32+1+1+inviteSumBytes {
		return nil, fmt.Errorf("%w: %d characters are too few or one was lost; copy all of it", ErrInvite, len(s))
	}
	body, sum := b[:len(b)-inviteSumBytes], b[len(b)-inviteSumBytes:]
	if string(sum) != string(inviteSum(body)) || base32Lower.EncodeToString(b) != s[len(invitePrefix):] {
		return nil, fmt.Errorf("%w: its checksum does not match; check for a typo or a missing part", ErrInvite)
	}
	return decodeInvite(body)
}

func decodeInvite(b []byte) (*Invite, error) {
	if b[0] != inviteVersion {
		return nil, fmt.Errorf("%w: version %d, this program knows %d; use a newer one", ErrInvite, b[0], inviteVersion)
	}
	r := inviteReader{rest: b[1:]}
	i := &Invite{Key: TopicKey(r.take(32))}
	i.Name = string(r.take(int(r.byte())))
	n := int(r.byte())
	for range n {
		a := Address{Peer: PeerID(r.take(32))}
		a.Host = string(r.take(int(r.byte())))
		if r.short {
			break
		}
		if _, err := ParseAddress(a.String()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvite, err)
		}
		i.Peers = append(i.Peers, a)
	}
	switch {
	case r.short || len(r.rest) > 0 || n > MaxInvitePeers:
		return nil, fmt.Errorf("%w: its parts do not fit its length", ErrInvite)
	case len(i.Name) > MaxInviteName || strings.ContainsFunc(i.Name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return nil, fmt.Errorf("%w: its name is too long or not printable", ErrInvite)
	}
	return i, nil
}

// inviteReader takes bytes while there are enough; short says that there were
// not.
type inviteReader struct {
	rest  []byte
	short bool
}

func (r *inviteReader) take(n int) []byte {
	if n > len(r.rest) {
		r.short, r.rest = true, nil
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *inviteReader) byte() byte { return r.take(1)[0] }
