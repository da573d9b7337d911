// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
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
// side states a fingerprint of all its logs, ordered by id; the other answers
// each range that is not its own by the fingerprints of 16 parts, or where few
// logs are left, by the logs.
const (
	parts       = 16
	fingerprint = 16
	itemBytes   = 16 // of a log: half a short id, half a hash of size and root
	boundBytes  = 4  // of a range's end, about: the shortest prefix that tells it
	listBelow   = 2 * parts
)

type item struct{ log, root digest.Hash }

func sorted(s *stock) []item {
	all := make([]item, 0, len(s.logs))
	for _, l := range s.logs {
		all = append(all, item{l.Log, l.Root})
	}
	slices.SortFunc(all, byLog)
	return all
}

func byLog(x, y item) int { return bytes.Compare(x.log[:], y.log[:]) }

// A span is what each side has in a range of ids.
type span struct{ mine, theirs []item }

func rangeBased(a, b *stock, _ digest.Set) cost {
	c := cost{bytes: fingerprint + boundBytes, flights: 1}
	found := map[digest.Hash]bool{}
	open := []span{{sorted(a), sorted(b)}}
	for len(open) > 0 {
		var next []span
		answered := false
		for _, s := range open {
			s.mine, s.theirs = s.theirs, s.mine // the other side answers
			switch {
			case slices.Equal(s.mine, s.theirs): // as their fingerprints say
			case len(s.mine) < listBelow:
				c.bytes += boundBytes + itemBytes*len(s.mine)
				c.bytes += itemBytes * tell(s, found) // and is answered in its turn
				answered = true
			default:
				sub := split(s)
				c.bytes += len(sub) * (fingerprint + boundBytes)
				next = append(next, sub...)
			}
		}
		if open = next; answered || len(open) > 0 {
			c.flights++
		}
		if answered && len(open) == 0 {
			c.flights++
		}
	}
	c.found = len(found)
	return c
}

// tell takes note of the logs in which two lists differ, and returns how many
// the side that was sent a list answers with.
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

// split cuts a range into parts with as many logs of the side that speaks.
func split(s span) (out []span) {
	at := 0
	for i := range parts {
		begin, end := len(s.mine)*i/parts, len(s.mine)*(i+1)/parts
		to := len(s.theirs)
		if i < parts-1 {
			to, _ = slices.BinarySearchFunc(s.theirs, s.mine[end], byLog)
		}
		to = max(to, at)
		out = append(out, span{s.mine[begin:end], s.theirs[at:to]})
		at = to
	}
	return out
}
