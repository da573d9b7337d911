// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"io"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Fetch implements nodeapi.Backend.
func (b *local) Fetch(ctx context.Context, topic, log string, f xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
	return b.fetch(topic, log, f, func(t *xaeroflux.Topic, f xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
		return t.Fetch(ctx, f)
	})
}

// FetchOver implements nodeapi.Backend.
func (b *local) FetchOver(ctx context.Context, rw io.ReadWriteCloser, place, topic, log string, f xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
	defer rw.Close()
	return b.fetch(topic, log, f, func(t *xaeroflux.Topic, f xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
		return t.FetchOver(ctx, rw, place, f)
	})
}

func (b *local) fetch(topic, log string, f xaeroflux.Fetch, fetch func(*xaeroflux.Topic, xaeroflux.Fetch) (xaeroflux.FetchReport, error)) (r xaeroflux.FetchReport, err error) {
	t, err := b.topic(topic)
	if err != nil {
		return r, err
	}
	if f.Log, f.Author, err = b.whose(t, log); err != nil {
		return r, err
	}
	r, err = fetch(t, f)
	switch {
	case errors.Is(err, xaeroflux.ErrOwnLog):
		err = hint(kinded(nodeapi.Usage, "%v", err), "xaeroflux sync ADDRESS")
	case errors.Is(err, xaeroflux.ErrNoPeer):
		err = hint(err, "xaeroflux fetch --peer ADDRESS, or a node that is connected: xaeroflux run --peer ADDRESS")
	}
	return r, err
}

// whose finds out what a name is: the beginning of the id, or of its author's
// key, of a log that is known; or all of either, which one only a peer can say.
func (b *local) whose(t *xaeroflux.Topic, name string) (log xaeroflux.LogID, author xaeroflux.AuthorKey, err error) {
	logs, err := t.Logs()
	if err != nil {
		return log, author, err
	}
	var found []xaeroflux.LogID
	for _, l := range logs {
		if hasPrefix(l.ID(), name) || hasPrefix(l.Author(), name) {
			found = append(found, l.ID())
		}
	}
	switch len(found) {
	case 1:
		return found[0], author, nil
	case 0:
		id, err := xaeroflux.ParseLogID(name)
		if err != nil {
			return log, author, kinded(nodeapi.Unknown, "no log %q in topic %s yet: give the whole id of a log, or the whole key of its author", name, t.ID().Short())
		}
		return id, xaeroflux.AuthorKey(id), nil
	}
	return log, author, usage("log %q: %d logs fit; give more of the id", name, len(found))
}

// Gaps implements nodeapi.Backend.
func (b *local) Gaps(_ context.Context, topic, log string) ([]nodeapi.Gaps, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	logs, err := t.Logs()
	if err != nil {
		return nil, err
	}
	if log != "" {
		l, err := b.log(topic, log)
		if err != nil {
			return nil, err
		}
		logs = []*xaeroflux.Log{l}
	}
	all := []nodeapi.Gaps{}
	for _, l := range logs {
		all = append(all, nodeapi.Gaps{Log: l.ID(), HeadSize: l.NewestHead().Size, Held: l.Held(), Gaps: l.Gaps()})
	}
	return all, nil
}
