// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"iter"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// last returns the last error that an iterator yields.
func last[T any](seq iter.Seq2[T, error]) (err error) {
	for _, err = range seq {
	}
	return err
}

// second drops what a method returns beside its error.
func second[T any](_ T, err error) error { return err }

// ErrClosed holds of the error of each method after Close. The arguments are such
// that nothing else is wrong with them.
func TestEveryMethodIsClosedAfterClose(t *testing.T) {
	storetest.NoLeaks(t)
	dir := filepath.Join(t.TempDir(), "a")
	db, err := xaeroflux.Open(dir, storetest.Small())
	storetest.Must(t, err)
	storetest.MustAppend(t, db, 3, "event %d")
	other, err := xaeroflux.Open(filepath.Join(t.TempDir(), "b"), storetest.Small())
	storetest.Must(t, err)
	invite := storetest.Invited(other)
	address := other.PeerID().String() + "@127.0.0.1:9"
	storetest.Must(t, other.Close())
	topic, err := db.Topic(xaeroflux.TopicID{})
	storetest.Must(t, err)
	log, known := topic.Log(), db.Head().Log
	pipe := func() io.ReadWriteCloser {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		return near
	}
	one := []xaeroflux.Event{{Payload: []byte("x")}}
	q, gone := xaeroflux.Query{}, filepath.Join(t.TempDir(), "backup")
	snapshot := db.Events(ctx, q)
	nothing := func(context.Context, []xaeroflux.Record) error { return nil }
	calls := map[string]func() error{
		"DB.Append":                 func() error { return second(db.Append(ctx, one[0])) },
		"DB.AppendBatch":            func() error { return second(db.AppendBatch(ctx, one)) },
		"DB.Backup":                 func() error { return second(db.Backup(ctx, gone, nil)) },
		"DB.BackupTo":               func() error { return second(db.BackupTo(ctx, io.Discard, nil)) },
		"DB.Call":                   func() error { return second(db.Call(ctx, other.PeerID(), "ping", nil)) },
		"DB.Handle":                 func() error { return second(db.Handle("ping", xaeroflux.Capability{})) },
		"DB.KeepDevices":            func() error { return db.KeepDevices(ctx) },
		"DB.KeepDevicesByWords":     func() error { return db.KeepDevicesByWords(ctx, "") },
		"DB.RemoveDeviceEverywhere": func() error { return second(db.RemoveDeviceEverywhere(ctx, xaeroflux.AuthorKey{})) },
		"Topic.Claim":               func() error { return topic.Claim(ctx, "Ada") },
		"Topic.SetPetname":          func() error { return topic.SetPetname(ctx, xaeroflux.AccountKey{}, "Ada") },
		"Topic.Names":               func() error { return second(topic.Names()) },
		"Topic.Say":                 func() error { return second(topic.Say("ping", nil)) },
		"DB.Check":                  func() error { return second(db.Check(ctx, nil)) },
		"DB.Connect":                func() error { return db.Connect(ctx, address) },
		"DB.Cosigned":               func() error { return second(db.Cosigned(ctx, 1)) },
		"DB.CreateTopic":            func() error { return second(db.CreateTopic(ctx, "new", nil)) },
		"DB.Events":                 func() error { return last(db.Events(ctx, q)) },
		"DB.Forks":                  func() error { return second(db.Forks()) },
		"DB.Get":                    func() error { return second(db.Get(ctx, 0)) },
		"DB.Invite":                 func() error { return second(db.Invite(ctx, nil)) },
		"DB.SetDefault":             func() error { return db.SetDefault(ctx, topic.ID()) },
		"DB.JoinByWords":            func() error { return second(db.JoinByWords(ctx, invite, "")) },
		"DB.Join":                   func() error { return second(db.Join(ctx, invite)) },
		"DB.Listen":                 func() error { return second(db.Listen(ctx, "127.0.0.1:0")) },
		"DB.Log":                    func() error { return second(db.Log(known)) },
		"DB.Wait":                   func() error { return db.Wait(ctx, xaeroflux.Receipt{Log: known}) },
		"DB.ForgetCursor":           func() error { return db.ForgetCursor(ctx, "a") },
		"DB.Process":                func() error { return db.Process(ctx, "a", nil, nothing) },
		"Topic.Process":             func() error { return topic.Process(ctx, "a", nil, nothing) },
		"Topic.Frontier":            func() error { return second(topic.Frontier()) },
		"DB.Prove":                  func() error { return second(db.Prove(ctx, 0, 0)) },
		"DB.ReadOnly":               func() error { return db.ReadOnly() },
		"DB.ServeOver":              func() error { return db.ServeOver(ctx, pipe(), "here") },
		"DB.Spawn":                  func() error { return second(db.Spawn("a", actor.PropsFromFunc(func(actor.Context) {}), nil)) },
		"DB.Subscribe":              func() error { return last(db.Subscribe(ctx, q)) },
		"DB.Sync":                   func() error { return second(db.Sync(ctx, address)) },
		"DB.SyncEvents":             func() error { return last(db.SyncEvents(ctx)) },
		"DB.SyncOver":               func() error { return second(db.SyncOver(ctx, pipe(), "here")) },
		"DB.Topic":                  func() error { return second(db.Topic(xaeroflux.TopicID{})) },
		"Topic.Append":              func() error { return second(topic.Append(ctx, one[0])) },
		"Topic.AppendBatch":         func() error { return second(topic.AppendBatch(ctx, one)) },
		"Topic.Fetch":               func() error { return second(topic.Fetch(ctx, xaeroflux.Fetch{})) },
		"Topic.FetchOver": func() error {
			return second(topic.FetchOver(ctx, pipe(), "here", xaeroflux.Fetch{Log: known}))
		},
		"Topic.Find": func() error {
			_, _, err := topic.Find(ctx, xaeroflux.EventID{1})
			return err
		},
		"Topic.Follow":               func() error { return topic.Follow(ctx, xaeroflux.Name(known)) },
		"Topic.Invite":               func() error { return second(topic.Invite(ctx, nil)) },
		"Topic.Members":              func() error { return second(topic.Members()) },
		"Topic.Remove":               func() error { return topic.Remove(ctx, xaeroflux.AccountKey{1}) },
		"Topic.RemoveDevice":         func() error { return topic.RemoveDevice(ctx, xaeroflux.AuthorKey{1}) },
		"DB.RemoveDevice":            func() error { return db.RemoveDevice(ctx, xaeroflux.AuthorKey{1}) },
		"Topic.SetRole":              func() error { return topic.SetRole(ctx, xaeroflux.AccountKey{1}, xaeroflux.RoleReader) },
		"Topic.Roster":               func() error { return second(topic.Roster()) },
		"Topic.ProveBox":             func() error { return second(topic.ProveBox(xaeroflux.RosterFault{})) },
		"Topic.VerifyBox":            func() error { return second(topic.VerifyBox(nil)) },
		"Topic.AskHandover":          func() error { return topic.AskHandover(ctx) },
		"Topic.Handover":             func() error { return topic.Handover(ctx, xaeroflux.AuthorKey{1}) },
		"Topic.TakeOver":             func() error { return topic.TakeOver(ctx) },
		"DB.NewSuccessorKey":         func() error { return second(db.NewSuccessorKey(ctx)) },
		"Topic.ProposeSuccession":    func() error { return second(topic.ProposeSuccession(ctx, xaeroflux.AuthorKey{})) },
		"Topic.ReadSuccession":       func() error { return second(topic.ReadSuccession("")) },
		"Topic.SignSuccession":       func() error { return second(topic.SignSuccession(ctx, "")) },
		"Topic.TakeOverBySuccessors": func() error { return topic.TakeOverBySuccessors(ctx, "") },
		"Topic.TakeOverByWords":      func() error { return topic.TakeOverByWords(ctx, "") },
		"DB.Words":                   func() error { return db.Words(ctx, func(string) error { return nil }) },
		"DB.LinkDevice":              func() error { return second(db.LinkDevice(ctx, nil)) },
		"DB.Devices":                 func() error { return second(db.Devices()) },
		"Topic.TrustRoster":          func() error { return topic.TrustRoster(ctx) },
		"Topic.Rename":               func() error { return topic.Rename(ctx, "later") },
		"Topic.Leave":                func() error { return topic.Leave(ctx, nil) },
		"Topic.Events":               func() error { return last(topic.Events(ctx, q)) },
		"Topic.Subscribe":            func() error { return last(topic.Subscribe(ctx, q)) },
		"Topic.FollowAll":            func() error { return topic.FollowAll(ctx) },
		"Topic.Logs":                 func() error { return second(topic.Logs()) },
		"Log.ProveConsistency":       func() error { return second(log.ProveConsistency(ctx, 1, 3)) },
		"Log.ConsistencyFile":        func() error { return second(log.ConsistencyFile(ctx, 1)) },
		"Log.Cosigned":               func() error { return second(log.Cosigned(ctx, 1)) },
		"Log.CosignedProofFile":      func() error { return second(log.CosignedProofFile(ctx, 0, 1)) },
		"Log.Get":                    func() error { return second(log.Get(ctx, 0)) },
		"Log.ProofFile":              func() error { return second(log.ProofFile(ctx, 0)) },
		"Log.Prove":                  func() error { return second(log.Prove(ctx, 0, 0)) },
		"Topic.Invites":              func() error { return second(topic.Invites()) },
		"Topic.Revoke":               func() error { return topic.Revoke(ctx, xaeroflux.InviteKey{1}) },
		"Topic.Asks":                 func() error { return second(topic.Asks()) },
		"Topic.Standing":             func() error { return second(topic.Standing()) },
	}
	for _, name := range methodsWithErrors(t) {
		if calls[name] == nil && name != "DB.Close" {
			t.Errorf("%s is not in the table", name)
		}
	}
	storetest.Must(t, db.Close())
	for name, call := range calls {
		if err := call(); !errors.Is(err, xaeroflux.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if err := last(snapshot); !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("Events of before, after Close: %v", err)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("a backup of a closed store left something")
	}
	storetest.Must(t, context.Cause(ctx))
}

// methodsWithErrors returns the methods of DB, Topic and Log that return an error
// or yield one, as the sources have them.
func methodsWithErrors(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("../../*.go")
	storetest.Must(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		storetest.Must(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !fn.Name.IsExported() || fn.Type.Results == nil {
				continue
			}
			star, ok := fn.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			on := star.X.(*ast.Ident).Name
			if (on == "DB" || on == "Topic" || on == "Log") && mentionsError(fn.Type.Results) {
				all = append(all, on+"."+fn.Name.Name)
			}
		}
	}
	if len(all) < 30 {
		t.Fatalf("only %d methods found", len(all))
	}
	return all
}

func mentionsError(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == "error"
		return !found
	})
	return found
}
