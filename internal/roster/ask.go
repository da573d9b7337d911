// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// An Ask is the body of an event in a data log that the steward reads: all of
// type "xf/…", in clear in sealed topics too. It has no effect by itself.
type Ask interface {
	body
	// Type returns the type of the event that carries the ask.
	Type() string
}

// askNames names what a request is for.
var askNames = map[uint8]string{
	AskRemove: "remove", AskRole: "role", AskInvite: "invite", AskUninvite: "uninvite", AskCut: "cut",
	AskErase: "erase", AskGrant: "grant", AskSnapshot: "snapshot", AskAdmit: "admit", AskHandover: "handover",
}

// AskName says to people what is asked for, in a word.
func AskName(a Ask) string {
	if q, ok := a.(*Request); ok {
		return askNames[q.What]
	}
	return strings.TrimPrefix(a.Type(), "xf/")
}

// DecodeAsk decodes the body of an event of type "xf/…" in a data log. The
// error is ErrMalformed.
func DecodeAsk(typ string, body []byte) (Ask, error) {
	var a Ask
	switch typ {
	case "xf/ask":
		a = new(Request)
	case "xf/join":
		a = new(Join)
	case "xf/leave":
		a = new(Leave)
	case "xf/device":
		a = new(DeviceAsk)
	case "xf/erase":
		a = new(EraseOwn)
	case "xf/snapshot":
		a = new(OwnSnapshot)
	default:
		return nil, fmt.Errorf("%w: type %.80q is none of a data log's", ErrMalformed, typ)
	}
	if err := decode(body, a); err != nil {
		return nil, fmt.Errorf("%s: %w", typ, err)
	}
	return a, nil
}

// EncodeAsk appends the body of a to dst. The error is ErrMalformed.
func EncodeAsk(dst []byte, a Ask) ([]byte, error) { return encode(dst, a) }

// Join is record 0 of a newcomer's log.
//
//	offset  bytes  field
//	     0     96  invite proof
//	    96      s  signed card, which names this log
type Join struct {
	By   InviteProof
	Card SignedCard
}

// Type returns "xf/join".
func (*Join) Type() string { return "xf/join" }

func (j *Join) code(c *coder) {
	codeInviteProof(c, &j.By)
	codeSignedCard(c, &j.Card)
}

// Leave asks that the author's account is removed. It has no bytes.
type Leave struct{}

// Type returns "xf/leave".
func (*Leave) Type() string { return "xf/leave" }

func (*Leave) code(*coder) {}

// DeviceAsk asks for a device: its body is a signed device. In record 0 of a
// log it is about the device that writes it.
type DeviceAsk struct{ Device SignedDevice }

// Type returns "xf/device".
func (*DeviceAsk) Type() string { return "xf/device" }

func (d *DeviceAsk) code(c *coder) { codeSignedDevice(c, &d.Device) }

// EraseOwn erases payloads of the log that it stands in, at once.
//
//	offset  bytes  field
//	     0      2  n, 1 to 1,000
//	     2   16*n  ranges, rising, which neither overlap nor touch
type EraseOwn struct{ Ranges []Range }

// Type returns "xf/erase".
func (*EraseOwn) Type() string { return "xf/erase" }

func (e *EraseOwn) code(c *coder) {
	list(c, &e.Ranges, 1, MaxRanges, 16, codeRange)
	for i := 1; i < len(e.Ranges) && c.err == nil; i++ {
		c.check(e.Ranges[i-1].First+e.Ranges[i-1].Count < e.Ranges[i].First, "range %d does not rise", i)
	}
}

// OwnSnapshot vouches for the state of a view without the steward: its body is
// a view state.
type OwnSnapshot struct{ State ViewState }

// Type returns "xf/snapshot".
func (*OwnSnapshot) Type() string { return "xf/snapshot" }

func (o *OwnSnapshot) code(c *coder) { codeViewState(c, &o.State) }

// Log returns the id of the log that a join is record 0 of.
func (j *Join) Log(topic digest.Hash) digest.Hash { return j.Card.Card.Log(topic) }
