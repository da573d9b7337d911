// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A record that is proven to be in a log and breaks a rule closes it: what is
// before it is stored, it and what follows is not, and the peer that sent it is
// not to blame, for it is the author who wrote it. Everybody judges a record by
// its leaf and the time before it, so that all end the log at the same size,
// whatever came in which order.

// ErrClosed is returned for what is behind the end of a closed log.
var ErrClosed = errors.New("the log is closed: its author wrote a record there that breaks a rule; what is before it can be read")

// judgeRules are what the records of a log are judged by.
type judgeRules struct {
	event.Rules
	log *LogInfo
}

func (i *LogInfo) rules() judgeRules {
	r := event.Rules{Kind: event.Kind(i.Kind), Sealed: i.Policy.Has(identity.PolicySealed)}
	r.Erasable = !r.Sealed && i.Policy.Has(identity.PolicyErasable)
	r.Short = [event.ShortBytes]byte(i.Log[:])
	return judgeRules{r, i}
}

// A judgement goes through the records of a log.
type judgement struct {
	rules  judgeRules
	first  uint64       // sequence of the first record
	time   int64        // of the last good record
	good   int          // records before the first that offends
	bytes  int          // that they have
	closed event.Reason // what the first that offends breaks; 0 if none does
}

// next takes the next record, of n bytes.
func (j *judgement) next(rec *event.Record, n int) {
	if j.closed != 0 {
		return
	}
	if j.closed = j.rules.offence(rec, j.first+uint64(j.good), j.time); j.closed != 0 {
		return
	}
	j.time, j.good, j.bytes = rec.Time, j.good+1, j.bytes+n
}

// skip takes events that are erased without a trace: nothing tells that they
// offended, and they count.
func (j *judgement) skip(events uint64) {
	if j.closed == 0 {
		j.good += int(events)
	}
}

// offence returns what the record with a sequence breaks, which stands behind one
// of a time, or 0.
func (r judgeRules) offence(rec *event.Record, seq uint64, before int64) event.Reason {
	if err := r.Judge(rec, before); err != nil {
		var o *event.Offence
		errors.As(err, &o) // it is one
		return o.Reason
	}
	if r.Kind != event.Roster {
		return 0
	}
	body, err := roster.Decode(string(rec.Type), rec.Payload)
	switch i := r.log; {
	case err != nil:
		return event.BadBody
	case i.Genesis != nil && roster.CheckFounding(i.Topic, i.Genesis, i.leg(), seq, body) != nil:
		return event.BadFounding
	}
	return 0
}

// leg is what a log is if it is one of a roster.
func (i *LogInfo) leg() roster.LegID {
	term, leg := identity.SplitRosterNumber(i.Number)
	return roster.LegID{Log: i.Log, Author: i.Author, Term: term, Leg: leg}
}

// rightBehind puts what is right of leaves behind those from a sequence on: what
// proves the leaves before them.
func rightBehind(from uint64, leaves []digest.Hash, end uint64, right []digest.Hash) ([]digest.Hash, error) {
	r, err := merkleindex.RangeOf(from, leaves)
	if err == nil {
		err = r.Merge(merkleindex.CompactRange{Begin: r.End, End: end, Hashes: right}, nil)
	}
	return r.Hashes, err
}
