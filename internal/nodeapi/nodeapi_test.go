// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

func TestCallsGoThrough(t *testing.T) {
	ctx := t.Context()
	f, _, c := start(t, t.TempDir())
	check := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
		}
	}
	info, err := c.Info(ctx, "notes")
	check("info", info, Info{Log: logID, VKey: "key of notes", Invite: "xf1"}, err)
	events := []xaeroflux.Event{{Type: "a", ID: xaeroflux.EventID{1}, Refs: []xaeroflux.Ref{{Log: xaeroflux.LogPrefix{2}, Size: 3}}, Key: []byte{0, 255}, Payload: []byte("\xff\n\x00")}, {Payload: []byte{}}}
	r, err := c.Append(ctx, "", events)
	check("append", r, xaeroflux.Receipt{Log: logID, Count: 2, Size: 2}, err)
	stored, _ := f.snapshot()
	check("stored", stored, events, nil)
	heads, err := c.Heads(ctx, "")
	check("heads", heads, []Head{{Log: logID, Size: 2, Own: true}}, err)
	cosigned, err := c.Cosigned(ctx, "t", "l", 3)
	check("cosigned", string(cosigned), "t/l/3", err)
	forks, err := c.Forks(ctx)
	check("forks", forks, [][]byte{[]byte("fork")}, err)
	check("follow", nil, nil, c.Follow(ctx, "", Followed{Names: []xaeroflux.Name{{0xab}}}))
	followed, err := c.Followed(ctx, "")
	check("followed", followed, Followed{Names: []xaeroflux.Name{{0xab}}}, err)
	note, err := c.Note(ctx, "t", "l")
	check("note", string(note), "t/l", err)
	sync, err := c.Sync(ctx, "peer")
	check("sync", sync, xaeroflux.SyncReport{EventsIn: 7, Took: time.Second / 2}, err)
	check("network changed", nil, nil, c.NetworkChanged(ctx))
	check("how often", f.changed, 1, nil)
	status, err := c.Status(ctx)
	check("status", status, Status{Actors: []xaeroflux.ActorStatus{{Name: "storage/aof"}}}, err)
	name := "ours"
	topics, err := c.Topics(ctx, TopicChange{Topic: "7", Rename: &name, Default: true, Kind: xaeroflux.PlainTopic})
	check("topics", topics, []TopicInfo{{Name: "ours", Default: true, Kind: xaeroflux.PlainTopic}}, err)
	invite, err := c.Invite(ctx, "7", Inviting{Role: xaeroflux.RoleReader, Uses: 3, Expires: time.Unix(9, 0).UTC(), Wait: time.Second})
	check("invite", invite, "invite to 7 for 3 reader until 1970-01-01 00:00:09 +0000 UTC, waits 1s", err)
	members, err := c.Members(ctx, "7", MemberChange{Account: "abcd", Device: "ef01", Role: xaeroflux.RoleAdmin})
	check("members", members, []xaeroflux.Member{{Role: xaeroflux.RoleAdmin, Self: true, Devices: []xaeroflux.Device{{Log: logID, Self: true}}}}, err)
	roster, err := c.Roster(ctx, "7", RosterChange{Trust: true, Ask: true, TakeOver: true, Wait: 9})
	check("roster", roster, xaeroflux.RosterStatus{Term: 1, Leg: 2, Size: 9, Steward: xaeroflux.AuthorKey{3}, Self: true}, err)
	next, err := c.Succession(ctx, "t", SuccessionChange{Sign: "xfs2"})
	check("succession", next.Key, "succession in t: {NewKey:false Propose:false Device: Read: Sign:xfs2}", err)
	link, err := c.Link(ctx, Linking{Expires: time.Unix(9, 0).UTC(), Wait: time.Second})
	check("link", link, "link until 1970-01-01 00:00:09 +0000 UTC, waits 1s", err)
	gone, err := c.RemoveEverywhere(ctx, DeviceChange{Remove: "abcd", Wait: 9})
	check("remove everywhere", gone, []xaeroflux.DeviceRemoval{{Name: "abcd", State: xaeroflux.RemovalAsked, Why: "9ns"}}, err)
	own, err := c.Devices(ctx, DeviceChange{Remove: "abcd", Wait: 9})
	check("devices", own, []xaeroflux.Device{{Log: logID, Since: time.Unix(9, 4).UTC(), Self: true}}, err)
	var steps []int64
	report, err := c.Check(ctx, func(done, total int64) { steps = append(steps, done, total) })
	check("check", report, xaeroflux.CheckReport{Logs: 1, Findings: []xaeroflux.Finding{{Where: "page 1", What: "checksum", Do: "copy"}}}, err)
	check("progress", steps, []int64{1, 2, 2, 2}, nil)
}

func TestErrorsKeepTheirKind(t *testing.T) {
	_, _, c := start(t, t.TempDir())
	_, prove := c.Prove(t.Context(), Prove{Seq: 9})
	_, join := c.Join(t.Context(), "xf2", "")
	_, role := c.Members(t.Context(), "", MemberChange{Account: "abcd", Remove: true})
	if !errors.Is(role, xaeroflux.ErrRole) || errors.Is(role, xaeroflux.ErrAsked) || errors.Is(prove, xaeroflux.ErrRole) {
		t.Errorf("errors are what they are not: %v, %v", role, prove)
	}
	seen := 0
	events := c.Events(t.Context(), Query{Log: "break"}, func(*Record) error { seen++; return nil })
	for what, want := range map[string]struct {
		err  error
		kind Kind
		text string
	}{
		"before any item": {prove, Range, "prove 9: past the end"},
		"of a kind":       {join, Usage, "no invite: xf2"},
		"of a sentinel":   {role, Forbidden, "remove abcd: the roster does not allow it"},
		"after an item":   {events, Range, "read event 1: past the end"},
	} {
		var e *Error
		if !errors.As(want.err, &e) || e.Kind != want.kind || e.Text != want.text {
			t.Errorf("%s: %v, want %s: %s", what, want.err, want.kind, want.text)
		}
	}
	if seen != 1 {
		t.Errorf("%d items before the error, want 1", seen)
	}
}

// What a program branches on is the same error at the other end, and no other one.
func TestSentinelsGoThrough(t *testing.T) {
	_, _, c := start(t, t.TempDir())
	for kind := range sentinels {
		_, err := c.Roster(t.Context(), "7", RosterChange{Handover: string(kind)})
		for other, sentinel := range sentinels {
			if errors.Is(err, sentinel) != (kind == other) {
				t.Errorf("%s: %v is %v: %v", kind, err, sentinel, errors.Is(err, sentinel))
			}
		}
	}
}

// wait fails the test when c does not deliver in time.
func wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(5 * time.Second):
		t.Fatal(what)
	}
}

func TestFollowStreamsAndEndsAtTheClient(t *testing.T) {
	f, _, c := start(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan struct{}, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- c.Events(ctx, Query{Follow: true}, func(r *Record) error { got <- struct{}{}; return nil })
	}()
	for range 3 {
		if _, err := c.Append(t.Context(), "", []xaeroflux.Event{{Payload: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
		wait(t, got, "an appended event does not come")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("a follower that was interrupted: %v", err)
	}
	wait(t, f.follow, "the node goes on following for a client that is gone")
}

func TestFollowEndsWithTheNode(t *testing.T) {
	f, s, c := start(t, t.TempDir())
	ended := make(chan error, 1)
	got := make(chan struct{}, 1)
	go func() {
		ended <- c.Events(t.Context(), Query{Follow: true}, func(*Record) error { got <- struct{}{}; return nil })
	}()
	c.Append(t.Context(), "", []xaeroflux.Event{{Payload: []byte("x")}})
	wait(t, got, "no event")
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*closeGrace { // a busy machine takes its time
		t.Errorf("closing took %s with a follower", took)
	}
	var e *Error
	if err := <-ended; !errors.As(err, &e) || e.Kind != Closed {
		t.Errorf("follower of a node that closed: %v", err)
	}
	wait(t, f.follow, "the follower is still there")
	if _, err := c.Info(t.Context(), ""); !errors.As(err, &e) || e.Kind != Closed {
		t.Errorf("a call to a node that has gone: %v", err)
	}
}

func TestWaitingCallEndsWithEitherSide(t *testing.T) {
	_, s, c := start(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Sync(ctx, "hangs"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that was given up: %v", err)
	}
	ended := make(chan error, 1)
	go func() { _, err := c.Sync(t.Context(), "hangs"); ended <- err }()
	time.Sleep(50 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a call that the node gave up has no error")
	}
}

func TestYieldErrorEndsTheStream(t *testing.T) {
	f, _, c := start(t, t.TempDir())
	c.Append(t.Context(), "", make([]xaeroflux.Event, 3))
	enough := errors.New("enough")
	err := c.Events(t.Context(), Query{Follow: true}, func(*Record) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("%v, want the error of yield", err)
	}
	wait(t, f.follow, "the node goes on following")
}

func TestMalformedRequests(t *testing.T) {
	_, _, c := start(t, t.TempDir())
	for body, path := range map[string]string{
		"":                                   "info",
		"{":                                  "info",
		`{"seq":-1}`:                         "prove",
		`{}`:                                 "events",
		`{"events":[{"payload":"not b64"}]}`: "append",
		`{"topic":"` + strings.Repeat("x", testBody) + `"}`: "append",
	} {
		resp, err := c.http.Post("http://node/v1/"+path, "", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		b.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(b.String(), `"kind":"usage"`) {
			t.Errorf("%.40q to %s: %s, %.200q", body, path, resp.Status, b.String())
		}
	}
	if _, err := single[Info](t.Context(), c, "nothing", request{}); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("unknown call: %v", err)
	}
}
