// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
)

// A Body is what a DIFF says on the way to finding out which logs differ. Its
// bytes, the DIFF's body, are a kind and a round, both varints, and then the
// fields of the kind, to the last byte.
type Body interface {
	kind() uint64
	fields(b []byte) []byte
}

// The kinds. Short ids and items are those of package syncer: salted, of the
// log, and of the log with its size and root.
type (
	// CursorBody lists the logs that changed here since both sides held the
	// same: salt, logs u64, digest, list.
	CursorBody struct {
		Salt  sketch.Salt
		Since digest.Set
		Logs  []ShortState
	}
	// SymbolsBody is a part of a sketch of the sender's logs: salt, items,
	// first, symbols.
	SymbolsBody struct {
		Salt    sketch.Salt
		Items   uint64 // in the set
		First   uint64 // index of the first symbol
		Symbols []sketch.Symbol
	}
	// ItemsBody is items of all logs of the sender: salt, list.
	ItemsBody struct {
		Salt  sketch.Salt
		Items []uint64 // increasing
	}
	// AnswerBody lists the logs that differ, with what its sender holds; size 0
	// is a log that it does not have: list.
	AnswerBody struct{ Logs []ShortState }
	// AskBody asks for symbols up to a number, or with 0 for a round to begin:
	// number.
	AskBody struct{ Symbols uint64 }
	// NextBody says that this rung did not do, and asks for the next.
	NextBody struct{}
)

// A ShortState is what a peer holds of one log, by its short id.
type ShortState struct {
	ID   uint64 // at most MaxShortID, increasing in a list
	Size uint64
}

// MaxShortID is the largest short id of a log: 40 bits.
const MaxShortID = 1<<40 - 1

const (
	kindNext = iota
	kindCursor
	kindSymbols
	kindItems
	kindAnswer
	kindAsk
)

func (*CursorBody) kind() uint64  { return kindCursor }
func (*SymbolsBody) kind() uint64 { return kindSymbols }
func (*ItemsBody) kind() uint64   { return kindItems }
func (*AnswerBody) kind() uint64  { return kindAnswer }
func (*AskBody) kind() uint64     { return kindAsk }
func (*NextBody) kind() uint64    { return kindNext }

func (m *CursorBody) fields(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(append(b, m.Salt[:]...), m.Since.Count)
	return appendStates(append(b, m.Since.Sum[:]...), m.Logs)
}

func (m *SymbolsBody) fields(b []byte) []byte {
	b = binary.AppendUvarint(append(b, m.Salt[:]...), m.Items)
	b = binary.AppendUvarint(b, m.First)
	return sketch.AppendSymbols(b, m.Items, m.First, m.Symbols)
}

func (m *ItemsBody) fields(b []byte) []byte {
	b = append(b, m.Salt[:]...)
	last := uint64(0)
	for _, x := range m.Items {
		b, last = binary.AppendUvarint(b, x-last), x
	}
	return b
}

func (m *AnswerBody) fields(b []byte) []byte { return appendStates(b, m.Logs) }
func (m *AskBody) fields(b []byte) []byte    { return binary.AppendUvarint(b, m.Symbols) }
func (*NextBody) fields(b []byte) []byte     { return b }

func appendStates(b []byte, logs []ShortState) []byte {
	last := uint64(0)
	for _, l := range logs {
		b = binary.AppendUvarint(b, l.ID-last)
		b, last = binary.AppendUvarint(b, l.Size), l.ID
	}
	return b
}

// EncodeBody returns the bytes of a body in a round.
func EncodeBody(round uint64, m Body) []byte {
	return m.fields(binary.AppendUvarint(binary.AppendUvarint(nil, m.kind()), round))
}

// DecodeBody reads what EncodeBody wrote. The result shares nothing with b.
func DecodeBody(b []byte) (round uint64, m Body, err error) {
	r := &bodyReader{b: b}
	kind := r.uvarint()
	round = r.uvarint()
	switch kind {
	case kindNext:
		m = &NextBody{}
	case kindCursor:
		c := &CursorBody{Salt: r.salt()}
		c.Since.Count = r.u64()
		copy(c.Since.Sum[:], r.take(digest.Size))
		c.Logs = r.states()
		m = c
	case kindSymbols:
		m = r.symbols()
	case kindItems:
		m = &ItemsBody{Salt: r.salt(), Items: r.items()}
	case kindAnswer:
		m = &AnswerBody{Logs: r.states()}
	case kindAsk:
		m = &AskBody{Symbols: r.uvarint()}
	default:
		r.bad = true
	}
	if r.bad || len(r.b) > 0 {
		return 0, nil, &DecodeError{Message: TypeDiff, Field: "body", What: "not of a kind that is known, or cut off", Err: ErrMalformed}
	}
	return round, m, nil
}

// A bodyReader reads fields until one is bad.
type bodyReader struct {
	b   []byte
	bad bool
}

func (r *bodyReader) take(n int) []byte {
	if len(r.b) < n {
		r.b, r.bad = nil, true
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *bodyReader) salt() sketch.Salt { return sketch.Salt(r.take(16)) }

func (r *bodyReader) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *bodyReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *bodyReader) symbols() Body {
	m := &SymbolsBody{Salt: r.salt(), Items: r.uvarint(), First: r.uvarint()}
	var err error
	m.Symbols, err = sketch.ParseSymbols(r.b, m.Items, m.First)
	r.b, r.bad = nil, r.bad || err != nil
	return m
}

// items reads increasing numbers. Each takes a byte at least, so room is made
// for no more than came.
func (r *bodyReader) items() []uint64 {
	var all []uint64
	for last := uint64(0); len(r.b) > 0; {
		x := last + r.uvarint()
		if r.bad || len(all) > 0 && x <= last {
			r.b, r.bad = nil, true
			return nil
		}
		all, last = append(all, x), x
	}
	return all
}

func (r *bodyReader) states() []ShortState {
	var all []ShortState
	for last := uint64(0); len(r.b) > 0; {
		s := ShortState{ID: last + r.uvarint(), Size: r.uvarint()}
		if r.bad || s.ID > MaxShortID || s.Size > MaxCount || len(all) > 0 && s.ID <= last {
			r.b, r.bad = nil, true
			return nil
		}
		all, last = append(all, s), s.ID
	}
	return all
}

// SortStates brings a list into the order it is written in.
func SortStates(logs []ShortState) {
	slices.SortFunc(logs, func(a, b ShortState) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
}
