// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A RangePull verifies the answer to one RANGE_REQUEST: the head first, then
// chunks, each once, in the order that was asked for, and nothing that was not
// asked for.
type RangePull struct {
	// Erasable says what the peer may have erased; nil is nothing.
	Erasable Erasable

	info   LogInfo
	req    *messages.RangeRequest
	head   *Range // what told the head; nil until it came
	events uint64
	from   uint64 // what may still come
	to     uint64
	ended  error // the peer told of a record that breaks a rule of the log
}

// NewRangePull returns a RangePull of what is asked of a log. Info's author and
// page size may be unknown.
func NewRangePull(info LogInfo, req *messages.RangeRequest) *RangePull {
	p := &RangePull{info: info, req: req, from: req.From, to: req.To}
	if p.to == 0 {
		p.to = messages.MaxCount
	}
	return p
}

// Head is what told the newest head of the peer, or nil before it came.
func (p *RangePull) Head() *Range { return p.head }

// Take verifies the next response.
func (p *RangePull) Take(m *messages.RangeResponse) (*Range, error) {
	if (m.Count == 0) != (p.head == nil) {
		return nil, violation(messages.CodeBadRange, "log %s: want the head first, and then events", m.Log.Short())
	}
	if p.ended != nil {
		return nil, p.ended
	}
	end := m.First + uint64(m.Count)
	if m.Count > 0 && (m.First < p.from || end > p.to) {
		return nil, violation(messages.CodeBadRange, "log %s: events %d to %d, want them within %d to %d", m.Log.Short(), m.First, end, p.from, p.to)
	}
	if p.req.Limit > 0 && uint64(m.Count) > p.req.Limit-p.events {
		return nil, violation(messages.CodeBadRange, "log %s: more than %d events", m.Log.Short(), p.req.Limit)
	}
	v, err := verifyRange(p.info, m, p.Erasable)
	if err != nil {
		return nil, err
	}
	if m.Count == 0 {
		p.head, p.info = v, v.Info
		return v, nil
	}
	if v, err = p.judge(v); err != nil {
		return nil, err
	}
	p.events += uint64(m.Count)
	if p.req.Newest {
		p.to = m.First
	} else {
		p.from = end
	}
	return v, nil
}

// judge leaves what of a range is before the first record that breaks a rule of
// the log, whatever is before the range, and lets nothing come behind it. The
// log is closed once it is held up to there. The error is ErrClosed if that is
// nothing.
func (p *RangePull) judge(v *Range) (*Range, error) {
	j := judgement{rules: p.info.rules(), first: v.First}
	for rest := v.Records; len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return nil, err
		}
		j.next(&rec, n)
		rest = rest[n:]
	}
	if j.closed == 0 {
		return v, nil
	}
	end := v.First + uint64(j.good)
	p.ended = fmt.Errorf("%w (log %s, record %d: %s)", ErrClosed, v.Info.Log.Short(), end, j.closed)
	if j.good == 0 {
		return nil, p.ended
	}
	return v.Cut(v.First, end)
}
