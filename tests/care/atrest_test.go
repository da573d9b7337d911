// SPDX-License-Identifier: MPL-2.0

package care

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// mark begins what only members may read; shown begins what is for everybody.
const (
	mark  = "members-only"
	shown = "for-everybody"
)

// A vault is a store with a passphrase, and all places that bytes of it went to.
type vault struct {
	t          *testing.T
	dir        string
	passphrase string
	places     []string
	n          int // events that were appended
	secrets    map[string][]byte
}

func newVault(t *testing.T, passphrase string) *vault {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	v := &vault{t: t, dir: filepath.Join(t.TempDir(), "vault"), passphrase: passphrase, secrets: map[string][]byte{}}
	v.places = []string{v.dir, tmp}
	return v
}

func (v *vault) open(o xaeroflux.Options) *xaeroflux.DB {
	v.t.Helper()
	o.PageBytes, o.SegmentPages, o.Passphrase = 4096, 2, storetest.Says(v.passphrase)
	db, err := xaeroflux.Open(v.dir, &o)
	storetest.Must(v.t, err)
	return db
}

// write appends events of which each byte that a person chose is marked.
func (v *vault) write(topic *xaeroflux.Topic, what string, n int) {
	v.t.Helper()
	for range n {
		v.n++
		_, err := topic.Append(ctx, xaeroflux.Event{
			ID: xaeroflux.EventID(fmt.Appendf(nil, "%-12.12s%04d", what, v.n)), Type: what + "-type", Key: fmt.Appendf(nil, "%s-key-%d", what, v.n),
			Payload: fmt.Appendf(nil, "%s %d %s", what, v.n, bytes.Repeat([]byte("x"), 300)),
		})
		storetest.Must(v.t, err)
	}
}

// copied keeps what lies on the disk at this moment, as a crash would leave it.
func (v *vault) copied(what string) {
	v.t.Helper()
	to := filepath.Join(v.t.TempDir(), what)
	storetest.Must(v.t, os.CopyFS(to, os.DirFS(v.dir)))
	v.places = append(v.places, to)
}

// learn adds all secrets that the closed store holds by now: its seed, and what opens
// something in its rows. It returns how many rows there are of each kind that does.
func (v *vault) learn() (rows map[*layout.Kind]int) {
	v.t.Helper()
	seed := storetest.SeedOf(v.t, v.dir, v.passphrase)
	v.secrets["the seed"] = seed[:]
	a, err := aof.Open(filepath.Join(v.dir, "aof"), aof.Options{MustExist: true, ReadOnly: true, Key: seed.StoreKey()})
	storetest.Must(v.t, err)
	rows = map[*layout.Kind]int{}
	opening := []*layout.Kind{&layout.Topics.Kind, &layout.KEMKeys.Kind, &layout.EpochSecrets.Kind} // whatever their tables say
	for _, k := range layout.Kinds {
		if k.Sealed && !slices.Contains(opening, k) {
			opening = append(opening, k)
		}
	}
	for _, k := range opening {
		rows[k] = 0
	}
	storetest.Must(v.t, a.View(func(view *aof.View) error {
		for _, name := range layout.Buckets() {
			err := view.ForEach(aof.BucketNamed(name), nil, func(key, value []byte) error {
				k := layout.KindOf(name, key)
				if k != nil && slices.Contains(opening, k) {
					rows[k]++
					v.learnRow(k, key, value)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	storetest.Must(v.t, a.Close())
	return rows
}

// learnRow adds what is secret in a row. Of a kind that this test knows nothing of, all
// is, and it is added in pieces, as a part of it may be what leaks.
func (v *vault) learnRow(k *layout.Kind, key, value []byte) {
	add := func(what string, secret []byte) {
		if len(bytes.Trim(secret, "\x00")) > 0 {
			v.secrets[fmt.Sprintf("%s (%s %x)", what, k.Name, key)] = bytes.Clone(secret)
		}
	}
	switch k {
	case &layout.Topics.Kind:
		_, topic, err := layout.Topics.Parse(key, value)
		storetest.Must(v.t, err)
		add("the lobby key", topic.Keys.Lobby[:])
		add("the join key", topic.Keys.Join[:])
		add("the account secret", topic.Account.Secret[:])
	case &layout.KEMKeys.Kind:
		_, keys, err := layout.KEMKeys.Parse(key, value)
		storetest.Must(v.t, err)
		for _, one := range keys {
			add("the KEM seed", one.Seed[:])
		}
	case &layout.EpochSecrets.Kind:
		_, e, err := layout.EpochSecrets.Parse(key, value)
		storetest.Must(v.t, err)
		add("the epoch's secret", e.Secret[:])
		add("the epoch's join key", e.Join[:])
	default:
		for at := 0; at < len(value); at += 16 {
			add(fmt.Sprint("bytes from ", at), value[at:min(at+16, len(value))])
		}
	}
}

// With a passphrase no byte that only members may read is on disk in the clear, and no key
// that opens one: in no file of the store, of a backup, of what a repair set aside, of a
// copy that a crash would leave, and of the directory for temporary files.
func TestNothingSealedIsOnDiskInTheClear(t *testing.T) {
	v := newVault(t, "the first passphrase")
	db := v.open(xaeroflux.Options{Kind: xaeroflux.OpenTopic, NewPassphrase: []byte(v.passphrase), TopicName: "plain"})
	plain := db.Topics()[0]
	private, err := db.CreateTopic(ctx, "vault", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	storetest.Must(t, err)
	addr, err := db.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	_, err = db.NewSuccessorKey(ctx)
	storetest.Must(t, err)
	v.copied("begun")
	v.write(plain, shown, 3)
	v.write(private, mark, 60)
	v.copied("written")

	// Somebody else comes, and writes.
	invite, err := private.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	friend := storetest.Open(t, filepath.Join(t.TempDir(), "friend"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	storetest.MustSync(t, friend, addr.String())
	var members []xaeroflux.Member
	storetest.Await(t, func() bool { members, err = private.Members(); return err == nil && len(members) == 2 })
	for _, m := range members {
		if !m.Self { // 23 letters, so that the row is two pieces of 16 bytes
			storetest.Must(t, private.SetPetname(ctx, m.Account, "my oldest friend Leonor"))
		}
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	_, err = friend.Append(short, xaeroflux.Event{Payload: []byte(mark + " by a friend")})
	storetest.Must(t, err)
	storetest.MustSync(t, friend, addr.String())
	read := 0
	for r, err := range private.Events(ctx, xaeroflux.Query{}) {
		storetest.Must(t, err)
		if r.Sealed == nil && bytes.HasPrefix(r.Payload, []byte(mark)) {
			read++
		}
	}
	if read != 61 {
		t.Errorf("%d events can be read, want 61", read)
	}

	// Backups, of a store that is open.
	safe, archive := filepath.Join(t.TempDir(), "safe"), &bytes.Buffer{}
	r, err := db.Backup(ctx, safe, nil)
	if err != nil || r.Identity != "sealed" {
		t.Errorf("a backup with the identity %q, %v", r.Identity, err)
	}
	v.write(private, mark, 30)
	_, err = db.Backup(ctx, safe, nil)
	storetest.Must(t, err)
	_, err = db.BackupTo(ctx, archive, nil)
	storetest.Must(t, err)
	if _, err := db.Backup(ctx, filepath.Join(t.TempDir(), "nameless"), &xaeroflux.BackupOptions{WithoutIdentity: true}); !errors.Is(err, xaeroflux.ErrPassphrase) {
		t.Errorf("a backup with keys in the clear: %v", err)
	}
	packed := t.TempDir()
	storetest.Must(t, os.WriteFile(filepath.Join(packed, "archive.tar"), archive.Bytes(), 0o600))
	v.places = append(v.places, safe, packed)
	v.copied("backed up")
	own := private.Log().ID()
	storetest.Must(t, db.Close())
	for k, n := range v.learn() {
		if n == 0 {
			t.Errorf("the store has no row of %q, so that the test shows nothing of it", k.Name)
		}
	}

	// Another passphrase, and damage of all kinds that a repair keeps aside.
	first := v.passphrase
	storetest.Must(t, xaeroflux.SetPassphrase(v.dir, storetest.Says(first), []byte("the second passphrase")))
	v.passphrase = "the second passphrase"
	if _, err := xaeroflux.Open(v.dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Passphrase: storetest.Says(first)}); !errors.Is(err, xaeroflux.ErrPassphrase) || errors.Is(err, xaeroflux.ErrCorrupt) {
		t.Errorf("with the old passphrase: %v", err)
	}
	db = v.open(xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if m := db.Moved(); m != nil {
		t.Errorf("a passphrase made it a copy: %+v", m)
	}
	friendAddr, err := friend.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	_, err = db.Sync(ctx, friendAddr.String())
	storetest.Must(t, err)
	storetest.Must(t, db.Words(ctx, func(phrase string) error {
		words, err := identity.ParseWords(phrase)
		v.secrets["the words' entropy"], v.secrets["the words"] = words.Secret[:], []byte(phrase)
		return err
	}))
	storetest.Must(t, db.Close())
	v.learn()
	for n, damage := range []func(){
		func() { storetest.Must(t, os.WriteFile(filepath.Join(v.dir, "FORMAT"), []byte("none"), 0o600)) },
		func() { flipAt(t, segmentOf(t, v.dir, own), 5000) },
		func() { strangeRow(t, v.dir, v.passphrase) },
		func() { loseAOF(t, v.dir, false) },
	} {
		damage()
		r, err := xaeroflux.Repair(ctx, v.dir, xaeroflux.RepairOptions{
			From: []string{friendAddr.String()}, AcceptLoss: n == 3, Passphrase: storetest.Says(v.passphrase), // no peer holds the plain topic
		})
		if err != nil || len(r.Found) == 0 || len(r.Left) > 0 {
			t.Fatalf("damage %d: missing %+v, left %+v, %v", n, r.Missing, r.Left, err)
		}
		v.copied("repaired")
	}
	report, err := xaeroflux.Check(ctx, v.dir, &xaeroflux.CheckOptions{Passphrase: storetest.Says(v.passphrase)})
	if err != nil || report.Found() > 0 {
		t.Errorf("%+v, %v", report.Findings, err)
	}
	v.learn()

	// A backup has the passphrase of its time.
	if _, err := xaeroflux.VerifyBackup(ctx, safe, nil); err != nil {
		t.Errorf("verified without a passphrase: %v", err)
	}
	restored := filepath.Join(t.TempDir(), "restored")
	for name, ask := range map[string]func() ([]byte, error){"none": nil, "that of now": storetest.Says(v.passphrase)} {
		if _, err := xaeroflux.Restore(ctx, safe, restored, &xaeroflux.RestoreOptions{Passphrase: ask}); !errors.Is(err, xaeroflux.ErrPassphrase) {
			t.Errorf("restored with the passphrase %s: %v", name, err)
		}
	}
	_, err = xaeroflux.Restore(ctx, safe, restored, &xaeroflux.RestoreOptions{Passphrase: storetest.Says(first)})
	storetest.Must(t, err)
	v.places = append(v.places, restored)
	again, err := xaeroflux.Open(restored, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Passphrase: storetest.Says(first)})
	storetest.Must(t, err)
	storetest.Must(t, again.Close())

	if found := storetest.Search(t, v.secrets, v.places...); len(found) > 0 {
		t.Errorf("%d of %d secrets are on disk in the clear: %q", len(found), len(v.secrets), found)
	}
	if found := storetest.Search(t, map[string][]byte{"a payload": []byte(mark)}, v.places...); len(found) > 0 {
		t.Errorf("what members wrote is on disk in the clear: %q", found)
	}
	if found := storetest.Search(t, map[string][]byte{"a payload": []byte(shown)}, v.places...); len(found) == 0 {
		t.Error("what is for everybody is not found either, so that the test shows nothing")
	}
}

// segmentOf returns a file with pages of a log.
func segmentOf(t *testing.T, dir string, log xaeroflux.LogID) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "logs", log.String(), "*.seg"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return all[0]
}

// strangeRow makes a row of a secret one that its table does not take.
func strangeRow(t *testing.T, dir, passphrase string) {
	t.Helper()
	a, err := aof.Open(filepath.Join(dir, "aof"), aof.Options{MustExist: true, Key: storetest.SeedOf(t, dir, passphrase).StoreKey()})
	storetest.Must(t, err)
	var key, value []byte
	storetest.Must(t, a.View(func(v *aof.View) error {
		return v.ForEach(aof.Meta, []byte("epoch "), func(k, b []byte) error {
			key, value = append(bytes.Clone(k[:len(k)-1]), k[len(k)-1]^1), append(bytes.Clone(b), 0)
			return nil
		})
	}))
	storetest.Must(t, a.Commit(func(txn *aof.Txn) error { return txn.Put(aof.Meta, key, value) }))
	storetest.Must(t, a.Close())
}
