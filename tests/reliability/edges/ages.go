// SPDX-License-Identifier: MPL-2.0

package edges

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// parts are the names in a store's directory that are set back, taken away or
// taken from another store.
var parts = []string{"FORMAT", "identity.key", "aof", "logs", "mmr"}

// ages is how many states of one store are kept, oldest first; the last is now.
const ages = 3

// sagaLength is how many positions one store serves: making it costs more than
// mixing its files.
const sagaLength = 20

// A saga is a store at several ages, another store, and a peer that holds all.
type saga struct {
	w       *world
	dir     string
	witness *xaeroflux.DB
}

func (s *saga) age(n int) string { return filepath.Join(s.dir, fmt.Sprint("age", n)) }
func (s *saga) other() string    { return filepath.Join(s.dir, "other") }

const place = "here"

// newSaga makes the states. Each is the directory of a closed store.
func newSaga(ctx context.Context, dir string, rnd *rand.Rand) (*saga, error) {
	s := &saga{w: newWorld(), dir: dir}
	live := filepath.Join(dir, "live")
	for n := range ages {
		db, err := s.w.create(live, place)
		if err != nil {
			return nil, err
		}
		err = s.w.say(ctx, db, rnd, rnd.IntN(120)+n)
		if err == nil && n == ages-1 {
			err = s.keep(ctx, db)
		}
		if err := firstOf(err, db.Close()); err != nil {
			return nil, err
		}
		if err := harness.CopyDir(live, s.age(n)); err != nil {
			return nil, err
		}
	}
	another := newWorld()
	db, err := another.create(s.other(), place)
	if err != nil {
		return nil, err
	}
	return s, firstOf(another.say(ctx, db, rnd, 60), db.Close())
}

// keep opens the witness and lets it fetch everything.
func (s *saga) keep(ctx context.Context, db *xaeroflux.DB) (err error) {
	if s.witness, err = s.w.create(filepath.Join(s.dir, "witness"), "there"); err != nil {
		return err
	}
	return s.w.sync(ctx, s.witness, db)
}

func (s *saga) end() error {
	if s == nil || s.witness == nil {
		return nil
	}
	return s.witness.Close()
}

// Ages mixes the files of one store at different ages, of another store, and of
// none. Under Control a segment file is cut, as an opening that trusts one file
// would do.
func Ages(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	var s *saga
	opened, refused := 0, 0
	defer func() { s.end() }()
	err := cfg.Each(ctx, r, func(at int) (err error) {
		rnd := cfg.Rand(at)
		if s == nil || at%sagaLength == 0 {
			if err := s.end(); err != nil {
				return err
			}
			dir := filepath.Join(cfg.Dir, "saga")
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			if s, err = newSaga(ctx, dir, rnd); err != nil {
				return err
			}
		}
		m := &mix{saga: s, dir: filepath.Join(cfg.Dir, "mix"), control: cfg.Control}
		if err := m.make(rnd); err != nil {
			return err
		}
		ok, err := m.judge(ctx)
		if opened++; !ok {
			opened, refused = opened-1, refused+1
		}
		if err != nil {
			r.Fail(at, "%s: %v", m, err)
		}
		return nil
	})
	r.Note = fmt.Sprintf("%d opened, %d refused with a reason", opened, refused)
	return err
}

// A mix is a directory of parts of different origin.
type mix struct {
	*saga
	dir     string
	from    map[string]string // part -> where it is from, of those that are not of now
	control bool
}

func (m *mix) String() string {
	var all []string
	for _, part := range slices.Sorted(maps.Keys(m.from)) {
		all = append(all, part+" "+m.from[part])
	}
	return strings.Join(all, ", ")
}

func (m *mix) make(rnd *rand.Rand) error {
	m.from = map[string]string{}
	if err := harness.CopyDir(m.age(ages-1), m.dir); err != nil {
		return err
	}
	for len(m.from) == 0 {
		for _, part := range parts {
			if rnd.IntN(3) == 0 {
				m.from[part] = []string{"age0", "age1", "other", "missing"}[rnd.IntN(4)]
			}
		}
	}
	for part, from := range m.from {
		if err := m.put(part, from); err != nil {
			return err
		}
	}
	return nil
}

// put replaces a part by the one of another directory of the saga.
func (m *mix) put(part, from string) error {
	to, src := filepath.Join(m.dir, part), filepath.Join(m.saga.dir, from, part)
	if err := os.RemoveAll(to); err != nil || from == "missing" {
		return err
	}
	info, err := os.Stat(src)
	if os.IsNotExist(err) {
		return nil // that age had none
	} else if err != nil {
		return err
	}
	if info.IsDir() {
		return harness.CopyDir(src, to)
	}
	b, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// judge checks, opens, and puts back what was replaced. ok says that the mix
// could be opened.
func (m *mix) judge(ctx context.Context) (ok bool, err error) {
	before, err := files(m.dir)
	if err != nil {
		return false, err
	}
	checked := m.check(ctx, before)
	db, err := m.w.open(m.dir, place)
	if err != nil && !told(err) {
		return false, fmt.Errorf("opening says only: %w", err)
	}
	if ok = err == nil; ok {
		if err := db.Close(); err != nil {
			return ok, fmt.Errorf("close: %w", err)
		}
	}
	if m.control {
		err = cutPages(m.dir)
		if err != nil {
			return ok, err
		}
	}
	if err := m.kept(before); err != nil {
		return ok, fmt.Errorf("opened is %v: %w", ok, err)
	}
	if checked != nil {
		return ok, checked
	}
	if ok {
		if err := m.goOn(ctx); err != nil {
			return ok, fmt.Errorf("it opened, and then: %w", err)
		}
	}
	return ok, m.putBack(ctx)
}

// check wants that a check changes nothing.
func (m *mix) check(ctx context.Context, before map[string]string) error {
	if _, err := xaeroflux.Check(ctx, m.dir, nil); err != nil && !told(err) {
		return fmt.Errorf("check says only: %w", err)
	}
	after, err := files(m.dir)
	if err != nil {
		return err
	}
	for name, text := range before {
		if after[name] != text {
			return fmt.Errorf("a check changed %s", name)
		}
	}
	for name := range after {
		if _, there := before[name]; !there {
			return fmt.Errorf("a check made %s", name)
		}
	}
	return nil
}

// kept wants each page that was there to be there still, wherever it was moved.
func (m *mix) kept(before map[string]string) error {
	after, err := files(m.dir)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	eachPage(after, func(_ string, page string) { there[page] = true })
	eachPage(before, func(name, page string) {
		if !there[page] && err == nil {
			err = fmt.Errorf("a page of %s is gone", name)
		}
	})
	return err
}

func eachPage(all map[string]string, fn func(name, page string)) {
	for name, text := range all {
		if filepath.Ext(name) != ".seg" {
			continue
		}
		for ; len(text) >= pageBytes; text = text[pageBytes:] {
			if strings.Trim(text[:pageBytes], "\x00") != "" {
				fn(name, text[:pageBytes])
			}
		}
	}
}

// goOn goes on with a copy of the mix that opened: it meets the witness, appends,
// and meets it again. Both hold everything then, and nothing forked.
func (m *mix) goOn(ctx context.Context) error {
	dir := m.dir + "-goes-on"
	if err := harness.CopyDir(m.dir, dir); err != nil {
		return err
	}
	said := len(m.w.acked)
	db, err := m.w.open(dir, place)
	if err != nil {
		return fmt.Errorf("opened again: %w", err)
	}
	if err = m.w.sync(ctx, db, m.witness); err == nil {
		err = m.w.holds(ctx, db)
	}
	if err == nil {
		err = m.w.whole(ctx, db)
	}
	m.w.acked = m.w.acked[:said]
	return firstOf(err, db.Close())
}

// putBack gives back what was replaced: then everything is there.
func (m *mix) putBack(ctx context.Context) error {
	for part := range m.from {
		if err := m.put(part, fmt.Sprint("age", ages-1)); err != nil {
			return err
		}
	}
	db, err := m.w.open(m.dir, place)
	if err != nil {
		return fmt.Errorf("with everything put back: %w", err)
	}
	if err := firstOf(m.w.whole(ctx, db), db.Close()); err != nil {
		return fmt.Errorf("with everything put back: %w", err)
	}
	return nil
}

// cutPages cuts every segment file to its header.
func cutPages(dir string) error {
	segs, err := filepath.Glob(filepath.Join(dir, "logs", "*", "*.seg"))
	for _, seg := range segs {
		err = firstOf(err, os.Truncate(seg, 4096))
	}
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
