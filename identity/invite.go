// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

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

// GoString hides the key from %#v.
func (v Invite) GoString() string { return "invite " + secretForPeople }
