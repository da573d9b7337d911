// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// MaxRanges is the most ranges that one record erases.
const MaxRanges = 1000

// A LogRange is a run of events of a log; 48 bytes:
//
//	offset  bytes  field
//	     0     32  log id
//	    32      8  first sequence
//	    40      8  count, at least 1; first and count together at most 2⁴⁸−1
type LogRange struct {
	Log digest.Hash
	Range
}

// A Range is a run of events; 16 bytes:
//
//	offset  bytes  field
//	     0      8  first sequence
//	     8      8  count, at least 1; first and count together at most 2⁴⁸−1
type Range struct{ First, Count uint64 }

func codeRange(c *coder, r *Range) {
	c.size(&r.First)
	c.size(&r.Count)
	c.check(r.Count > 0 && r.First+r.Count <= MaxSize, "%d events from %d", r.Count, r.First)
}

func codeLogRange(c *coder, r *LogRange) {
	c.hash(&r.Log)
	codeRange(c, &r.Range)
}

// logRanges is a list of ranges, rising by log id and sequence, which neither
// overlap nor touch.
func (c *coder) logRanges(s *[]LogRange) {
	list(c, s, 1, MaxRanges, 48, codeLogRange)
	for i := 1; i < len(*s) && c.err == nil; i++ {
		a, b := &(*s)[i-1], &(*s)[i]
		order := bytes.Compare(a.Log[:], b.Log[:])
		c.check(order < 0 || order == 0 && a.First+a.Count < b.First, "range %d does not rise", i)
	}
}

// Erase asks everybody to forget payloads, once the days in genesis are over.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40      2  n, 1 to 1,000
//	    42   48*n  ranges, rising, which neither overlap nor touch
type Erase struct {
	Ask    AskRef
	Ranges []LogRange
}

// Type returns "xf/erase".
func (*Erase) Type() string { return "xf/erase" }

func (e *Erase) code(c *coder) {
	c.ask(&e.Ask)
	c.logRanges(&e.Ranges)
}
