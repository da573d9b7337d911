// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Topic is a set of logs that are shared together. This store appends to one
// of them.
type Topic struct {
	db *DB
	t  *store.Topic
}

// A Receipt says where appended events are.
type Receipt struct {
	Log   LogID  `json:"log"`
	Seq   uint64 `json:"first"` // of the first event; if all were repeats, of the one that the first repeats
	Count int    `json:"count"` // of events that were appended
	Size  uint64 `json:"size"`  // of the log when it was acknowledged, at least Seq+Count
	Root  Hash   `json:"root"`  // at Size
	// Repeated is how many were not appended, as this store did so before: there
	// is an event with their id.
	Repeated int       `json:"repeated,omitempty"`
	Time     time.Time `json:"time,omitzero"` // that the events carry, to the millisecond
	// Ahead is how far Time is ahead of the clock, if that is more than ten minutes: an
	// event was appended when the clock was wrong, and times do not go back in a log.
	// It is the same for all that follows, until the clock has caught up.
	Ahead time.Duration `json:"ahead_ns,omitempty"`
}

// String says where the events are, for people. The log is cut short.
func (r Receipt) String() string {
	switch {
	case r.Count == 0 && r.Repeated == 0:
		return "no events"
	case r.Count == 0 && r.Repeated == 1:
		return fmt.Sprintf("event %d of log %s, appended before", r.Seq, r.Log.Short())
	case r.Count == 0:
		return fmt.Sprintf("events from %d on of log %s, appended before", r.Seq, r.Log.Short())
	}
	where := fmt.Sprintf("event %d", r.Seq)
	if r.Count > 1 {
		where = fmt.Sprintf("events %d to %d", r.Seq, r.Seq+uint64(r.Count)-1)
	}
	where += " of log " + r.Log.Short()
	if r.Repeated > 0 {
		where += fmt.Sprintf(", and %d that were appended before", r.Repeated)
	}
	return where
}

// tellAhead is how far ahead of the clock a time must be to be reported: more than refs can
// move it.
const tellAhead = 10 * time.Minute

// Topic returns a topic that this store is in, or that it left, which can be read; the zero
// id means the default.
func (db *DB) Topic(id TopicID) (_ *Topic, err error) {
	defer db.out(&err)
	if err := db.usable(); err != nil {
		return nil, err
	}
	return db.topicOf(id)
}

// topicOf is Topic after Close too.
func (db *DB) topicOf(id TopicID) (*Topic, error) {
	if db.isHome(id) {
		return nil, unknownTopic(id)
	}
	t, err := db.st.Topic(digest.Hash(id))
	if err != nil {
		return nil, err
	}
	return &Topic{db: db, t: t}, nil
}

// Topics returns the topics that this store is in, the default first.
func (db *DB) Topics() []*Topic {
	var all []*Topic
	for _, t := range db.st.Topics() {
		if !db.st.IsHome(t.ID) {
			all = append(all, &Topic{db: db, t: t})
		}
	}
	return all
}

// SetDefault makes a joined topic the one that is meant if none is named, from now on.
// The error is ErrUnknownTopic, or ErrLeft.
func (db *DB) SetDefault(ctx context.Context, topic TopicID) (err error) {
	defer db.out(&err)
	db.defaults.Lock()
	defer db.defaults.Unlock()
	t, err := db.topicOf(topic)
	if err != nil {
		return fmt.Errorf("set default topic: %w", err)
	}
	d, err := db.st.NewDefaulting(t.t.ID)
	if err == nil {
		err = db.change(ctx, d)
	}
	if err != nil {
		return fmt.Errorf("set default topic: %w", err)
	}
	return nil
}

// Join joins the topic of an invite and connects to the peers named in it. The
// topic is taken up once: to join again changes nothing but the peers, and the keys if the
// invite has others. If the default
// topic was founded here, has no name, and nobody wrote to it or was invited to it until
// then, the one that is joined becomes the default: what is appended without naming a
// topic goes to those who made the invite.
//
// An invite of LinkDevice makes this store a device of the person that made it, and all
// topics of that person come by and by; it returns the default topic. The error is
// ErrWordsKept if the store is one of somebody's devices already.
//
// A store that was removed, or that an earlier invite admits no more, joins anew by another
// one, as the person that it was. One of a link makes a store a device again that was
// removed from the person's list, or whose own link was used or over: what it was removed
// from beside it comes back to by an invite of each topic.
func (db *DB) Join(ctx context.Context, invite string) (_ *Topic, err error) {
	defer db.out(&err)
	inv, err := identity.ParseInvite(invite)
	if err != nil {
		return nil, err
	}
	return db.joinWith(ctx, inv, identity.AccountSecret{})
}

// joinWith is Join with the secret of an account that is kept nowhere; zero is none.
func (db *DB) joinWith(ctx context.Context, inv *identity.Invite, account identity.AccountSecret) (*Topic, error) {
	j, err := db.join(ctx, inv, account)
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	db.node.Mesh().TopicsChanged()
	if err := db.meet(inv); err != nil {
		return nil, err
	}
	if links(inv) {
		return db.topicOf(TopicID{})
	}
	return &Topic{db: db, t: j}, nil
}

func (db *DB) join(ctx context.Context, inv *identity.Invite, account identity.AccountSecret) (*store.Topic, error) {
	db.defaults.Lock()
	defer db.defaults.Unlock()
	if refused, err := db.st.MayJoin(inv); refused != nil || err != nil {
		return nil, errors.Join(refused, err)
	}
	again, err := db.st.NewRejoining(inv, account, db.opts.Now())
	if err == nil && again != nil {
		return again.Topic(), db.change(ctx, again)
	}
	if err != nil {
		return nil, err
	}
	j, err := db.st.NewInvited(inv, db.opts.Now())
	if err != nil {
		return nil, err
	}
	if links(inv) && !db.st.IsHome(j.Topic.ID) {
		if err := db.leaveUnlinked(ctx); err != nil {
			return nil, err
		}
	}
	return j.Topic, db.change(ctx, j)
}

// change makes a change of topics. One that is handed over is made, and told to all
// sessions, whatever becomes of ctx.
func (db *DB) change(ctx context.Context, c store.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.node.Pipeline().Do(context.WithoutCancel(ctx), c)
	db.node.Home().Changed() // other devices of the person are to know
	return err
}

// TopicOptions are for CreateTopic. The zero value, like nil, means the defaults.
type TopicOptions struct {
	// PageBytes is the page size of the logs in the topic, as in Options.
	// Default: what the store was created with.
	PageBytes int
	// Kind says who takes part, and who can read it. Default: PrivateTopic.
	Kind TopicKind
	// WithoutHistory keeps what was appended to a private topic before somebody was invited
	// from that person: only what follows the invite is sealed for it. A further device of
	// a member reads what follows its admission, and what other devices of the person read
	// stays with those. Default: newcomers read all.
	WithoutHistory bool
	// Successors are keys of people, made for this topic by DB.NewSuccessorKey, of whom so
	// many as SuccessorsNeeded says may together make another device the steward: more than
	// half of them. At most MaxSuccessors. Default: none.
	Successors []AccountKey
	// SuccessorsNeeded is how many it takes. Default: just more than half.
	SuccessorsNeeded int
}

// CreateTopic founds a topic, of which this store is the steward and its person
// the owner. The name is
// what to call it here and in invites: at most 64 bytes, printable; it may be
// empty. The error is ErrOptions for another one, and for a bad page size.
func (db *DB) CreateTopic(ctx context.Context, name string, o *TopicOptions) (_ *Topic, err error) {
	defer db.out(&err)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := identity.CheckInviteName(name); err != nil {
		return nil, fmt.Errorf("create topic: %w: %w", ErrOptions, err)
	}
	if o == nil {
		o = &TopicOptions{PageBytes: db.opts.PageBytes}
	}
	if o.PageBytes != 0 {
		if err := segwriter.ValidPageBytes(o.PageBytes); err != nil {
			return nil, fmt.Errorf("create topic: %w: PageBytes: %w", ErrOptions, err)
		}
	}
	policy, err := o.Kind.policy()
	if err != nil {
		return nil, fmt.Errorf("create topic: %w", err)
	}
	if o.WithoutHistory && o.Kind != PrivateTopic {
		return nil, fmt.Errorf("create topic: %w: nothing withholds history in a topic that is not sealed", ErrOptions)
	}
	if o.WithoutHistory {
		policy &^= identity.PolicyHistory
	}
	f := store.Founding{Policy: policy, PageBytes: o.PageBytes}
	if f.Successors, f.Need, err = o.successors(); err != nil {
		return nil, fmt.Errorf("create topic: %w", err)
	}
	j, err := db.st.NewFounding(name, f, db.opts.Now())
	if err == nil {
		err = db.change(ctx, j)
	}
	if errors.Is(err, identity.ErrGenesis) {
		err = fmt.Errorf("%w: %w", ErrOptions, err)
	}
	if err != nil {
		return nil, fmt.Errorf("create topic: %w", err)
	}
	db.node.Mesh().TopicsChanged()
	return &Topic{db: db, t: j.Topic}, nil
}

// ID returns the topic's public id.
func (t *Topic) ID() TopicID { return TopicID(t.t.ID) }

// log returns the id of the log that this store appends to by now.
func (t *Topic) log() digest.Hash {
	if now, err := t.db.st.Topic(t.t.ID); err == nil {
		return now.Log
	}
	return t.t.Log
}

// Name returns what this store calls the topic.
func (t *Topic) Name() string {
	now, err := t.db.st.Topic(t.t.ID)
	if err != nil {
		return t.t.Name
	}
	return now.Name
}

// Rename changes what this store calls the topic, and what invites that it makes from
// then on say: at most 64 bytes, printable; it may be empty. The error is ErrOptions for
// another one.
func (t *Topic) Rename(ctx context.Context, name string) (err error) {
	defer t.db.out(&err)
	if err := identity.CheckInviteName(name); err != nil {
		return fmt.Errorf("rename topic: %w: %w", ErrOptions, err)
	}
	r, err := t.db.st.NewRenaming(t.t.ID, name)
	if err == nil {
		err = t.db.change(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("rename topic: %w", err)
	}
	return nil
}

// Follow makes this store follow only some logs of the topic: those with these
// ids, those of authors with these keys (Name(log.ID()), Name(log.Author())), and its own. Nothing of others is
// fetched or forwarded from now on; what is here of them stays, and is served
// to peers that ask for it, and forks of them are still told. The error is
// ErrTooMany for more than 4095 names. It is remembered. If it is another
// choice than before, sessions begin anew with it.
func (t *Topic) Follow(ctx context.Context, names ...Name) error { return t.follow(ctx, names, false) }

// FollowAll makes this store follow all logs of the topic, as it does unless
// Follow was called.
func (t *Topic) FollowAll(ctx context.Context) error { return t.follow(ctx, nil, true) }

func (t *Topic) follow(ctx context.Context, names []Name, all bool) (err error) {
	defer t.db.out(&err)
	inner := make([]digest.Hash, len(names))
	for i, n := range names {
		inner[i] = digest.Hash(n)
	}
	f, err := t.db.st.NewFollowing(t.t.ID, inner, all)
	if err == nil {
		err = t.db.change(ctx, f)
	}
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	if f.Changed {
		t.db.node.Mesh().TopicsChanged()
	}
	return nil
}

// Followed returns what Follow was called with last; all says that it was not.
func (t *Topic) Followed() (names []Name, all bool) {
	inner, all := t.db.st.Followed(t.t.ID)
	names = make([]Name, len(inner))
	for i, n := range inner {
		names[i] = Name(n)
	}
	return names, all
}

// Log returns the log that this store appends to.
func (t *Topic) Log() *Log {
	l, err := t.db.logOf(LogID(t.log()))
	if err != nil {
		return &Log{db: t.db, err: err}
	}
	return l
}

// Logs returns the logs of the topic that this store holds, ordered by id.
func (t *Topic) Logs() (_ []*Log, err error) {
	defer t.db.out(&err)
	if err := t.db.usable(); err != nil {
		return nil, err
	}
	var logs []*Log
	for l, err := range t.db.st.TopicLogs(t.t.ID) {
		if err != nil {
			return nil, err
		}
		logs = append(logs, &Log{db: t.db, l: l})
	}
	return logs, nil
}

// Frontier returns how far each log of the topic is held now: what is after it is new.
func (t *Topic) Frontier() (f Frontier, err error) {
	defer t.db.out(&err)
	logs, err := t.Logs()
	if err != nil {
		return nil, err
	}
	f = Frontier{}
	for _, l := range logs {
		f[l.ID()] = l.Size()
	}
	return f, nil
}

// Append appends one event. When it returns without an error, the event is on
// disk and counted in the root. If the error is an ErrUncertain, as it may be if
// ctx ends meanwhile or the disk fails, the event may be stored or not, and the
// *UncertainError says how to find out. With any other error, and always if ctx
// had ended before, it is not stored.
//
// An event with an ID may be appended again at any time: if this store appended
// one with that ID to the topic, in whichever log, nothing is appended, and the
// receipt says where it is. A repeat is not compared: its type, key and payload
// are ignored, also within a batch.
//
// The error is ErrReserved for a type that begins with "xf/", ErrTooLarge or
// ErrRefs for an event that no peer would take, ErrExpect as Expect says, ErrQuota,
// ErrFrozen, ErrLogClosed, ErrStale or ErrRestored if the log takes none now, and ErrReadOnly or
// ErrClosed if the store does not.
func (t *Topic) Append(ctx context.Context, e Event, options ...AppendOption) (_ Receipt, err error) {
	defer t.db.out(&err)
	if len(options) > 0 {
		return t.AppendBatch(ctx, []Event{e}, options...)
	}
	t.refer(&e)
	entries, err := t.entries([]event.Event{e.inner()})
	if err != nil {
		return Receipt{}, fmt.Errorf("append: %w", err)
	}
	now := t.db.opts.Now()
	at, err := t.db.node.Pipeline().Append(ctx, t.log(), entries[0], now)
	if err == nil {
		t.db.given.referred(t.t.ID, e.Refs)
	}
	return t.receipt(at, 1, now, err)
}

// AppendBatch appends events in one transaction, all or none, at consecutive
// sequences. A batch may hold up to 32 MiB. Events with an id that was appended
// before are left out, and the receipt says how many. It ends as Append does.
func (t *Topic) AppendBatch(ctx context.Context, events []Event, options ...AppendOption) (_ Receipt, err error) {
	defer t.db.out(&err)
	if len(events) == 0 {
		return Receipt{}, fmt.Errorf("append: %w: no events given", ErrOptions)
	}
	if len(events) == 1 {
		events = []Event{events[0]}
		t.refer(&events[0])
	}
	inner, c, err := conditions(inners(events), options)
	if err != nil {
		return Receipt{}, fmt.Errorf("append: %w", err)
	}
	entries, err := t.entries(inner)
	if err != nil {
		return Receipt{}, fmt.Errorf("append: %w", err)
	}
	now := t.db.opts.Now()
	at, err := t.db.node.Pipeline().AppendBatch(ctx, t.log(), entries, c, now)
	if err == nil && len(events) == 1 {
		t.db.given.referred(t.t.ID, events[0].Refs)
	}
	return t.receipt(at, len(events), now, err)
}

// refer has an event of which the application does not say what it comes after come after
// what the application was given.
func (t *Topic) refer(e *Event) {
	if e.Refs == nil {
		e.Refs = t.db.given.refs(t.t.ID, LogID(t.log()))
	}
}

func (t *Topic) receipt(at pipeline.Place, count int, now time.Time, err error) (Receipt, error) {
	if errors.Is(err, store.ErrCut) {
		err = t.removed() // it heard of that meanwhile
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("append: %w", err)
	}
	l, err := t.db.st.Log(at.Log)
	if err != nil {
		return Receipt{}, err
	}
	p := l.State()
	r := Receipt{
		Log: LogID(l.ID), Seq: at.Seq, Count: count - at.Repeated, Repeated: at.Repeated,
		Size: p.Size, Root: Hash(p.Root), Time: time.UnixMilli(at.Time),
	}
	if ahead := r.Time.Sub(now); ahead > tellAhead {
		r.Ahead = ahead
	}
	r.Time = told(r.Time)
	return r, nil
}

// def returns the default topic, which every store has.
func (db *DB) def() *Topic {
	t, err := db.topicOf(TopicID{})
	if err != nil {
		panic("xaeroflux: an open store without a topic: " + err.Error())
	}
	return t
}

// Append appends one event to the default topic; see Topic.Append.
func (db *DB) Append(ctx context.Context, e Event, options ...AppendOption) (_ Receipt, err error) {
	defer db.out(&err)
	db.defaults.RLock()
	defer db.defaults.RUnlock()
	return db.def().Append(ctx, e, options...)
}

// AppendBatch appends events to the default topic; see Topic.AppendBatch.
func (db *DB) AppendBatch(ctx context.Context, events []Event, options ...AppendOption) (_ Receipt, err error) {
	defer db.out(&err)
	db.defaults.RLock()
	defer db.defaults.RUnlock()
	return db.def().AppendBatch(ctx, events, options...)
}
