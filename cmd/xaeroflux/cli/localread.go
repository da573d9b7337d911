// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// stampLayout is RFC 3339 with milliseconds.
const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// Events implements nodeapi.Backend.
func (b *local) Events(ctx context.Context, q nodeapi.Query, yield func(*nodeapi.Record) error) error {
	query, err := b.query(q)
	if err != nil {
		return err
	}
	events := b.db.Events
	if q.Follow {
		events = b.db.Subscribe
	}
	var out nodeapi.Record
	who, err := b.namer(q)
	if err != nil {
		return err
	}
	for r, err := range events(ctx, query) {
		if err != nil {
			if q.Follow && errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
		fill(&out, &r, q.Leaves)
		if out.Name, err = who.name(r.Account); err != nil {
			return err
		}
		if err := yield(&out); err != nil {
			return err
		}
	}
	return nil
}

func (b *local) query(q nodeapi.Query) (xaeroflux.Query, error) {
	t, err := b.topic(q.Topic)
	if err != nil {
		return xaeroflux.Query{}, err
	}
	out := xaeroflux.Query{Topic: t.ID(), From: q.From, Limit: q.Limit, Ranges: q.Ranges, Engine: q.Engine, Borrow: true, SettleAfter: q.SettleAfter}
	if q.Settled {
		out.Order = xaeroflux.Settled
	}
	if q.Log != "" {
		l, err := b.log(q.Topic, q.Log)
		if err != nil {
			return out, err
		}
		out.Log = l.ID()
	}
	return out, nil
}

// fill makes out of r; bytes are shared with r.
func fill(out *nodeapi.Record, r *xaeroflux.Record, leaves bool) {
	*out = nodeapi.Record{
		Log: r.Log, Author: r.Author, Account: r.Account, Seq: r.Seq, Time: r.Time.UTC().Format(stampLayout),
		Type: r.Type, TypeBytes: noText(r.Type), Key: r.Key, Payload: r.Payload, ID: r.EventID(), Refs: r.Refs(), Late: r.Late,
	}
	if r.Sealed != nil {
		out.Sealed = sealedText(r.Sealed)
	}
	if out.Key == nil {
		out.Key = []byte{} // "" in JSON, not null
	}
	if out.Payload == nil {
		out.Payload = []byte{}
	}
	out.Decoded = engineRecord(r.Type, r.Payload)
	if leaves {
		out.Leaf, out.Hash = r.Leaf(), r.Hash()
	}
}

// sealedText says why an event cannot be read.
func sealedText(err error) string {
	if errors.Is(err, xaeroflux.ErrSealed) {
		return "no key here"
	}
	if errors.Is(err, xaeroflux.ErrWithheld) {
		return "from before this store was invited"
	}
	return err.Error()
}

// noText returns the bytes of a type if JSON cannot hold them as text.
func noText(kind string) []byte {
	if utf8.ValidString(kind) {
		return nil
	}
	return []byte(kind)
}

// minPrefix is the shortest beginning of an id that names it.
const minPrefix = 4

// topic finds a topic by id, name, or the beginning of its id.
func (b *local) topic(name string) (*xaeroflux.Topic, error) {
	if name == "" {
		return b.db.Topic(xaeroflux.TopicID{})
	}
	var byName, byPrefix []*xaeroflux.Topic
	for _, t := range b.db.Topics() {
		if t.Name() == name {
			byName = append(byName, t)
		}
		if hasPrefix(t.ID(), name) {
			byPrefix = append(byPrefix, t)
		}
	}
	switch {
	case len(byName) == 1:
		return byName[0], nil
	case len(byName) == 0 && len(byPrefix) == 1:
		return byPrefix[0], nil
	case len(byName)+len(byPrefix) > 1:
		return nil, usage("topic %q: more than one fits; give more of its id", name)
	}
	return nil, kinded(nodeapi.Unknown, "no topic %q here; there is %s", name, topicNames(b.db.Topics()))
}

// topicNames lists topics for people, the first ones of many.
func topicNames(all []*xaeroflux.Topic) string {
	const shown = 10
	var names []string
	for _, t := range all[:min(len(all), shown)] {
		name := t.ID().Short()
		if t.Name() != "" {
			name += fmt.Sprintf(" (%q)", t.Name())
		}
		names = append(names, name)
	}
	if n := len(all) - shown; n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, ", ")
}

// log finds a log of a topic by id or the beginning of it.
func (b *local) log(topic, name string) (*xaeroflux.Log, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	if name == "" || name == "own" {
		return t.Log(), nil
	}
	logs, err := t.Logs()
	if err != nil {
		return nil, err
	}
	var found []*xaeroflux.Log
	for _, l := range logs {
		if hasPrefix(l.ID(), name) {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if l := b.engineLog(t, name); l != nil {
			return l, nil
		}
		return nil, kinded(nodeapi.Unknown, "no log %q in topic %s", name, t.ID().Short())
	}
	return nil, usage("log %q: %d logs fit; give more of the id", name, len(found))
}

// engineLog returns the log of a topic with a whole id that is in no list of logs, as those
// of its roster and of its boxes are; nil if there is none.
func (b *local) engineLog(t *xaeroflux.Topic, name string) *xaeroflux.Log {
	id, err := xaeroflux.ParseLogID(name)
	if err != nil {
		return nil
	}
	l, err := b.db.Log(id)
	if err != nil || l.Topic() != t.ID() {
		return nil
	}
	return l
}

func hasPrefix(id fmt.Stringer, name string) bool {
	return len(name) >= minPrefix && strings.HasPrefix(id.String(), strings.ToLower(name))
}
