// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xaeroflux/xaeroflux"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errFake is a typed error of the fake backend.
var errFake = errors.New("past the end")

func classifyFake(err error) *Error {
	if errors.Is(err, errFake) {
		return &Error{Kind: Range, Text: err.Error()}
	}
	for kind, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return &Error{Kind: kind, Text: err.Error()}
		}
	}
	return &Error{Kind: Failure, Text: err.Error()}
}

// logID is the log of the fake backend.
var logID = xaeroflux.LogID{0x10}

// fake is a Backend in memory: one log.
type fake struct {
	mu     sync.Mutex // guards all but follow
	events []xaeroflux.Event
	grown  chan struct{} // closed when events are added
	follow chan struct{} // a follower ended

	followed Followed
	changed  int // how often the network did
}

var _ Backend = (*fake)(nil)

func newFake() *fake { return &fake{grown: make(chan struct{}), follow: make(chan struct{}, 1024)} }

func (f *fake) Info(_ context.Context, topic string) (Info, error) {
	return Info{Log: logID, VKey: "key of " + topic, Invite: "xf1"}, nil
}

func (f *fake) Heads(context.Context, string) ([]Head, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []Head{{Log: logID, Size: uint64(len(f.events)), Own: true}}, nil
}

func (f *fake) Append(_ context.Context, _ string, events []xaeroflux.Event) (xaeroflux.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := xaeroflux.Receipt{Log: logID, Seq: uint64(len(f.events)), Count: len(events)}
	f.events = append(f.events, events...)
	r.Size = uint64(len(f.events))
	close(f.grown)
	f.grown = make(chan struct{})
	return r, nil
}

func (f *fake) snapshot() ([]xaeroflux.Event, chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.events, f.grown
}

func (f *fake) Events(ctx context.Context, q Query, yield func(*Record) error) error {
	if q.Follow {
		defer func() { f.follow <- struct{}{} }()
	}
	if q.Log == "break" {
		yield(&Record{})
		return fmt.Errorf("read event 1: %w", errFake)
	}
	for seq := q.From; ; {
		events, grown := f.snapshot()
		for ; seq < uint64(len(events)); seq++ {
			e := events[seq]
			if err := yield(&Record{Log: logID, Seq: seq, Type: e.Type, Key: e.Key, Payload: e.Payload}); err != nil {
				return err
			}
		}
		if !q.Follow {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *fake) Note(_ context.Context, topic, log string) ([]byte, error) {
	return []byte(topic + "/" + log), nil
}

func (f *fake) Cosigned(_ context.Context, topic, log string, n int) ([]byte, error) {
	return fmt.Appendf(nil, "%s/%s/%d", topic, log, n), nil
}

func (f *fake) Forks(context.Context) ([][]byte, error) { return [][]byte{[]byte("fork")}, nil }

func (f *fake) Followed(context.Context, string) (Followed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.followed, nil
}

func (f *fake) Follow(_ context.Context, _ string, to Followed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followed = to
	return nil
}

func (f *fake) NetworkChanged(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed++
	return nil
}

func (f *fake) Prove(_ context.Context, p Prove) ([]byte, error) {
	return nil, fmt.Errorf("prove %d: %w", p.Seq, errFake)
}

func (f *fake) Topics(_ context.Context, c TopicChange) ([]TopicInfo, error) {
	return []TopicInfo{{Name: *c.Rename, Default: c.Default, Kind: c.Kind}}, nil
}

func (f *fake) Invite(_ context.Context, topic string, o Inviting) (string, error) {
	return fmt.Sprintf("invite to %s for %d %v until %v, waits %v", topic, o.Uses, o.Role, o.Expires, o.Wait), nil
}

func (f *fake) Members(_ context.Context, topic string, c MemberChange) ([]xaeroflux.Member, error) {
	if c.Remove {
		return nil, fmt.Errorf("remove %s: %w", c.Account, xaeroflux.ErrRole)
	}
	return []xaeroflux.Member{{Role: c.Role, Self: true, Devices: []xaeroflux.Device{{Log: logID, Self: c.Device != ""}}}}, nil
}

// Roster fails as the handover says, if it is an error's kind.
func (f *fake) Roster(_ context.Context, topic string, c RosterChange) (xaeroflux.RosterStatus, error) {
	if err := sentinels[Kind(c.Handover)]; err != nil {
		return xaeroflux.RosterStatus{}, fmt.Errorf("roster of %s: %w", topic, err)
	}
	return xaeroflux.RosterStatus{Term: uint32(len(topic)), Leg: 2, Size: uint64(c.Wait), Steward: xaeroflux.AuthorKey{3}, Self: c.Trust && c.Ask && c.TakeOver}, nil
}

func (f *fake) Succession(_ context.Context, topic string, c SuccessionChange) (Succession, error) {
	return Succession{Key: fmt.Sprintf("succession in %s: %+v", topic, c)}, nil
}

func (f *fake) Link(_ context.Context, o Linking) (string, error) {
	return fmt.Sprintf("link until %v, waits %v", o.Expires, o.Wait), nil
}

func (f *fake) Devices(_ context.Context, c DeviceChange) ([]xaeroflux.Device, error) {
	return []xaeroflux.Device{{Log: logID, Since: time.Unix(int64(c.Wait), int64(len(c.Remove))).UTC(), Self: true}}, nil
}

func (f *fake) RemoveEverywhere(_ context.Context, c DeviceChange) ([]xaeroflux.DeviceRemoval, error) {
	return []xaeroflux.DeviceRemoval{{Name: c.Remove, State: xaeroflux.RemovalAsked, Why: c.Wait.String()}}, nil
}

func (f *fake) Invites(_ context.Context, topic string, c InviteChange) ([]xaeroflux.OpenInvite, error) {
	return []xaeroflux.OpenInvite{{ID: xaeroflux.InviteKey{1}, Role: xaeroflux.RoleReader, Uses: len(topic) + len(c.Close), Expires: time.Unix(int64(c.Wait), 0).UTC()}}, nil
}

func (f *fake) Asks(_ context.Context, topic string) ([]xaeroflux.Ask, error) {
	return []xaeroflux.Ask{{Log: logID, Seq: uint64(len(topic)), State: xaeroflux.AskStale, Record: &xaeroflux.RosterRecord{Leg: 2}}}, nil
}

func (f *fake) Join(_ context.Context, invite, _ string) (Info, error) {
	return Info{}, &Error{Kind: Usage, Text: "no invite: " + invite}
}

func (f *fake) Sync(ctx context.Context, peer string) (xaeroflux.SyncReport, error) {
	if peer == "hangs" {
		<-ctx.Done()
		return xaeroflux.SyncReport{}, ctx.Err()
	}
	return xaeroflux.SyncReport{EventsIn: 7, Took: time.Second / 2}, nil
}

func (f *fake) Fetch(_ context.Context, topic, log string, what xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
	if log == "unknown" {
		return xaeroflux.FetchReport{}, &Error{Kind: Unknown, Text: "no log"}
	}
	head := xaeroflux.Head{Log: logID, Size: uint64(len(topic + log)), Sig: xaeroflux.Signature{1, 63: 2}}
	return xaeroflux.FetchReport{
		Log: logID, Head: head, Part: xaeroflux.Span{First: what.From, End: what.To}, Events: what.Last,
		From: []xaeroflux.PeerID{{byte(len(what.Peers))}}, Gaps: []xaeroflux.Span{{First: 1, End: 2}},
	}, nil
}

func (f *fake) FetchOver(ctx context.Context, rw io.ReadWriteCloser, place, topic, log string, what xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
	if _, err := f.SyncOver(ctx, rw, place); err != nil {
		return xaeroflux.FetchReport{}, err
	}
	return f.Fetch(ctx, topic, log, what)
}

func (f *fake) Gaps(_ context.Context, topic, log string) ([]Gaps, error) {
	return []Gaps{{Log: logID, HeadSize: uint64(len(topic + log)), Held: []xaeroflux.Span{{First: 0, End: 3}}, Gaps: []xaeroflux.Span{{First: 3, End: 9}}}}, nil
}

func (f *fake) Check(_ context.Context, progress func(done, total int64)) (xaeroflux.CheckReport, error) {
	progress(1, 2)
	time.Sleep(250 * time.Millisecond) // so that the next is sent too
	progress(2, 2)
	return xaeroflux.CheckReport{Logs: 1, Findings: []xaeroflux.Finding{{Where: "page 1", What: "checksum", Do: "copy"}}}, nil
}

func (f *fake) Backup(_ context.Context, dir string, o xaeroflux.BackupOptions) (xaeroflux.BackupReport, error) {
	o.Progress(1, 2)
	if dir == "break" {
		return xaeroflux.BackupReport{}, errFake
	}
	identity := map[bool]string{true: "none", false: "plain"}[o.WithoutIdentity]
	return xaeroflux.BackupReport{BackupManifest: xaeroflux.BackupManifest{Number: 7, Identity: identity, Events: uint64(len(dir))}}, nil
}

// BackupOver writes more than a frame.
func (f *fake) BackupOver(_ context.Context, rw io.ReadWriteCloser, _ xaeroflux.BackupOptions) (xaeroflux.BackupReport, error) {
	_, err := rw.Write(make([]byte, 3*maxPipeFrame))
	return xaeroflux.BackupReport{BackupManifest: xaeroflux.BackupManifest{Number: 8, Logs: make([]xaeroflux.BackupLog, 1<<16)}}, errors.Join(err, rw.Close())
}

func (f *fake) Status(context.Context) (Status, error) {
	return Status{Actors: []xaeroflux.ActorStatus{{Name: "storage/aof"}}}, nil
}

// testBody is the limit of a request's body in tests.
const testBody = 1 << 20

// testCallers is how many callers there may be in tests.
const testCallers = 16

// testSilence is how long a caller may be silent in tests.
const testSilence = time.Second

// start serves a fake in a fresh directory.
func start(t *testing.T, dir string) (*fake, *Server, *Client) {
	t.Helper()
	f := newFake()
	s, err := serveBounded(dir, f, classifyFake, func(text string) { t.Log(text) }, bounds{body: testBody, silence: testSilence, callers: testCallers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return f, s, c
}

// SyncOver says hello and reports how many bytes come back.
func (f *fake) SyncOver(ctx context.Context, rw io.ReadWriteCloser, place string) (xaeroflux.SyncReport, error) {
	defer rw.Close()
	if place == "break" {
		return xaeroflux.SyncReport{}, fmt.Errorf("sync over %s: %w", place, errFake)
	}
	if _, err := io.WriteString(rw, "hello"); err != nil {
		return xaeroflux.SyncReport{}, err
	}
	b, err := io.ReadAll(rw)
	return xaeroflux.SyncReport{BytesIn: uint64(len(b))}, err
}

// ServeOver reads until the call ends.
func (f *fake) ServeOver(ctx context.Context, rw io.ReadWriteCloser, place string) error {
	defer context.AfterFunc(ctx, func() { rw.Close() })()
	io.Copy(io.Discard, rw)
	return ctx.Err()
}
