// SPDX-License-Identifier: MPL-2.0

package care

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// Six processes make a store in one directory at once. One does; the others say
// why not, and take nothing from it.
func TestSixInitAtOnce(t *testing.T) {
	for round := range 40 {
		dir := filepath.Join(t.TempDir(), "s")
		var errs [6]error
		var said [6]strings.Builder
		var all sync.WaitGroup
		for i := range errs {
			cmd := exec.Command("xaeroflux", "init", "--open", "--dir", dir)
			cmd.Stderr = &said[i]
			all.Go(func() { errs[i] = cmd.Run() })
		}
		all.Wait()
		winners := 0
		for i, err := range errs {
			text := said[i].String()
			switch {
			case err == nil:
				winners++
			case !strings.Contains(text, "locked by") && !strings.Contains(text, store.ErrExists.Error()):
				t.Errorf("round %d: a loser says %q", round, text)
			}
		}
		if winners != 1 {
			t.Fatalf("round %d: %d processes made a store", round, winners)
		}
		if out, err := exec.Command("xaeroflux", "check", "--dir", dir).CombinedOutput(); err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, out)
		}
	}
}

// With any one name of a store in it and no FORMAT, nothing is created in a
// directory, and nothing is changed.
func TestNothingIsCreatedOverRemains(t *testing.T) {
	for _, name := range []string{"identity.key", "aof/data.mdb", "logs/x", "mmr/x", "forks/x", "damaged/x"} {
		dir := t.TempDir()
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); !errors.Is(err, xaeroflux.ErrRemains) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != name {
			t.Errorf("%s: holds %q, %v", name, b, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "FORMAT")); err == nil {
			t.Errorf("%s: a FORMAT was written", name)
		}
	}
}

func TestMustCreate(t *testing.T) {
	dir := t.TempDir()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustCreate: true}); !errors.Is(err, xaeroflux.ErrExists) {
		t.Fatal(err)
	}
}

// A creation that is stopped at any write is finished by the next one.
func TestCreationStoppedAtAnyWrite(t *testing.T) {
	stopCreation(t, digest.Hash{}, func(t *testing.T, at, dir string) {
		db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustCreate: true})
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// A join that is stopped at any write is finished as a join: the topic of the invite
// is the first one, and the only one. Until then the store takes no events.
func TestJoinStoppedAtAnyWrite(t *testing.T) {
	host := storetest.Open(t, t.TempDir(), nil)
	topic := host.Topics()[0].ID()
	stopCreation(t, digest.Hash(topic), func(t *testing.T, at, dir string) {
		if store.Exists(dir) {
			var unfinished *xaeroflux.UnfinishedError
			if _, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); !errors.As(err, &unfinished) || xaeroflux.TopicID(unfinished.Topic) != topic {
				t.Fatalf("%s: opened without the invite: %v", at, err)
			}
			joinAgain(t, dir, storetest.Invited(host))
		}
		db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(host)})
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if all := db.Topics(); len(all) != 1 || all[0].ID() != topic {
			t.Errorf("%s: %d topics, the first is %s, want %s", at, len(all), all[0].ID(), topic)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// joinAgain repeats a join that was cut off, as its person does.
func joinAgain(t *testing.T, dir, invite string) {
	t.Helper()
	out, err := exec.Command("xaeroflux", "append", "--dir", dir, "an event").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "try: xaeroflux join --dir "+dir) {
		t.Errorf("append to an unfinished store: %v, %s", err, out)
	}
	if _, err := xaeroflux.Check(ctx, dir, nil); !errors.Is(err, xaeroflux.ErrNoStore) {
		t.Errorf("check of an unfinished store: %v", err)
	}
	if out, err = exec.Command("xaeroflux", "join", "--dir", dir, invite).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// stopCreation stops the creation of a store at each write in turn, the last time
// behind all of them, and hands what is there to finish.
func stopCreation(t *testing.T, first digest.Hash, finish func(t *testing.T, at, dir string)) {
	for n, done := 0, false; !done; n++ {
		dir, writes := filepath.Join(t.TempDir(), "s"), 0
		hit := func() error {
			if writes++; writes > n {
				return durable.ErrCrashed
			}
			return nil
		}
		o := store.CreateOptions{First: first, PageBytes: segwriter.MinPageBytes, SegmentPages: 2, Fault: func(string) error { return hit() }}
		o.FS = durable.NewFaulty(durable.OS, func(op durable.Op, _ string) error {
			if op.Mutates() {
				return hit()
			}
			return nil
		})
		err := store.Create(dir, o)
		if done = err == nil; done && n < 10 {
			t.Fatalf("created in %d writes", n)
		}
		if !done && !errors.Is(err, durable.ErrCrashed) {
			t.Fatalf("write %d: %v", n, err)
		}
		at := fmt.Sprintf("write %d", n)
		if _, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true}); !errors.Is(err, xaeroflux.ErrNoStore) {
			t.Fatalf("%s: an unfinished store opens: %v", at, err)
		}
		finish(t, at, dir)
		if _, err := os.Stat(filepath.Join(dir, "FORMAT.new")); err == nil {
			t.Errorf("%s: FORMAT.new is left", at)
		}
		storetest.CheckClean(t, dir)
	}
}
