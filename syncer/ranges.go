// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A Range is events from anywhere in a log with all it takes to see that they
// are under the head: nothing of the log before or behind them is needed. One
// without events tells the head.
type Range struct {
	Info    LogInfo // Log, Topic, Author, PageBytes
	First   uint64
	Count   int
	Records []byte
	Leaves  []digest.Hash
	Head    proof.Head
	Left    []digest.Hash // compact range [0, First)
	Right   []digest.Hash // compact range [End, Head.Size)
}

// End returns the sequence after the last event.
func (r *Range) End() uint64 { return r.First + uint64(r.Count) }

// VerifyRange checks that what m brings is proven by itself to be of the log
// of info, and that the log's author signed the head. If info has no author
// yet, m's is taken, as the log's id binds it. It is a pure function.
//
// The error is an *ErasedError if some of the events are erased.
func VerifyRange(info LogInfo, m *messages.RangeResponse) (*Range, error) {
	return verifyRange(info, m, nil)
}

func verifyRange(info LogInfo, m *messages.RangeResponse, may Erasable) (*Range, error) {
	if m.Log != info.Log {
		return nil, violation(messages.CodeBadRange, "a range of log %s, asked for log %s", m.Log.Short(), info.Log.Short())
	}
	name := named(&Topic{ID: info.Topic, Policy: info.Policy, Genesis: info.Genesis}, m.Log, m.Author, m.PageBytes, m.Kind, m.Number)
	if err := checkLog(name); err != nil {
		return nil, err
	}
	info.Author, info.PageBytes, info.Kind, info.Number = m.Author, m.PageBytes, m.Kind, m.Number
	v := &Range{Info: info, First: m.First, Records: m.Records, Head: headOf(m.Log, m.Head), Left: m.Left, Right: m.Right}
	var err error
	var gone erased
	if v.Leaves, err = leavesOf(m.Log, m.First, m.Records, int(m.Count), &gone); err != nil {
		return nil, err
	}
	v.Count = len(v.Leaves)
	if m.Head.Size == 0 {
		return nil, violation(messages.CodeBadRange, "log %s: a head of no events", m.Log.Short())
	}
	if err = v.verify(); err == nil {
		err = gone.covered(m.Log, may)
	}
	return v, err
}

// leavesOf decodes records that must be whole and nothing else, and notes which
// of them are erased.
func leavesOf(log digest.Hash, first uint64, records []byte, count int, gone *erased) ([]digest.Hash, error) {
	leaves := make([]digest.Hash, 0, count)
	rest := records
	for range count {
		seq := first + uint64(len(leaves))
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return nil, violation(messages.CodeBadEvents, "log %s event %d: %v", log.Short(), seq, err)
		}
		if rec.Erased() {
			gone.add(seq, seq+1)
		}
		leaves, rest = append(leaves, rec.LeafHash()), rest[n:]
	}
	if len(rest) > 0 {
		return nil, violation(messages.CodeBadEvents, "log %s: %d bytes after the last record", log.Short(), len(rest))
	}
	return leaves, nil
}

// verify holds the leaves against the head.
func (r *Range) verify() error {
	left, err := mmrindex.New(r.First, r.Left)
	if err != nil {
		return violation(messages.CodeBadRange, "log %s: what is left of event %d: %v", r.Info.Log.Short(), r.First, err)
	}
	mid, err := merkleindex.RangeOf(r.First, r.Leaves)
	if err != nil {
		return violation(messages.CodeBadRange, "log %s: %v", r.Info.Log.Short(), err)
	}
	_, err = underHead(left, mid, r.Right, r.Head, r.Info.Author, messages.CodeBadEvents)
	var a *astray
	if errors.As(err, &a) {
		return a.Violation // nothing that is held here can be to blame
	}
	return err
}

// Cut returns the part of r in [from, to), proven by itself under the same
// head. It shares r's records. The part must lie in r.
func (r *Range) Cut(from, to uint64) (*Range, error) {
	if from < r.First || to > r.End() || from > to {
		return nil, fmt.Errorf("events %d to %d of a range of %d to %d", from, to, r.First, r.End())
	}
	part := *r
	part.First, part.Count = from, int(to-from)
	part.Leaves = r.Leaves[from-r.First : to-r.First]
	rest, err := event.SkipRecords(r.Records, from-r.First)
	if err != nil {
		return nil, err
	}
	behind, err := event.SkipRecords(rest, to-from)
	if err != nil {
		return nil, err
	}
	part.Records = rest[:len(rest)-len(behind)]
	if part.Left, err = joined(merkleindex.CompactRange{End: r.First, Hashes: r.Left}, r.First, r.Leaves[:from-r.First]); err != nil {
		return nil, err
	}
	right, err := merkleindex.RangeOf(to, r.Leaves[to-r.First:])
	if err != nil {
		return nil, err
	}
	err = right.Merge(merkleindex.CompactRange{Begin: r.End(), End: r.Head.Size, Hashes: r.Right}, nil)
	part.Right = right.Hashes
	return &part, err
}

// joined puts leaves behind a compact range, which stays as it is.
func joined(left merkleindex.CompactRange, first uint64, leaves []digest.Hash) ([]digest.Hash, error) {
	left = left.Clone()
	r, err := merkleindex.RangeOf(first, leaves)
	if err == nil {
		err = left.Merge(r, nil)
	}
	return left.Hashes, err
}

// Follow verifies r's events again, behind the ones that the log holds: left is
// the log's peaks at size next, which lies in r, and before the time of the
// event there. The error is a *Conflict if
// r is of another history than left.
func (r *Range) Follow(own LogInfo, next uint64, before int64, left mmrindex.Peaks) (Verified, error) {
	m := &messages.Events{
		Log: r.Info.Log, Author: r.Info.Author, PageBytes: r.Info.PageBytes, Kind: r.Info.Kind, Number: r.Info.Number, First: r.First, Count: uint32(r.Count),
		Head: messages.Head{Size: r.Head.Size, Root: r.Head.Root, Sig: r.Head.Sig}, Right: r.Right, Records: r.Records,
	}
	v, _, err := verifyEvents(r.Info, m, next, before, left, anything) // it was judged when it came
	if c := conflict(err, own, left, m.Head); c != nil {
		return v, c
	}
	return v, err
}

// Fits checks that r is of the history of which left is the peaks, at a size
// that is not below r's end. The error is a *Conflict.
func (r *Range) Fits(own LogInfo, left mmrindex.Peaks) error {
	mine, err := joined(merkleindex.CompactRange{End: r.First, Hashes: r.Left}, r.First, r.Leaves)
	if err != nil {
		return err
	}
	if left.Size() != r.End() || left.Root() != merkleindex.Bag(mine) {
		return &Conflict{Log: own.Log, Ours: own.Head, Theirs: r.Head}
	}
	return nil
}

// Message returns r as it goes over the wire.
func (r *Range) Message() *messages.RangeResponse {
	return &messages.RangeResponse{
		Log: r.Info.Log, Author: r.Info.Author, PageBytes: r.Info.PageBytes, Kind: r.Info.Kind, Number: r.Info.Number, First: r.First, Count: uint32(r.Count),
		Head: wireHead(r.Head), Left: r.Left, Right: r.Right, Records: r.Records,
	}
}
