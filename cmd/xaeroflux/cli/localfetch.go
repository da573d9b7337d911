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
func (b *local) Fetch(ctx context.Context, f nodeapi.Fetch) (nodeapi.FetchReport, error) {
	return b.fetch(f, func(t *xaeroflux.Topic, want xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
		return t.Fetch(ctx, want)
	})
}

// FetchOver implements nodeapi.Backend.
func (b *local) FetchOver(ctx context.Context, rw io.ReadWriteCloser, place string, f nodeapi.Fetch) (nodeapi.FetchReport, error) {
	defer rw.Close()
	return b.fetch(f, func(t *xaeroflux.Topic, want xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
		return t.FetchOver(ctx, rw, place, want)
	})
}

func (b *local) fetch(f nodeapi.Fetch, fetch func(*xaeroflux.Topic, xaeroflux.Fetch) (xaeroflux.FetchReport, error)) (nodeapi.FetchReport, error) {
	t, err := b.topic(f.Topic)
	if err != nil {
		return nodeapi.FetchReport{}, err
	}
	want := xaeroflux.Fetch{From: f.From, To: f.To, Last: f.Last, Newest: f.Newest, Peers: f.Peers}
	if want.Log, want.Author, err = b.whose(t, f.Log); err != nil {
		return nodeapi.FetchReport{}, err
	}
	r, err := fetch(t, want)
	switch {
	case errors.Is(err, xaeroflux.ErrOwnLog):
		err = hint(kinded(nodeapi.Usage, "%v", err), "xaeroflux sync ADDRESS")
	case errors.Is(err, xaeroflux.ErrNoPeer):
		err = hint(err, "xaeroflux fetch --peer ADDRESS, or a node that is connected: xaeroflux run --peer ADDRESS")
	}
	if err != nil {
		return nodeapi.FetchReport{}, err
	}
	return fetched(r), nil
}

func fetched(r xaeroflux.FetchReport) nodeapi.FetchReport {
	report := nodeapi.FetchReport{
		Log: r.Log.String(), Author: r.Author.String(), HeadSize: r.Head.Size,
		First: r.Part.First, End: r.Part.End, Events: r.Events, From: []string{}, Gaps: parts(r.Gaps),
	}
	for _, p := range r.From {
		report.From = append(report.From, p.String())
	}
	return report
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

func parts(all []xaeroflux.Span) []nodeapi.Part {
	out := []nodeapi.Part{}
	for _, r := range all {
		out = append(out, nodeapi.Part{First: r.First, End: r.End})
	}
	return out
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
		all = append(all, nodeapi.Gaps{Log: l.ID().String(), HeadSize: l.NewestHead().Size, Held: parts(l.Held()), Gaps: parts(l.Gaps())})
	}
	return all, nil
}
