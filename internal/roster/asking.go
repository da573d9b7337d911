// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// NewRequest returns an ask for what content says, by a member that holds s: a
// *Target, *RoleChange, *Invite, *Key of an invite to close, *AskedCut,
// *[]LogRange to erase, *Right, *ViewState or *AskedAdmit; nil asks that the
// author's device becomes the steward. The other asks of members are Leave and
// DeviceAsk, which need no position. The error is ErrMalformed, also if s holds
// no position yet.
func NewRequest(s *State, content any) (*Request, error) {
	r := &Request{At: s.Point(), What: whatOf(content), Content: content}
	if _, err := EncodeAsk(nil, r); err != nil {
		return nil, fmt.Errorf("xf/ask: %w", err)
	}
	return r, nil
}

// whatOf returns which action has content of this type, or 0.
func whatOf(content any) uint8 {
	switch content.(type) {
	case *Target:
		return AskRemove
	case *RoleChange:
		return AskRole
	case *Invite:
		return AskInvite
	case *Key:
		return AskUninvite
	case *AskedCut:
		return AskCut
	case *[]LogRange:
		return AskErase
	case *Right:
		return AskGrant
	case *ViewState:
		return AskSnapshot
	case *AskedAdmit:
		return AskAdmit
	case nil:
		return AskHandover
	}
	return 0
}

// NewJoin returns record 0 of a newcomer's log, signed by the keys of the account,
// the device and the invite.
func NewJoin(topic digest.Hash, k Card, account, device, invite ed25519.PrivateKey) *Join {
	return &Join{ProveInvite(topic, k, invite), SignCard(topic, k, account, device)}
}
