// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/internal/digest"

// Answer settles the asks of a log below a size: those that no record named are
// refused; 40 bytes:
//
//	offset  bytes  field
//	     0     32  log id
//	    32      8  size, at least 1
type Answer struct {
	Log  digest.Hash
	Size uint64
}

// Type returns "xf/answer".
func (*Answer) Type() string { return "xf/answer" }

func (a *Answer) code(c *coder) {
	c.hash(&a.Log)
	c.size(&a.Size)
	c.check(a.Size > 0, "an answer to nothing")
}

// Handover is the last record of a leg and names the steward of the next; 72
// bytes:
//
//	offset  bytes  field
//	     0     40  ask (AskRef), in a log of that device
//	    40     32  device key
type Handover struct {
	Ask    AskRef
	Device Key
}

// Type returns "xf/handover".
func (*Handover) Type() string { return "xf/handover" }

func (h *Handover) code(c *coder) {
	c.ask(&h.Ask)
	c.key(&h.Device)
}
