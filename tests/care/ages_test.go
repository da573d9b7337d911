// SPDX-License-Identifier: MPL-2.0

package care

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/race"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// The files of a store that may be of different ages, and what may have become of
// each. identity.key never changes, so that it has no age.
var (
	agedNames = []string{"FORMAT", "identity.key", "aof", "logs", "mmr"}
	agedFates = []string{"", "older", "missing", "other"}
)

// An aged is one store in several states, from which cases are put together.
type aged struct {
	newest, older, other string // directories
	want                 map[string]bool
	dir                  string // where the cases are, always the same place
}

func agedOptions() *xaeroflux.Options {
	return &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 2, Place: "the place of this test"}
}

// newAged makes a store with so many events before its older state, and so many
// more up to the newest.
func newAged(t *testing.T, before, after int) *aged {
	root := t.TempDir()
	a := &aged{dir: filepath.Join(root, "s"), want: map[string]bool{}}
	at := func(name string) string { return filepath.Join(root, name) }
	grow := func(dir string, n int, text string) {
		db, err := xaeroflux.Open(dir, agedOptions())
		storetest.Must(t, err)
		storetest.MustAppend(t, db, n, text)
		storetest.Must(t, db.Close())
	}
	grow(a.dir, before, "event %d of the time before")
	a.older = at("older")
	storetest.Must(t, os.CopyFS(a.older, os.DirFS(a.dir)))
	grow(a.dir, after, "event %d of the time after, and it is a little longer than the ones before")
	a.newest = at("newest")
	storetest.Must(t, os.CopyFS(a.newest, os.DirFS(a.dir)))
	a.other = at("other")
	grow(a.other, 300, "event %d of another store, which has nothing to do with it")
	for _, e := range a.events(t) {
		a.want[e] = true
	}
	return a
}

// events reads all that the store of the case holds.
func (a *aged) events(t *testing.T) (all []string) {
	t.Helper()
	db, err := xaeroflux.Open(a.dir, agedOptions())
	storetest.Must(t, err)
	defer func() { storetest.Must(t, db.Close()) }()
	return held(t, db)
}

func held(t *testing.T, db *xaeroflux.DB) (all []string) {
	t.Helper()
	for _, topic := range db.Topics() {
		for rec, err := range db.Events(ctx, xaeroflux.Query{Topic: topic.ID()}) {
			storetest.Must(t, err)
			all = append(all, string(rec.Payload))
		}
	}
	return all
}

// lacks returns how many of the events that were acknowledged are not there.
func (a *aged) lacks(all []string) int {
	have := map[string]bool{}
	for _, e := range all {
		have[e] = true
	}
	n := 0
	for e := range a.want {
		if !have[e] {
			n++
		}
	}
	return n
}

// put makes the directory of the case hold the newest state, but for some names.
func (a *aged) put(t *testing.T, fates map[string]string) {
	t.Helper()
	storetest.Must(t, os.RemoveAll(a.dir))
	storetest.Must(t, os.CopyFS(a.dir, os.DirFS(a.newest)))
	for name, fate := range fates {
		a.replace(t, name, map[string]string{"older": a.older, "other": a.other}[fate])
	}
	if err := os.Chmod(filepath.Join(a.dir, "identity.key"), 0o600); !errors.Is(err, fs.ErrNotExist) {
		storetest.Must(t, err)
	}
}

// replace replaces a name by what a state has under it, or by nothing.
func (a *aged) replace(t *testing.T, name, from string) {
	t.Helper()
	to := filepath.Join(a.dir, name)
	storetest.Must(t, os.RemoveAll(to))
	if from == "" {
		return
	}
	info, err := os.Stat(filepath.Join(from, name))
	storetest.Must(t, err)
	if info.IsDir() {
		storetest.Must(t, os.CopyFS(to, os.DirFS(filepath.Join(from, name))))
		return
	}
	b, err := os.ReadFile(filepath.Join(from, name))
	storetest.Must(t, err)
	storetest.Must(t, os.WriteFile(to, b, 0o600))
}

// pageFiles reads all page files below a directory.
func pageFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	paths, err := filepath.Glob(filepath.Join(dir, "logs", "*", "*.seg"))
	storetest.Must(t, err)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		storetest.Must(t, err)
		name, err := filepath.Rel(dir, path)
		storetest.Must(t, err)
		all[name] = b
	}
	return all
}

// sameBytes reports a page file that is not what it was, unless it was set aside.
func (a *aged) sameBytes(t *testing.T, before map[string][]byte, whole bool) {
	t.Helper()
	for name, b := range before {
		now, err := os.ReadFile(filepath.Join(a.dir, name))
		if err == nil && (bytes.Equal(now, b) || !whole && holdsPages(now, b)) {
			continue
		}
		kept, _ := filepath.Glob(filepath.Join(a.dir, "damaged", "*", name))
		if whole || len(kept) == 0 {
			t.Errorf("%s is not what it was, and not set aside", name)
		}
	}
}

// holdsPages reports whether a file has all pages that it had.
func holdsPages(now, was []byte) bool {
	const page = 4096
	for at := page; at+page <= len(was); at += page {
		if b := was[at : at+page]; !bytes.Equal(b, make([]byte, page)) && (len(now) < at+page || !bytes.Equal(now[at:at+page], b)) {
			return false
		}
	}
	return true
}

// try opens the store of a case, and puts what is wrong right again.
func (a *aged) try(t *testing.T, fates map[string]string) {
	t.Helper()
	a.put(t, fates)
	before := pageFiles(t, a.dir)
	o := agedOptions()
	o.MustExist = true
	db, err := xaeroflux.Open(a.dir, o)
	if err != nil {
		a.refused(t, err)
		a.sameBytes(t, before, true)
	} else {
		if n := a.lacks(held(t, db)); n > 0 && !a.isOther(fates) {
			t.Errorf("it opened, and %d events that were acknowledged are gone without a word", n)
		}
		storetest.MustAppend(t, db, 3, "event %d of the case")
		storetest.Must(t, db.Close())
		a.sameBytes(t, before, false)
	}
	for name := range fates {
		a.replace(t, name, a.newest)
	}
	if n := a.lacks(a.events(t)); n > 0 {
		t.Errorf("the right files are back, and %d events are not", n)
	}
}

// isOther reports whether all that says which store it is, is another store's.
func (a *aged) isOther(fates map[string]string) bool {
	return fates["identity.key"] == "other" && fates["aof"] == "other"
}

// refused holds the reason against what a person needs.
func (a *aged) refused(t *testing.T, err error) {
	t.Helper()
	if !strings.Contains(err.Error(), "put ") && !strings.Contains(err.Error(), "repair") {
		t.Errorf("it names no next step: %v", err)
	}
	if errors.Is(err, xaeroflux.ErrNoStore) {
		t.Errorf("it takes files of a store for none: %v", err)
	}
	report, checkErr := xaeroflux.Check(ctx, a.dir, nil)
	if checkErr == nil && len(report.Findings) == 0 {
		t.Errorf("check says that nothing is wrong, and opening: %v", err)
	}
}

// agedCases are all subsets of names in all states: all of them, or those of one name
// and as many others by chance. Under the race detector each takes five times as long.
func agedCases() (all []map[string]string) {
	var add func(names []string, c map[string]string)
	add = func(names []string, c map[string]string) {
		if len(names) == 0 {
			if len(c) > 0 {
				all = append(all, c)
			}
			return
		}
		for _, fate := range agedFates {
			next := map[string]string{}
			for k, v := range c {
				next[k] = v
			}
			if fate != "" {
				next[names[0]] = fate
			}
			if fate != "older" || names[0] != "identity.key" {
				add(names[1:], next)
			}
		}
	}
	add(agedNames, map[string]string{})
	others := len(all)
	if race.Enabled {
		others = 100
	}
	if testing.Short() {
		others = 25
	}
	var some []map[string]string
	for _, c := range all {
		if len(c) == 1 {
			some = append(some, c)
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return append(some, all[:others]...)
}

// Whatever is older, missing or of another store: what was acknowledged is there,
// or is said to be missing and there once the right files are back; no page that
// checks is lost, and what is refused is left as it was.
func TestAges(t *testing.T) {
	for name, n := range map[string][2]int{"small log": {10, 12}, "sealed pages": {120, 400}, "first pages": {5, 400}} {
		t.Run(name, func(t *testing.T) {
			storetest.NoLeaks(t)
			a := newAged(t, n[0], n[1])
			for _, c := range agedCases() {
				t.Run(strings.Trim(fmt.Sprint(c), "map[]"), func(t *testing.T) { a.try(t, c) })
			}
		})
	}
}
