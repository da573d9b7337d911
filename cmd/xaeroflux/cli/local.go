// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

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
	l := t.Log()
	i := nodeapi.Info{
		Author: l.Author(), Log: l.ID(), Topic: t.ID(), Kind: t.Kind(),
		VKey: l.Head().VKey(), Witness: t.WitnessKey(),
	}
	if i.Kind != xaeroflux.OpenTopic {
		return i, nil // an invite to it is made for somebody, and written to the roster
	}
	invite, err := t.Invite(ctx, &xaeroflux.InviteOptions{Tentative: true})
	if err != nil {
		return nodeapi.Info{}, err
	}
	i.Invite = dialableInvite(invite)
	return i, nil
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
	for i := range events {
		if events[i].Refs == nil {
			events[i].Refs = []xaeroflux.Ref{} // what this process reads, it reads for others
		}
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
		return nil, kinded(nodeapi.Range, "prove event %d: log %s has %s, counted from 0", p.Seq, l.ID().Short(), counted(int(size), "event"))
	case p.Cosigned == nil:
		return l.ProofFile(ctx, p.Seq)
	}
	file, err = l.CosignedProofFile(ctx, p.Seq, *p.Cosigned)
	return file, unalone(err)
}

// Join implements nodeapi.Backend.
func (b *local) Join(ctx context.Context, invite, words string) (nodeapi.Info, error) {
	join := b.db.Join
	if words != "" {
		join = func(ctx context.Context, invite string) (*xaeroflux.Topic, error) {
			return b.db.JoinByWords(ctx, invite, words)
		}
	}
	t, err := join(ctx, invite)
	if err != nil {
		return nodeapi.Info{}, err
	}
	return info(ctx, t)
}

// Topics implements nodeapi.Backend.
func (b *local) Topics(ctx context.Context, c nodeapi.TopicChange) ([]nodeapi.TopicInfo, error) {
	if err := b.changeTopic(ctx, c); err != nil {
		return nil, err
	}
	var all []nodeapi.TopicInfo
	for i, t := range b.db.Topics() {
		one, err := topicInfo(t)
		if err != nil {
			return nil, err
		}
		one.Default = i == 0
		all = append(all, one)
	}
	return all, nil
}

func topicInfo(t *xaeroflux.Topic) (nodeapi.TopicInfo, error) {
	l := t.Log()
	i := nodeapi.TopicInfo{Topic: t.ID(), Name: t.Name(), Kind: t.Kind(), Log: l.ID(), Size: l.Size()}
	if i.Kind == xaeroflux.OpenTopic {
		return i, nil
	}
	members, err := t.Members()
	if err != nil {
		return i, err
	}
	i.Members = len(members)
	s, err := t.Standing()
	i.Role, i.Standing, i.Why = s.Role, s.State, s.Why
	return i, err
}

func (b *local) changeTopic(ctx context.Context, c nodeapi.TopicChange) error {
	if c == (nodeapi.TopicChange{}) {
		return nil
	}
	if c.Create != nil {
		o := xaeroflux.TopicOptions{Kind: c.Kind, SuccessorsNeeded: c.Needed, WithoutHistory: c.Recent}
		if c.Heirs != "" {
			var err error
			if o.Successors, err = parseSuccessors(c.Heirs); err != nil {
				return err
			}
		}
		_, err := b.db.CreateTopic(ctx, *c.Create, &o)
		return err
	}
	t, err := b.topic(c.Topic)
	switch {
	case err != nil:
		return err
	case c.Rename != nil:
		return t.Rename(ctx, *c.Rename)
	case c.Default:
		return b.db.SetDefault(ctx, t.ID())
	case c.Leave:
		ctx, cancel := waiting(ctx, c.Wait)
		defer cancel()
		return t.Leave(ctx, &xaeroflux.LeaveOptions{Delete: c.Delete, WithoutAsking: c.Now})
	}
	return nil
}

// Sync implements nodeapi.Backend.
func (b *local) Sync(ctx context.Context, peer string) (xaeroflux.SyncReport, error) {
	return b.db.Sync(ctx, peer)
}

// SyncOver implements nodeapi.Backend.
func (b *local) SyncOver(ctx context.Context, rw io.ReadWriteCloser, place string) (xaeroflux.SyncReport, error) {
	return b.db.SyncOver(ctx, rw, place)
}

// ServeOver implements nodeapi.Backend.
func (b *local) ServeOver(ctx context.Context, rw io.ReadWriteCloser, place string) error {
	return b.db.ServeOver(ctx, rw, place)
}

// Check implements nodeapi.Backend.
func (b *local) Check(ctx context.Context, progress func(done, total int64)) (xaeroflux.CheckReport, error) {
	return b.db.Check(ctx, progress)
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
	s := nodeapi.Status{
		SyncStatus: b.db.SyncStatus(), Actors: b.db.Actors(), Moved: b.db.Moved(), Copies: b.db.Copies(), Own: b.db.OwnLogs(),
	}
	if err := b.db.ReadOnly(); err != nil {
		s.ReadOnly = err.Error()
	}
	forks, err := b.db.Forks()
	for _, f := range forks {
		if !slices.ContainsFunc(s.Own, func(o xaeroflux.OwnLog) bool { return o.Log == f.Log }) {
			s.Frozen = append(s.Frozen, f.Log)
		}
	}
	for _, t := range b.db.Topics() {
		if names, all := t.Followed(); !all {
			s.Parts = append(s.Parts, nodeapi.FollowedPart{Topic: t.ID(), Names: names})
		}
	}
	return s, err
}
