// SPDX-License-Identifier: MPL-2.0

package roster

// Actions that a request asks for.
const (
	AskRemove   = 1
	AskRole     = 2
	AskInvite   = 3
	AskUninvite = 4
	AskCut      = 5
	AskErase    = 6
	AskGrant    = 7
	AskSnapshot = 8
	AskAdmit    = 9
	AskHandover = 10
)

// Request asks the steward for a change.
//
//	offset  bytes  field
//	     0     46  roster position that its author held (Point)
//	    46      1  what
//	    47      …  by what:
//	                 1 remove    target
//	                 2 role      role change
//	                 3 invite    invite
//	                 4 uninvite  invite key 32
//	                 5 cut       cut (Prefix), 1 if a fork is shown else 0, fork if so
//	                 6 erase     n u16, n ranges of logs
//	                 7 grant     right
//	                 8 snapshot  state of a view
//	                 9 admit     role u8, 2 admin to 5 replica, signed card
//	                10 handover  nothing: to the device that asks
//
// Each is the block that the record has too.
type Request struct {
	At      Point
	What    uint8
	Content any // *Target, *RoleChange, *Invite, *Key, *AskedCut, *[]LogRange, *Right, *ViewState, *AskedAdmit or nil
}

// An AskedCut is what is asked for by AskCut.
type AskedCut struct {
	Cut  Prefix
	Fork *Fork
}

// An AskedAdmit is what is asked for by AskAdmit.
type AskedAdmit struct {
	Role Role
	Card SignedCard
}

// Type returns "xf/ask".
func (*Request) Type() string { return "xf/ask" }

func (r *Request) code(c *coder) {
	codePoint(c, &r.At)
	c.u8(&r.What)
	switch r.What {
	case AskRemove:
		content(c, r, codeTarget)
	case AskRole:
		content(c, r, codeRoleChange)
	case AskInvite:
		content(c, r, codeInvite)
	case AskUninvite:
		content(c, r, (*coder).key)
	case AskCut:
		content(c, r, func(c *coder, a *AskedCut) {
			codePrefix(c, &a.Cut)
			optional(c, &a.Fork, codeFork)
		})
	case AskErase:
		content(c, r, (*coder).logRanges)
	case AskGrant:
		content(c, r, codeRight)
	case AskSnapshot:
		content(c, r, codeViewState)
	case AskAdmit:
		content(c, r, func(c *coder, a *AskedAdmit) {
			c.role(&a.Role, Admin, Replica)
			codeSignedCard(c, &a.Card)
		})
	case AskHandover:
		c.check(r.Content == nil, "content %T of a handover", r.Content)
	default:
		c.fail("what is asked for is %d", r.What)
	}
}

// content codes what a request holds, which is a *T.
func content[T any](c *coder, r *Request, each func(*coder, *T)) {
	if c.err != nil {
		return
	}
	v, ok := r.Content.(*T)
	if c.writing && !ok {
		c.fail("what %d with content %T", r.What, r.Content)
		return
	}
	if !c.writing {
		v = new(T)
		r.Content = v
	}
	each(c, v)
}
