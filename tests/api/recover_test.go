// SPDX-License-Identifier: MPL-2.0

package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// private is what a topic of members is founded with.
var private = &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic}

// recovered recovers a store in a new directory.
func recovered(t *testing.T, phrase string, o *xaeroflux.RecoverOptions) (*xaeroflux.DB, *xaeroflux.Recovered) {
	t.Helper()
	return recoveredIn(t, filepath.Join(t.TempDir(), "new"), phrase, o)
}

func recoveredIn(t *testing.T, dir, phrase string, o *xaeroflux.RecoverOptions) (*xaeroflux.DB, *xaeroflux.Recovered) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	db, got, err := xaeroflux.Recover(ctx, dir, phrase, o)
	Must(t, err)
	t.Cleanup(func() { db.Close() })
	return db, got
}

// backOf returns what came back of a topic.
func backOf(got *xaeroflux.Recovered, name string) xaeroflux.RecoveredTopic {
	for _, x := range got.Topics {
		if x.Name == name {
			return x
		}
	}
	return xaeroflux.RecoveredTopic{}
}

// wrote appends a note.
func wrote(t *testing.T, topic *xaeroflux.Topic, text string) {
	t.Helper()
	_, err := topic.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte(text)})
	Must(t, err)
}

// joinedBy opens a store that joins a topic.
func joinedBy(t *testing.T, a *xaeroflux.DB, at *xaeroflux.Topic, name string) (*xaeroflux.DB, *xaeroflux.Topic, string) {
	t.Helper()
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	db, addr := listening(t, name, &xaeroflux.Options{Invite: invite})
	meet(t, a, addr)
	return db, TopicOf(t, db), addr
}

// devicesOf counts the devices of all members of a topic.
func devicesOf(t *testing.T, topic *xaeroflux.Topic) (n int) {
	t.Helper()
	all, err := topic.Members()
	Must(t, err)
	for _, m := range all {
		n += len(m.Devices)
	}
	return n
}

// TestRecoverBesideADevice: of two devices the one is lost that writes the rosters. The
// words make a new one, which has all from the other, and goes on in its place.
func TestRecoverBesideADevice(t *testing.T) {
	for _, remove := range []bool{false, true} {
		t.Run(map[bool]string{false: "kept", true: "removed"}[remove], func(t *testing.T) { testRecoverBesideADevice(t, remove) })
	}
}

func testRecoverBesideADevice(t *testing.T, remove bool) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	phrase := words(t, a)
	at, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	wrote(t, at, "before")
	_, err = a.CreateTopic(ctx, "square", nil)
	Must(t, err)
	b, addr := linked(t, a, "b", "family", "square")
	bt := topicNamed(b, "family")
	Await(t, func() bool { meet(t, a, addr); return texts(t, bt)["note:before"] && devicesOf(t, bt) == 2 })
	Must(t, a.Close())

	c, got := recovered(t, phrase, &xaeroflux.RecoverOptions{Peers: []string{addr}, RemoveOthers: remove, Wait: time.Millisecond})
	if x := backOf(got, "family"); !got.Home || got.NewHome || x.State != xaeroflux.RecoveredWhole || x.Role != xaeroflux.RoleOwner || !x.TookOver {
		t.Errorf("came back: %+v", got)
	}
	if x := backOf(got, "square"); x.State != xaeroflux.RecoveredWhole {
		t.Errorf("the open topic: %+v", x)
	}
	ct := topicNamed(c, "family")
	if got := texts(t, ct); !got["note:before"] || len(got) != 1 {
		t.Errorf("the new device reads %v", got)
	}
	wrote(t, ct, "after")
	want := 3
	if remove {
		want = 1
		if x := backOf(got, "family"); len(x.Removed) != 2 || len(x.Asked) != 0 {
			t.Errorf("removed: %+v", x)
		}
	} else {
		Await(t, func() bool { meet(t, c, addr); return texts(t, bt)["note:after"] })
	}
	if n := devicesOf(t, ct); n != want {
		t.Errorf("%d devices, want %d", n, want)
	}
	all, err := c.Devices()
	Must(t, err)
	if len(all) != want {
		t.Errorf("devices are %+v, want %d", all, want)
	}
	d, daddr := linked(t, c, "d", "family")
	Await(t, func() bool { meet(t, c, daddr); return texts(t, topicNamed(d, "family"))["note:after"] })
}

// TestRecoverFromAMember: a person's only device is lost. A new invite of a friend's, to a
// topic that the person is in, brings the account back, and uses nothing up.
func TestRecoverFromAMember(t *testing.T) {
	friend, addr := listening(t, "friend", nil)
	ft, err := friend.CreateTopic(ctx, "club", private)
	Must(t, err)
	wrote(t, ft, "of the friend")
	old := filepath.Join(t.TempDir(), "a")
	a := Open(t, old, nil)
	listens, err := a.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	aaddr, phrase := listens.String(), words(t, a)
	invite, err := ft.Invite(ctx, nil)
	Must(t, err)
	at, err := a.Join(ctx, invite)
	Must(t, err)
	Await(t, func() bool {
		meet(t, friend, aaddr)
		return texts(t, at)["note:of the friend"] && devicesOf(t, ft) == 2
	})
	wrote(t, at, "of mine")
	meet(t, friend, aaddr)
	Must(t, a.Close())

	again, err := ft.Invite(ctx, &xaeroflux.InviteOptions{Role: xaeroflux.RoleReader})
	Must(t, err)
	dir := filepath.Join(t.TempDir(), "new")
	c, got := recoveredIn(t, dir, phrase, &xaeroflux.RecoverOptions{Invites: []string{again}})
	if x := backOf(got, "club"); got.Home || x.Role != xaeroflux.RoleWriter || x.State != xaeroflux.RecoveredWhole && x.State != xaeroflux.RecoveredAsked {
		t.Errorf("came back: %+v", got)
	}
	ct := topicNamed(c, "club")
	if got := texts(t, ct); !got["note:of the friend"] || !got["note:of mine"] {
		t.Errorf("the new device reads %v", got)
	}
	wrote(t, ct, "of mine, again")
	Await(t, func() bool {
		_, err := c.Sync(ctx, addr)
		Must(t, err)
		m, err := ft.Members()
		return err == nil && len(m) == 2 && len(m[0].Devices)+len(m[1].Devices) == 3 && texts(t, ft)["note:of mine, again"]
	})
	if _, err := c.Devices(); err != nil {
		t.Error(err)
	}
	Must(t, c.Close())

	c, got = recoveredIn(t, dir, phrase, &xaeroflux.RecoverOptions{Invites: []string{again}, RemoveOthers: true})
	if x := backOf(got, "club"); !got.NewHome || len(x.Removed) != 1 || len(x.Asked) != 0 {
		t.Errorf("a second time: %+v", got)
	}
	all, err := c.Devices()
	Must(t, err)
	if len(all) != 1 || !all[0].Self {
		t.Errorf("devices are %+v", all)
	}
	d, daddr := linked(t, c, "d", "club")
	Await(t, func() bool { meet(t, c, daddr); return texts(t, topicNamed(d, "club"))["note:of mine, again"] })

	lost := Open(t, old, nil) // somebody found it: it has another home topic by the same words
	for range 3 {
		if _, err := lost.Sync(ctx, daddr); err == nil {
			t.Error("the lost device shares something")
		}
	}
	for _, db := range []*xaeroflux.DB{c, d, lost} {
		all, err := db.Devices()
		Must(t, err)
		if self := slices.ContainsFunc(all, func(d xaeroflux.Device) bool { return d.Self }); len(all) != 2 || self != (db != lost) {
			t.Errorf("devices are %+v", all)
		}
	}
}

// TestOwnerLosesEverything: the owner's only device, which writes the roster, is lost. A
// replica holds all. The owner comes back by the words and an invite that was used, as the
// owner and the steward; the lost device reads nothing that follows.
func TestOwnerLosesEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	phrase := words(t, a)
	at, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	old, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: xaeroflux.RoleReplica})
	Must(t, err)
	replica, raddr := listening(t, "replica", &xaeroflux.Options{Invite: old})
	meet(t, a, raddr)
	ben, bt, _ := joinedBy(t, a, at, "ben")
	wrote(t, at, "before")
	meet(t, a, raddr)
	Must(t, a.Close())

	c, got := recovered(t, phrase, &xaeroflux.RecoverOptions{Invites: []string{old}, Peers: []string{raddr}, RemoveOthers: true})
	if x := backOf(got, "family"); x.State != xaeroflux.RecoveredWhole || x.Role != xaeroflux.RoleOwner || !x.TookOver || len(x.Removed) != 1 {
		t.Errorf("came back: %+v", got)
	}
	ct := topicNamed(c, "family")
	if r, err := ct.Roster(); err != nil || !r.Self || r.Term != 1 {
		t.Errorf("the roster is %+v, %v", r, err)
	}
	wrote(t, ct, "after")
	if got := texts(t, ct); !got["note:before"] || !got["note:after"] || len(got) != 2 {
		t.Errorf("the new device reads %v", got)
	}
	meet(t, c, raddr)
	Await(t, func() bool { meet(t, ben, raddr); return texts(t, bt)["note:after"] && texts(t, bt)["note:before"] })

	lost := Open(t, dir, nil) // somebody found it
	lt := topicNamed(lost, "family")
	for range 3 {
		if _, err := lost.Sync(ctx, raddr); err != nil && !errors.Is(err, xaeroflux.ErrNotShared) {
			t.Log(err)
		}
	}
	if got := texts(t, lt); got["note:after"] {
		t.Errorf("the lost device reads %v", got)
	}
	if _, err := lt.Append(ctx, xaeroflux.Event{Payload: []byte("of the thief")}); !errors.Is(err, xaeroflux.ErrRemoved) {
		t.Errorf("the lost device appends: %v", err)
	}
	_ = replica
}

// TestWrongWords: words of somebody else are told apart from a peer that is not reached,
// and leave nothing that keeps the right ones out.
func TestWrongWords(t *testing.T) {
	a, addr := listening(t, "a", nil)
	at, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	phrase := words(t, a)
	other := Open(t, filepath.Join(t.TempDir(), "other"), nil)
	wrong := words(t, other)
	invite, err := at.Invite(ctx, nil)
	Must(t, err)
	dir := filepath.Join(t.TempDir(), "new")
	for _, c := range []struct {
		name   string
		phrase string
		o      xaeroflux.RecoverOptions
		want   error
	}{
		{"another person's, topic", wrong, xaeroflux.RecoverOptions{Invites: []string{invite}}, xaeroflux.ErrOtherWords},
		{"no words", "abandon", xaeroflux.RecoverOptions{}, xaeroflux.ErrWords},
		{"nobody is named", phrase, xaeroflux.RecoverOptions{}, xaeroflux.ErrNotFound},
		{"nobody is there", phrase, xaeroflux.RecoverOptions{Peers: []string{a.PeerID().String() + "@127.0.0.1:1"}}, xaeroflux.ErrNotFound},
		{"another person's", wrong, xaeroflux.RecoverOptions{Peers: []string{addr}}, xaeroflux.ErrOtherWords},
		{"an option", phrase, xaeroflux.RecoverOptions{Options: &xaeroflux.Options{ReadOnly: true}}, xaeroflux.ErrOptions},
		{"no invite", phrase, xaeroflux.RecoverOptions{Invites: []string{"xf2"}}, xaeroflux.ErrInvite},
	} {
		if _, _, err := xaeroflux.Recover(ctx, dir, c.phrase, &c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	db, got := recoveredIn(t, dir, phrase, &xaeroflux.RecoverOptions{Peers: []string{addr}})
	if !got.Home || topicNamed(db, "family") == nil {
		t.Errorf("came back: %+v", got)
	}
	Must(t, db.Close())
	if _, _, err := xaeroflux.Recover(ctx, dir, wrong, &xaeroflux.RecoverOptions{Peers: []string{addr}}); !errors.Is(err, xaeroflux.ErrOtherWords) {
		t.Errorf("the store of another person: %v", err)
	}
	CheckClean(t, dir)
}

// TestStewardThatAnswers: a device of the person that writes the roster and is there admits
// the new one; no term begins, and nobody is removed.
func TestStewardThatAnswers(t *testing.T) {
	a, addr := listening(t, "a", nil)
	at, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	phrase := words(t, a)
	c, got := recovered(t, phrase, &xaeroflux.RecoverOptions{Peers: []string{addr}, Wait: time.Minute})
	if x := backOf(got, "family"); !got.Home || x.State != xaeroflux.RecoveredWhole || x.TookOver {
		t.Errorf("came back: %+v", got)
	}
	if r, err := at.Roster(); err != nil || !r.Self || r.Term != 0 {
		t.Errorf("the roster is %+v, %v", r, err)
	}
	for _, db := range []*xaeroflux.DB{a, c} {
		all, err := db.Devices()
		Must(t, err)
		if len(all) != 2 {
			t.Errorf("devices are %+v", all)
		}
	}
}

// TestRecoveryLeavesNoSecret: what the words lead to is in no file, no log and no error.
func TestRecoveryLeavesNoSecret(t *testing.T) {
	old := filepath.Join(t.TempDir(), "a")
	a := Open(t, old, nil)
	at, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	wrote(t, at, "before")
	Must(t, a.Close())
	account := accountKept(t, old, at.ID())
	a = Open(t, old, nil)
	listens, err := a.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	addr := listens.String()
	phrase := words(t, a)

	dir, said := filepath.Join(t.TempDir(), "new"), &logged{}
	_, _, err = xaeroflux.Recover(ctx, dir, phrase, nil)
	o := &xaeroflux.Options{Logger: slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	c, _ := recoveredIn(t, dir, phrase, &xaeroflux.RecoverOptions{Options: o, Peers: []string{addr}, RemoveOthers: true})
	if !texts(t, topicNamed(c, "family"))["note:before"] {
		t.Error("it reads nothing")
	}
	Must(t, c.Close())
	w, werr := identity.ParseWords(phrase)
	Must(t, werr)
	h, root := w.Home(), w.RootKEMSeed()
	files := allFiles(t, dir)
	files["the log"], files["an error"] = said.bytes(), []byte(err.Error())
	if len(files["the log"]) == 0 {
		t.Error("nothing was logged")
	}
	secrets := map[string][]byte{"the words": []byte(phrase), "three of them": []byte(strings.Join(strings.Fields(phrase)[:3], " ")), "their bits": w.Secret[:], "the root key": root[:]}
	for of, s := range map[string]identity.AccountSecret{"home": h.Account, "family": account} {
		kem := s.KEMSeed()
		secrets["the secret of "+of], secrets["the key of "+of], secrets["the KEM key of "+of] = bytes.Clone(s.Secret[:]), s.Key().Seed(), bytes.Clone(kem[:])
	}
	found := false
	for name, b := range files {
		for what, s := range secrets {
			if bytes.Contains(b, s) || bytes.Contains(b, []byte(hex.EncodeToString(s))) {
				t.Errorf("%s holds %s", name, what)
			}
		}
		id := h.Genesis.ID()
		found = found || bytes.Contains(b, id[:]) // that is in a row, and no secret
	}
	if !found {
		t.Error("the search finds nothing")
	}
}

// accountKept returns the secret of an account that a closed store keeps.
func accountKept(t *testing.T, dir string, topic xaeroflux.TopicID) identity.AccountSecret {
	t.Helper()
	st, err := store.Open(dir, store.Options{ReadOnly: true})
	Must(t, err)
	defer st.Close()
	x, err := st.Topic(digest.Hash(topic))
	Must(t, err)
	if x.Account.IsZero() {
		t.Fatal("no secret is kept")
	}
	return x.Account
}

// A logged keeps what a logger says.
type logged struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// cutDir names the environment of a process that recovers into a directory.
const cutDir = "XAEROFLUX_TEST_RECOVER"

// TestRecoveringProcess is the process that TestRecoveryIsCutOff kills.
func TestRecoveringProcess(t *testing.T) {
	dir := os.Getenv(cutDir)
	if dir == "" {
		t.Skip("not such a process")
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	phrase := lines.Text()
	lines.Scan()
	fmt.Println("begins")
	db, _, err := xaeroflux.Recover(ctx, dir, phrase, &xaeroflux.RecoverOptions{Peers: []string{lines.Text()}, RemoveOthers: true})
	Must(t, err)
	fmt.Println("done")
	Must(t, db.Close())
}

// TestRecoveryIsCutOff: a recovery that is killed at any point is gone on with by another one,
// and nothing is left of it but what one that was not killed leaves.
func TestRecoveryIsCutOff(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	wrote(t, at, "before")
	phrase := words(t, a)
	b, addr := linked(t, a, "b", "family")
	bt := topicNamed(b, "family")
	Await(t, func() bool { meet(t, a, addr); return texts(t, bt)["note:before"] && devicesOf(t, bt) == 2 })
	Must(t, a.Close())
	dir := filepath.Join(t.TempDir(), "new")
	for wait, done := 2*time.Millisecond, false; !done && wait < time.Minute; wait += wait / 2 {
		done = cutOff(t, dir, phrase+"\n"+addr+"\n", wait)
	}
	c, got := recoveredIn(t, dir, phrase, &xaeroflux.RecoverOptions{Peers: []string{addr}, RemoveOthers: true})
	if x := backOf(got, "family"); !got.Home || x.State != xaeroflux.RecoveredWhole || len(x.Removed) != 2 || len(x.Asked) != 0 {
		t.Errorf("came back: %+v", got)
	}
	all, err := c.Devices()
	Must(t, err)
	ct := topicNamed(c, "family")
	if len(all) != 1 || devicesOf(t, ct) != 1 || !texts(t, ct)["note:before"] {
		t.Errorf("devices are %+v", all)
	}
	wrote(t, ct, "after")
	Must(t, c.Close())
	CheckClean(t, dir)
}

// cutOff runs a process that recovers, and kills it after a while; done says that it ended
// before.
func cutOff(t *testing.T, dir, input string, wait time.Duration) (done bool) {
	t.Helper()
	self, err := os.Executable()
	Must(t, err)
	cmd := exec.Command(self, "-test.run=^TestRecoveringProcess$", "-test.v")
	cmd.Env, cmd.Stdin = append(os.Environ(), cutDir+"="+dir), strings.NewReader(input)
	out, err := cmd.StdoutPipe()
	Must(t, err)
	Must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if lines.Text() == "begins" {
			time.AfterFunc(wait, func() { cmd.Process.Kill() })
		}
		done = done || lines.Text() == "done"
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.Exited() {
		t.Fatalf("after %v: %v\n%s", wait, err, strings.Join(said, "\n"))
	}
	return done
}

// TestJoinAgainByWords: a member that was removed, and whose account's secret the words
// keep, joins again as who that was, by a new invite and the words.
func TestJoinAgainByWords(t *testing.T) {
	friend := Open(t, filepath.Join(t.TempDir(), "friend"), nil)
	ft, err := friend.CreateTopic(ctx, "club", private)
	Must(t, err)
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	listens, err := a.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	addr, phrase := listens.String(), words(t, a)
	wrong := words(t, Open(t, filepath.Join(t.TempDir(), "other"), nil))
	invite := func() string {
		text, err := ft.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		Must(t, err)
		return text
	}
	at, err := a.Join(ctx, invite())
	Must(t, err)
	member := func() (m xaeroflux.Member) {
		all, err := ft.Members()
		Must(t, err)
		for _, x := range all {
			if !x.Self {
				m = x
			}
		}
		return m
	}
	Await(t, func() bool { meet(t, friend, addr); return len(member().Devices) == 1 })
	first := member()
	wrote(t, at, "of mine, before")
	meet(t, friend, addr)
	Must(t, ft.Remove(ctx, first.Account))
	wrote(t, ft, "meanwhile")
	Await(t, func() bool {
		friend.Sync(ctx, addr)
		_, err := at.Append(ctx, xaeroflux.Event{})
		return errors.Is(err, xaeroflux.ErrRemoved)
	})
	again := invite()
	Await(t, func() bool { _, err := a.Join(ctx, again); return errors.Is(err, xaeroflux.ErrByWords) })
	if _, err := a.JoinByWords(ctx, again, wrong); !errors.Is(err, xaeroflux.ErrOtherWords) {
		t.Errorf("by other words: %v", err)
	}
	_, err = a.JoinByWords(ctx, again, phrase)
	Must(t, err)
	Await(t, func() bool { meet(t, friend, addr); return member().Account == first.Account })
	Await(t, func() bool { meet(t, friend, addr); return texts(t, at)["note:meanwhile"] })
	wrote(t, at, "of mine, after")
	Await(t, func() bool { meet(t, friend, addr); return texts(t, ft)["note:of mine, after"] })
	Must(t, a.Close())
	st, err := store.Open(dir, store.Options{ReadOnly: true})
	Must(t, err)
	defer st.Close()
	x, err := st.Topic(digest.Hash(ft.ID()))
	Must(t, err)
	if !x.Account.IsZero() {
		t.Error("the secret is kept")
	}
	w, err := identity.ParseWords(phrase)
	Must(t, err)
	now, err := st.Roster(x.ID)
	Must(t, err)
	account, _ := now.Account(roster.Key(first.Account))
	box := seal.Box{Kind: seal.BoxRecovery, Recipient: seal.Recipient(first.Account), Sealed: account.Recovery}
	secret, err := box.OpenRecovery(seal.NewPrivateKey(seal.Secret(w.RootKEMSeed())), x.ID)
	Must(t, err)
	kem := identity.AccountSecret{Secret: identity.Secret(secret)}.KEMSeed()
	for name, b := range allFiles(t, dir) {
		if bytes.Contains(b, secret[:]) || bytes.Contains(b, kem[:]) {
			t.Errorf("%s holds a secret of the account", name)
		}
	}
}

// TestNotRecoveredYet: nothing is appended to a topic of an invite before the account is
// found there, since it would count nowhere.
func TestNotRecoveredYet(t *testing.T) {
	friend := Open(t, filepath.Join(t.TempDir(), "friend"), nil)
	a, addr := listening(t, "a", nil)
	phrase := words(t, a)
	for _, kind := range []xaeroflux.TopicKind{xaeroflux.PrivateTopic, xaeroflux.PlainTopic} {
		ft, err := friend.CreateTopic(ctx, kind.String(), &xaeroflux.TopicOptions{Kind: kind})
		Must(t, err)
		invite, err := ft.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
		Must(t, err)
		db, got := recovered(t, phrase, &xaeroflux.RecoverOptions{Invites: []string{invite}, Peers: []string{addr}})
		if x := backOf(got, kind.String()); x.State != xaeroflux.RecoveredUnreached {
			t.Errorf("%s: %+v", kind, got)
		}
		if _, err := topicNamed(db, kind.String()).Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrNotRecovered) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
