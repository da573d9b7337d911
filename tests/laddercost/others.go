// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/digest"
)

// fullFrontier has each side list every log: 8 bytes of its id, and its size.
func fullFrontier(a, b *stock, _ digest.Set) cost {
	c := cost{flights: 2} // digests, as in PEAKS, and the list
	for _, s := range []*stock{a, b} {
		for _, l := range s.logs {
			c.bytes += 8 + len(binary.AppendUvarint(nil, l.Size))
		}
	}
	c.bytes /= 2 // one side is enough: the other answers with what differs
	for _, l := range a.logs {
		if b.logs[b.index[l.Log]].Size != l.Size {
			c.found++
		}
	}
	return c
}

// Range-based reconciliation as Meyer describes it and Negentropy does it: a
// side states a fingerprint of each range of its sorted items; the other
// answers each that is not its own by the fingerprints of 16 parts, or where
// few items are left, by the items.
const (
	parts       = 16
	fingerprint = 16
	idBytes     = 16 // of an item: a hash of log, size and root
	boundBytes  = 4  // of a range's end, about: the shortest prefix that tells it
	listBelow   = 2 * parts
)

type item struct {
	hash digest.Hash
	log  digest.Hash
}

func sorted(s *stock) []item {
	all := make([]item, 0, len(s.logs))
	for _, l := range s.logs {
		all = append(all, item{digest.Tagged("item", l.Log[:], binary.LittleEndian.AppendUint64(nil, l.Size), l.Root[:]), l.Log})
	}
	slices.SortFunc(all, func(x, y item) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	return all
}

// A span is a range of hashes with what each side has in it.
type span struct {
	low    digest.Hash // and up to the next one's
	mine   []item
	theirs []item
}

// equal stands for equal fingerprints.
func (s *span) equal() bool {
	return len(s.mine) == len(s.theirs) && slices.EqualFunc(s.mine, s.theirs, func(x, y item) bool { return x.hash == y.hash })
}

func rangeBased(a, b *stock, _ digest.Set) cost {
	c := cost{}
	found := map[digest.Hash]bool{}
	open := split(span{mine: sorted(a), theirs: sorted(b)})
	c.bytes += len(open) * (fingerprint + boundBytes)
	for c.flights = 1; len(open) > 0; c.flights++ {
		var next []span
		for _, s := range open {
			s.mine, s.theirs = s.theirs, s.mine // the other side answers
			switch {
			case s.equal():
				c.bytes++ // skipped, about
			case len(s.mine) < listBelow:
				c.bytes += boundBytes + idBytes*len(s.mine)
				c.bytes += idBytes * tell(s, found) // and the other side says which of those it lacks
			default:
				sub := split(s)
				c.bytes += len(sub) * (fingerprint + boundBytes)
				next = append(next, sub...)
			}
		}
		if open = next; len(open) == 0 {
			c.flights++ // the last answer
		}
	}
	c.flights--
	c.found = len(found)
	return c
}

// tell takes note of the logs in which two lists differ, and returns how many
// items the side that was sent a list answers with.
func tell(s span, found map[digest.Hash]bool) (answer int) {
	for _, x := range s.mine {
		if !slices.Contains(s.theirs, x) {
			found[x.log] = true
		}
	}
	for _, x := range s.theirs {
		if !slices.Contains(s.mine, x) {
			found[x.log] = true
			answer++
		}
	}
	return answer
}

// split cuts a range into parts with as many items of the side that speaks.
func split(s span) (out []span) {
	at := 0
	for i := range parts {
		p := span{low: s.low}
		begin, end := len(s.mine)*i/parts, len(s.mine)*(i+1)/parts
		p.mine = s.mine[begin:end]
		to := len(s.theirs)
		if i < parts-1 {
			bound := s.mine[end].hash
			to, _ = slices.BinarySearchFunc(s.theirs, bound, func(x item, h digest.Hash) int { return bytes.Compare(x.hash[:], h[:]) })
		}
		to = max(to, at)
		p.theirs = s.theirs[at:to]
		at = to
		out = append(out, p)
	}
	return slices.DeleteFunc(out, func(p span) bool { return cmp.Or(len(p.mine), len(p.theirs)) == 0 })
}
