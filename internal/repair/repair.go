// SPDX-License-Identifier: MPL-2.0

// Package repair looks at the files of a store that nobody has open, and mends them:
// pages, rows and FORMAT, from what is left of them and from peers.
//
// Rule: it knows files and rows, and no open store: it does not import package store,
// and nothing that runs imports it. It sets aside what is derived, and whoever opens
// the store makes it again (package doctor).
package repair

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/aside"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A Fetcher gets what is missing of a log from all peers of its topic at once, and
// verifies it. swarm.Fetcher is one, and says more.
type Fetcher interface {
	// Pages fetches the pages below to.
	Pages(ctx context.Context, topic *layout.Topic, r *syncer.Refetch, to uint64) error
	// Rest fetches all that follows. Begin may be called again, to begin anew.
	Rest(ctx context.Context, topic *layout.Topic, begin func() *syncer.Refetch) error
	Close() error
}

// Options say what a repair may use.
type Options struct {
	// Invites give back topic keys, which are in the AOF and nowhere else.
	Invites []*identity.Invite
	// Fetch makes the Fetcher for the store's identity, from the rows of peers
	// that it remembers, as far as they can be read, or returns nil if there
	// are no peers to ask.
	Fetch func(identity.Device, map[identity.PeerID][]byte) (Fetcher, error)
	// AcceptLoss gives up what no peer has: this store then goes on under a new
	// identity, and what is left of its own logs stays readable.
	AcceptLoss bool
	// CosignAgain lets a store that does not know any more which heads it cosigned
	// last cosign again, because the person says that it holds no other histories.
	CosignAgain bool
	Place       string // that a person named; see identity.Place
	Passphrase  identity.Passphrase
	Now         time.Time
}

// A Report says what a repair found, did and could not do.
type Report struct {
	Found   []findings.Finding
	Done    []Step
	Missing []Step             // that is not here, as no peer that was asked had it, or nobody was
	Left    []findings.Finding // what a check finds afterwards
	Aside   string             // where what was replaced is kept
	Asked   []string           // peers that were dialed to fetch from
	Copy    string             // as in findings.Report: a repair does not change it
}

// A Step is one thing that was done or could not be done.
type Step struct {
	Log    string
	What   string
	Remedy Remedy // what can be done about it
	Do     string // the same, as a sentence
}

// Clean reports whether nothing is damaged and nothing is missing.
func (r *Report) Clean() bool { return len(r.Left)+len(r.Missing) == 0 }

// Mend mends a store that nobody has open, of which a check found what is to be
// mended. All that it replaces is kept below damaged/ in the store's directory. Every file
// is read and changed through wire: once that refused something, nothing is changed any
// more, and what the report says is missing could only not be read.
func Mend(ctx context.Context, wire *durable.Tripwire, dir string, found []findings.Finding, o Options) (Report, error) {
	report := Report{Found: found}
	r := &repairer{ctx: ctx, dir: dir, o: o, report: &report, wire: wire, files: aside.Files{FS: wire, Dir: dir, Now: o.Now}}
	err := r.lockedThenClosed()
	report.Aside = r.files.Used()
	return report, err
}

// lockedThenClosed gives back the lock whatever happens: Fetch is of a program.
func (r *repairer) lockedThenClosed() (err error) {
	defer func() { err = errors.Join(err, r.close()) }()
	return r.locked()
}

type repairer struct {
	ctx    context.Context
	dir    string
	o      Options
	report *Report
	wire   *durable.Tripwire // every file is read and changed through it
	files  aside.Files

	format  layout.Format
	device  identity.Device
	key     *identity.StoreKey            // of its seed
	fetch   Fetcher                       // nil: no peers
	rows    rows                          // of the AOF, as it is or as it is made again
	topics  map[digest.Hash]*layout.Topic // that are known
	retire  bool                          // an own log lost events: the store goes on as a new device
	older   bool                          // the AOF is of an earlier time than the other files
	behind  bool                          // so is it, or what it says of an own log
	closed  uint64                        // how often the store was closed
	ownLost bool                          // events of an own log are missing still, and that was not accepted
}

// openAOF opens an AOF whose commits fail once something was refused.
func (r *repairer) openAOF(dir string, mustExist bool) (*aof.Store, error) {
	fault := func(op string) error {
		if op == "committed" {
			return nil
		}
		return r.wire.Trouble()
	}
	a, err := aof.Open(dir, aof.Options{MustExist: mustExist, Key: r.key, FS: r.wire, Fault: fault})
	return a, r.wire.Saw(err)
}

func (r *repairer) done(log digest.Hash, format string, args ...any) {
	r.doneBut(log, "", format, args...)
}

// doneBut is done for what leaves something to a person.
func (r *repairer) doneBut(log digest.Hash, remedy Remedy, format string, args ...any) {
	r.report.Done = append(r.report.Done, step(log, remedy, format, args...))
}

func (r *repairer) missing(log digest.Hash, remedy Remedy, format string, args ...any) {
	r.report.Missing = append(r.report.Missing, step(log, remedy, format, args...))
}

func step(log digest.Hash, remedy Remedy, format string, args ...any) Step {
	what := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ") // joined errors are lines
	s := Step{What: what, Remedy: remedy, Do: remedy.Do()}
	if !log.IsZero() {
		s.Log = log.String()
	}
	return s
}

func (r *repairer) path(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

func (r *repairer) close() error {
	if r.fetch == nil {
		return nil
	}
	return r.fetch.Close()
}

// locked does the work, in the order in which one part needs another.
func (r *repairer) locked() (err error) {
	held, err := durable.Hold(r.dir)
	if err != nil {
		return r.wire.Saw(err)
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	if err := held.Lock(); err != nil {
		return err
	}
	r.rows.r = r
	defer func() { err = errors.Join(err, r.rows.close()) }()
	if r.closed, err = device.ReadClosed(r.wire, r.dir); err != nil {
		return err
	}
	r.device.Seed, err = identity.LoadSeed(r.path(layout.SeedName), r.o.Passphrase)
	if findings.OfTheMoment(r.wire.Saw(err)) || errors.Is(err, identity.ErrPassphrase) {
		return err
	}
	if err != nil {
		r.missing(digest.Hash{}, RemedyIdentity, "%v", err)
		return nil
	}
	r.key = r.device.Seed.StoreKey()
	lost, err := r.readFormat()
	if err != nil {
		return err
	}
	ok, err := r.openRows()
	if ok && err == nil && lost {
		err = r.mendFormat()
	}
	if ok && err == nil {
		err = r.logs()
	}
	return err
}

// meet makes the Fetcher, now that the rows can be read or are known not to be. A
// copy meets peers under keys that no other copy has, as a device of this one
// time: what it is from then on, opening it decides.
func (r *repairer) meet() (err error) {
	if r.o.Fetch == nil {
		return nil
	}
	now, err := device.PlaceOf(r.dir, r.o.Place)
	if err != nil {
		return err
	}
	as := r.device
	if same, _ := r.format.Place.Same(now); !same || r.retire {
		if as.Generation, err = identity.NewGeneration(nil); err != nil {
			return err
		}
	}
	r.fetch, err = r.o.Fetch(as, r.rows.peers())
	return err
}

// readFormat reads FORMAT. If it is damaged, segments tell the number of pages in
// each, and the rest comes from the rows.
func (r *repairer) readFormat() (lost bool, err error) {
	f, err := device.ReadFormat(r.wire, r.dir)
	if err == nil {
		err = f.Open(r.key)
	}
	if r.format = f; err == nil || errors.Is(err, layout.ErrNewer) || findings.OfTheMoment(err) {
		r.device.Generation = f.Generation
		return false, err
	}
	r.format = layout.Format{PageBytes: segwriter.DefaultPageBytes, SegmentPages: segwriter.DefaultSegmentPages}
	for _, id := range r.logDirs() {
		if p, ok := segwriter.FindParams(r.wire, r.path(layout.LogsName, id.String())); ok {
			r.format.SegmentPages = p.SegmentPages
			break
		}
	}
	return true, nil
}

// mendFormat writes FORMAT again.
func (r *repairer) mendFormat() error {
	if err := r.files.Move(layout.FormatName); err != nil {
		return err
	}
	r.format.Generation = r.device.Generation
	for id, t := range r.topics {
		if t.Genesis.PageBytes > 0 && (id == r.rows.first() || len(r.topics) == 1) {
			r.format.PageBytes = int(t.Genesis.PageBytes)
		}
	}
	r.done(digest.Hash{}, "FORMAT written again: pages of %d bytes, %d in a segment", r.format.PageBytes, r.format.SegmentPages)
	return device.WriteFormat(r.wire, r.dir, r.format, r.key)
}

// settle takes generation and place from their rows, or else from FORMAT. If
// neither can be read, nothing tells whether this is a copy, and the store goes on
// as a new device.
func (r *repairer) settle(g identity.Generation, p identity.Place) (err error) {
	if !g.IsZero() {
		r.device.Generation = g
	}
	if p != (identity.Place{}) {
		r.format.Place = p
	}
	if r.format.Place == (identity.Place{}) {
		r.retire = true
	}
	if !r.device.Generation.IsZero() {
		return nil
	}
	r.retire = true
	r.device.Generation, err = identity.NewGeneration(nil)
	return err
}

// logDirs returns the logs that have a directory.
func (r *repairer) logDirs() (ids []digest.Hash) {
	entries, err := r.wire.ReadDir(r.path(layout.LogsName))
	if err != nil {
		return nil // then there is none
	}
	for _, e := range entries {
		if id, err := digest.Parse(e.Name()); err == nil && e.IsDir() {
			ids = append(ids, id)
		}
	}
	return ids
}

// logs mends one log after another and then has all that is derived made again.
func (r *repairer) logs() error {
	for _, id := range r.rows.all(r.logDirs()) {
		l, ok := r.newLog(id)
		if !ok {
			continue
		}
		if err := errors.Join(l.mend(), r.ctx.Err()); err != nil {
			return fmt.Errorf("log %s: %w", id, err)
		}
	}
	if err := r.dropForkFiles(); err != nil {
		return err
	}
	if err := errors.Join(r.rows.dropRanges(), r.rows.dropStrange()); err != nil {
		return err
	}
	if r.retire {
		if err := r.rows.retire(); err != nil {
			return err
		}
	}
	if err := errors.Join(r.rows.freezeForked(), r.rows.putIDs(), r.rows.forget()); err != nil {
		return err
	}
	if err := r.catchUp(); err != nil {
		return err
	}
	return r.rows.finish()
}

// catchUp makes an AOF that was of an earlier time one of now, if nothing of this
// store's own is missing any more.
func (r *repairer) catchUp() error {
	if !r.older || r.ownLost {
		return nil
	}
	r.done(digest.Hash{}, "aof/ has what this store's own logs hold again")
	return r.rows.aof.Commit(func(t *aof.Txn) error { return aof.PutRow(t, layout.Closings, layout.Only{}, r.closed) })
}

// dropForkFiles sets damaged proofs of forks aside; opening the store writes
// them again from the AOF.
func (r *repairer) dropForkFiles() error {
	for _, f := range r.report.Found {
		if f.Kind != findings.FlawFork {
			continue
		}
		name := filepath.Join(layout.ForksName, filepath.Base(f.File))
		if err := r.files.Move(name); err != nil {
			return err
		}
		r.done(digest.Hash{}, "%s is written again from the AOF", name)
	}
	return nil
}
