// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// What errors of topics with members are, they are at the other end of a node's socket
// too, and have an exit code and a next step.
func TestErrorsOfMembers(t *testing.T) {
	a := &app{dir: "s"}
	for _, c := range []struct {
		err  error
		exit int
		next string
	}{
		{fmt.Errorf("remove: %w: the owner", xaeroflux.ErrRole), 1, "the owner and the admins invite and remove"},
		{fmt.Errorf("remove: %w: %w", xaeroflux.ErrAsked, context.DeadlineExceeded), 1, "the ask stands"},
		{fmt.Errorf("remove: %w: %w", xaeroflux.ErrAsked, context.Canceled), 130, "the ask stands"},
		{fmt.Errorf("invite: %w", xaeroflux.ErrUnmet), 1, "xaeroflux run --dir s"},
		{fmt.Errorf("invite: %w", xaeroflux.ErrUnmet), 1, "or xaeroflux roster --dir s trust while it runs, if no other copy of this store is in use"},
		{fmt.Errorf("take over: %w", xaeroflux.ErrNotOwner), 1, "`xaeroflux takeover` with the store that founded"},
		{fmt.Errorf("hand over: %w", xaeroflux.ErrNotAsked), 1, "`xaeroflux roster ask` at the device"},
		{fmt.Errorf("take over: %w", xaeroflux.ErrNoRoster), 1, "xaeroflux sync --dir s ADDRESS"},
		{fmt.Errorf("sync: %w", xaeroflux.ErrNotShared), 1, "`xaeroflux join"},
		{fmt.Errorf("sync: %w", xaeroflux.ErrUnsettled), 1, "xaeroflux forks"},
		{fmt.Errorf("sync: %w", xaeroflux.ErrNoKeys), 1, "sync with that one"},
		{fmt.Errorf("sync: %w", xaeroflux.ErrNotTaken), 1, "xaeroflux check"},
		{fmt.Errorf("append: %w", xaeroflux.ErrRemoved), 1, "`xaeroflux join"},
		{fmt.Errorf("append: %w", xaeroflux.ErrInviteUsed), 1, "`xaeroflux join -`"},
		{fmt.Errorf("append: %w", xaeroflux.ErrInviteExpired), 1, "`xaeroflux join -`"},
		{fmt.Errorf("append: %w", xaeroflux.ErrInviteClosed), 1, "`xaeroflux join -`"},
		{fmt.Errorf("append: %w", xaeroflux.ErrInviteVoid), 1, "`xaeroflux join -`"},
		{fmt.Errorf("leave: %w", xaeroflux.ErrSteward), 1, "`xaeroflux handover DEVICE` here"},
		{fmt.Errorf("leave: %w", xaeroflux.ErrOwnerKey), 1, "without --delete"},
		{fmt.Errorf("append: %w", xaeroflux.ErrSealed), 1, "xaeroflux run --dir s"},
	} {
		b, err := json.Marshal(&nodeapi.Error{Kind: kindOf(c.err), Text: c.err.Error()})
		told := new(nodeapi.Error)
		if err := errors.Join(err, json.Unmarshal(b, told)); err != nil {
			t.Fatal(err)
		}
		for _, target := range []error{
			xaeroflux.ErrRole, xaeroflux.ErrAsked, xaeroflux.ErrUnmet, xaeroflux.ErrSealed, xaeroflux.ErrNotOwner, xaeroflux.ErrNotAsked, xaeroflux.ErrNotShared, xaeroflux.ErrRemoved,
			xaeroflux.ErrUnsettled, xaeroflux.ErrNoKeys, xaeroflux.ErrNotTaken,
			xaeroflux.ErrInviteUsed, xaeroflux.ErrInviteExpired, xaeroflux.ErrInviteClosed, xaeroflux.ErrInviteVoid, xaeroflux.ErrSteward, xaeroflux.ErrOwnerKey, xaeroflux.ErrNoRoster,
		} {
			if c.exit != exitSignal && errors.Is(told, target) != errors.Is(c.err, target) {
				t.Errorf("%v: errors.Is %v is another one at the other end", c.err, target)
			}
		}
		var out bytes.Buffer
		a.err = &out
		cmd := &cobra.Command{Use: "remove"}
		if code := a.fail(cmd, c.err); code != c.exit || !strings.Contains(out.String(), c.next) {
			t.Errorf("%v: exit code %d, %s", c.err, code, out.String())
		}
	}
	if got := a.next(&cobra.Command{Use: "invite"}, nodeapi.Asked, xaeroflux.ErrAsked); strings.Contains(got, "stands") {
		t.Errorf("an invite whose key was given to nobody: %s", got)
	}
}

// unreadable is a store whose events are sealed, and that has no key.
type unreadable struct{ backend }

func (unreadable) Events(_ context.Context, q nodeapi.Query, yield func(*nodeapi.Record) error) error {
	for seq, why := range []error{fmt.Errorf("%w (log 12)", xaeroflux.ErrSealed), errors.New("it does not open"), nil} {
		var out nodeapi.Record
		fill(&out, &xaeroflux.Record{Seq: uint64(seq), Sealed: why}, true)
		if err := yield(&out); err != nil || seq+1 == q.Limit {
			return err
		}
	}
	return nil
}

func TestSealedEventsAreSaid(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	for _, follow := range []bool{false, true} {
		out.Reset()
		if err := a.cat(t.Context(), unreadable{}, nodeapi.Query{Follow: follow}); err != nil || out.String() != "(sealed: no key here)\n(sealed: it does not open)\n\n" {
			t.Errorf("cat prints %q, %v", out.String(), err)
		}
	}
	out.Reset()
	cmd := &cobra.Command{Use: "get"}
	cmd.SetContext(t.Context())
	if err := a.get(cmd, unreadable{}, nodeapi.Query{Limit: 1}); !errors.Is(err, xaeroflux.ErrSealed) || out.Len() > 0 {
		t.Errorf("get prints %q, %v", out.String(), err)
	}
	a.json = true
	for _, print := range []func() error{
		func() error { return a.cat(t.Context(), unreadable{}, nodeapi.Query{}) },
		func() error { return a.get(cmd, unreadable{}, nodeapi.Query{Limit: 1}) },
	} {
		out.Reset()
		if err := print(); err != nil || !strings.Contains(out.String(), `"type":"","key":"","payload":"","sealed":"no key here",`) {
			t.Errorf("%s, %v", out.String(), err)
		}
	}
}

// A node that has no key, or whose person may only read, appended nothing.
func TestRefusedAppendsAreCertain(t *testing.T) {
	for _, err := range []error{xaeroflux.ErrSealed, xaeroflux.ErrRole} {
		if mayBeThere(&nodeapi.Error{Kind: kindOf(err), Text: err.Error()}) {
			t.Errorf("%v: events may be there", err)
		}
	}
}

// An append that cannot compare what it appended before says so, and not that the input
// is another one.
func TestResumeOfSealedEvents(t *testing.T) {
	w := &batcher{b: unreadable{}, pending: []xaeroflux.Event{{Payload: []byte("x")}}}
	if err := w.compare(t.Context(), xaeroflux.Receipt{}); !errors.Is(err, xaeroflux.ErrSealed) || w.other {
		t.Errorf("%v", err)
	}
}
