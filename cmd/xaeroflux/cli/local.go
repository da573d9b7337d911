// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// local is the Backend on an open store: what every command does in the end,
// in this process or in that of the node.
type local struct{ db *xaeroflux.DB }

var _ backend = (*local)(nil)

// Close implements io.Closer.
func (b *local) Close() error { return b.db.Close() }

// Info implements nodeapi.Backend.
func (b *local) Info(ctx context.Context, topic string) (nodeapi.Info, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nodeapi.Info{}, err
	}
	return info(ctx, t)
}

func info(ctx context.Context, t *xaeroflux.Topic) (nodeapi.Info, error) {
	invite, err := t.Invite(ctx, &xaeroflux.InviteOptions{Tentative: true})
	if err != nil {
		return nodeapi.Info{}, err
	}
	l := t.Log()
	return nodeapi.Info{
		Author: l.Author(), Log: l.ID(), Topic: t.ID(),
		VKey: l.Head().VKey(), Witness: t.WitnessKey(), Invite: dialableInvite(invite),
	}, nil
}

// Heads implements nodeapi.Backend.
func (b *local) Heads(_ context.Context, topic string) ([]nodeapi.Head, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	logs, err := t.Logs()
	if err != nil {
		return nil, err
	}
	heads := make([]nodeapi.Head, len(logs))
	for i, l := range logs {
		root, size := l.Root()
		heads[i] = nodeapi.Head{
			Log: l.ID(), Author: l.Author(), Size: size, Root: root,
			Own: l.Own(), HeadSize: l.Head().Size,
		}
		_, heads[i].Frozen = l.Frozen()
	}
	slices.SortFunc(heads, func(a, b nodeapi.Head) int { return bytes.Compare(a.Log[:], b.Log[:]) })
	return heads, nil
}

// Append implements nodeapi.Backend.
func (b *local) Append(ctx context.Context, topic string, events []xaeroflux.Event) (xaeroflux.Receipt, error) {
	t, err := b.topic(topic)
	if err != nil {
		return xaeroflux.Receipt{}, err
	}
	var options []xaeroflux.AppendOption
	if len(events) > 0 && !events[0].ID.IsZero() {
		options = append(options, xaeroflux.WithID(events[0].ID))
	}
	return t.AppendBatch(ctx, events, options...)
}

// Note implements nodeapi.Backend.
func (b *local) Note(_ context.Context, topic, log string) ([]byte, error) {
	l, err := b.log(topic, log)
	if err != nil {
		return nil, err
	}
	h := l.Head()
	if h.Verify() != nil {
		return nil, kinded(nodeapi.Range, "log %s is empty here: no head of its author has come", l.ID().Short())
	}
	return h.Checkpoint(), nil
}

// Cosigned implements nodeapi.Backend.
func (b *local) Cosigned(ctx context.Context, topic, log string, n int) ([]byte, error) {
	l, err := b.log(topic, log)
	if err != nil {
		return nil, err
	}
	text, err := l.Cosigned(ctx, n)
	return text, unalone(err)
}

// unalone says that peers are missing: nothing was verified, unlike in verify.
func unalone(err error) error {
	if errors.Is(err, xaeroflux.ErrWitnesses) {
		err = kinded(nodeapi.Alone, "%v", err)
	}
	return err
}

// Forks implements nodeapi.Backend.
func (b *local) Forks(context.Context) ([][]byte, error) {
	all, err := b.db.Forks()
	texts := make([][]byte, len(all))
	for i, f := range all {
		texts[i] = f.Text
	}
	return texts, err
}

// Followed implements nodeapi.Backend.
func (b *local) Followed(_ context.Context, topic string) (nodeapi.Followed, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nodeapi.Followed{}, err
	}
	names, all := t.Followed()
	return nodeapi.Followed{All: all, Names: names}, nil
}

// Follow implements nodeapi.Backend.
func (b *local) Follow(ctx context.Context, topic string, f nodeapi.Followed) error {
	t, err := b.topic(topic)
	if err != nil {
		return err
	}
	if f.All {
		return t.FollowAll(ctx)
	}
	return t.Follow(ctx, f.Names...)
}

// Prove implements nodeapi.Backend.
func (b *local) Prove(ctx context.Context, p nodeapi.Prove) (file []byte, err error) {
	l, err := b.log(p.Topic, p.Log)
	if err != nil {
		return nil, err
	}
	size := max(l.Size(), l.NewestHead().Size)
	switch {
	case p.Grown && p.Seq > size:
		return nil, kinded(nodeapi.Range, "prove that the first %d events are kept: log %s has %d", p.Seq, l.ID().Short(), size)
	case p.Grown:
		return l.ConsistencyFile(ctx, p.Seq)
	case p.Seq >= size:
		return nil, kinded(nodeapi.Range, "prove event %d: log %s has %d events, counted from 0", p.Seq, l.ID().Short(), size)
	case p.Cosigned == nil:
		return l.ProofFile(ctx, p.Seq)
	}
	file, err = l.CosignedProofFile(ctx, p.Seq, *p.Cosigned)
	return file, unalone(err)
}

// Join implements nodeapi.Backend.
func (b *local) Join(ctx context.Context, invite string) (nodeapi.Info, error) {
	t, err := b.db.Join(ctx, invite)
	if err != nil {
		return nodeapi.Info{}, err
	}
	return info(ctx, t)
}

// Sync implements nodeapi.Backend.
func (b *local) Sync(ctx context.Context, peer string) (nodeapi.SyncReport, error) {
	r, err := b.db.Sync(ctx, peer)
	return synced(r), err
}

// SyncOver implements nodeapi.Backend.
func (b *local) SyncOver(ctx context.Context, rw io.ReadWriteCloser, place string) (nodeapi.SyncReport, error) {
	r, err := b.db.SyncOver(ctx, rw, place)
	return synced(r), err
}

// ServeOver implements nodeapi.Backend.
func (b *local) ServeOver(ctx context.Context, rw io.ReadWriteCloser, place string) error {
	return b.db.ServeOver(ctx, rw, place)
}

func synced(r xaeroflux.SyncReport) nodeapi.SyncReport {
	return nodeapi.SyncReport{
		EventsIn: r.EventsIn, EventsOut: r.EventsOut, PagesIn: r.PagesIn, PagesOut: r.PagesOut,
		BytesIn: r.BytesIn, BytesOut: r.BytesOut, RoundTrips: r.RoundTrips, Seconds: r.Took.Seconds(),
	}
}

// Check implements nodeapi.Backend.
func (b *local) Check(ctx context.Context, progress func(done, total int64)) (nodeapi.CheckReport, error) {
	r, err := b.db.Check(ctx, progress)
	return report(r), err
}

func report(r xaeroflux.CheckReport) nodeapi.CheckReport {
	out := nodeapi.CheckReport{Logs: r.Logs, Rosters: r.Rosters, Events: r.Events, Pages: r.Pages, Bytes: r.Bytes, Findings: []nodeapi.Finding{}, More: r.More, Copy: r.Copy, Own: ownLogs(r.Own)}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, finding(f))
	}
	return out
}

// Backup implements nodeapi.Backend.
func (b *local) Backup(ctx context.Context, dir string, o xaeroflux.BackupOptions) (xaeroflux.BackupReport, error) {
	return b.db.Backup(ctx, dir, &o)
}

// BackupOver implements nodeapi.Backend.
func (b *local) BackupOver(ctx context.Context, rw io.ReadWriteCloser, o xaeroflux.BackupOptions) (xaeroflux.BackupReport, error) {
	r, err := b.db.BackupTo(ctx, rw, &o)
	return r, errors.Join(err, rw.Close())
}

// NetworkChanged implements nodeapi.Backend.
func (b *local) NetworkChanged(context.Context) error {
	b.db.NetworkChanged()
	return nil
}

// Status implements nodeapi.Backend.
func (b *local) Status(context.Context) (nodeapi.Status, error) {
	st := b.db.SyncStatus()
	s := nodeapi.Status{Actors: []nodeapi.Actor{}, Peers: peers(st), Missing: missing(st)}
	for _, a := range b.db.Actors() {
		s.Actors = append(s.Actors, nodeapi.Actor{
			Name: a.Name, Phase: a.Phase, Cursor: a.Cursor, Lag: a.Lag, Queue: a.Queue, Handled: a.Handled,
			Restarts: a.Restarts, LastError: a.LastError,
		})
	}
	if err := b.db.ReadOnly(); err != nil {
		s.ReadOnly = err.Error()
	}
	for _, l := range st.Listening {
		s.Listening = append(s.Listening, nodeapi.Listening{Address: l.Address.Host, Trouble: l.Trouble})
	}
	s.Own = ownLogs(b.db.OwnLogs())
	forks, err := b.db.Forks()
	for _, f := range forks {
		if log := f.Log.String(); !slices.ContainsFunc(s.Own, func(o nodeapi.OwnLog) bool { return o.Log == log }) {
			s.Frozen = append(s.Frozen, log)
		}
	}
	s.Moved, s.Copies = nodeMove(b.db.Moved()), nodeCopies(b.db.Copies())
	for _, t := range b.db.Topics() {
		if names, all := t.Followed(); !all {
			s.Parts = append(s.Parts, nodeapi.FollowedPart{Topic: t.ID().String(), Names: texts(names)})
		}
	}
	return s, err
}

func ownLogs(own []xaeroflux.OwnLog) (all []nodeapi.OwnLog) {
	for _, o := range own {
		all = append(all, nodeapi.OwnLog{
			Topic: o.Topic.String(), Log: o.Log.String(), State: string(o.State), Held: o.Held, Known: o.Known, Backup: timeIn(o.Backup),
		})
	}
	return all
}

// timeIn is a time to the second, never a later one; the zero time stays so.
func timeIn(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return nodeapi.At(t.Truncate(time.Second))
}

// texts writes ids in hexadecimal.
func texts(ids []xaeroflux.Name) []string {
	all := make([]string, 0, len(ids))
	for _, id := range ids {
		all = append(all, id.String())
	}
	return all
}

func peers(st xaeroflux.SyncStatus) []nodeapi.Peer {
	all := []nodeapi.Peer{}
	for _, p := range st.Peers {
		all = append(all, nodeapi.Peer{
			ID: p.Peer.String(), Address: p.Address, Carrier: p.Carrier, State: string(p.State), Connected: p.Connected(), Kept: p.Kept,
			Topics: p.Topics, Unsettled: p.Unsettled, More: p.More,
			Dialed: p.Dialed, InSync: p.InSync, Since: timeIn(p.Since), Moved: timeIn(p.Moved),
			NextTry: timeIn(p.NextTry), PeerTwin: timeIn(p.PeerTwin), OwnTwin: timeIn(p.OwnTwin), Waiting: p.Waiting, LastError: p.LastError, Missing: p.EventsMissing,
			BytesIn: p.BytesIn, BytesOut: p.BytesOut, RateIn: p.RateIn, RateOut: p.RateOut, EventsIn: p.EventsIn, EventsOut: p.EventsOut,
		})
	}
	return all
}

func missing(st xaeroflux.SyncStatus) []nodeapi.Missing {
	all := []nodeapi.Missing{}
	for _, m := range st.Missing {
		all = append(all, nodeapi.Missing{
			Topic: m.Topic.String(), Log: m.Log.String(), Held: m.Held, Known: m.Known, Events: m.Events(),
			From: peerText(m.From), Since: timeIn(m.Since),
		})
	}
	return all
}

// peerText writes the id of a peer, or "" if it is none.
func peerText(p xaeroflux.PeerID) string {
	if p.IsZero() {
		return ""
	}
	return p.String()
}

func finding(f xaeroflux.Finding) nodeapi.Finding {
	return nodeapi.Finding{
		Where: f.Where, What: f.What, Do: toDo(f.Kind, f.Do), Kind: string(f.Kind), File: f.File, Log: f.Log, Page: f.Page, Offset: f.Offset,
	}
}
