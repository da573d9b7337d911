// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// maxName bounds the name of a cursor, in bytes.
const maxName = 64

// checkName returns an ErrOptions for what no cursor can be called.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return fmt.Errorf("%w: a name of %d bytes, want 1 to %d", ErrOptions, len(name), maxName)
	case strings.Contains(name, "/"):
		return fmt.Errorf("%w: the name has a slash in it", ErrOptions)
	}
	return nil
}

// names are those of the feeds that run and of the cursors that are being forgotten.
// Each is had by one at a time, or two would move the same cursors.
type names struct {
	mu    sync.Mutex // guards taken
	taken map[string]struct{}
}

func newNames() *names { return &names{taken: map[string]struct{}{}} }

// take gives a name to the caller, until free. The error is ErrRegistered.
func (n *names) take(name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, taken := n.taken[name]; taken {
		return fmt.Errorf("%w: end the Process or Spawn that runs under this name first", ErrRegistered)
	}
	n.taken[name] = struct{}{}
	return nil
}

func (n *names) free(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.taken, name)
}

// cursors reads the cursors of a name: of each log, what comes next.
func (db *DB) cursors(name string) (Frontier, error) {
	f := Frontier{}
	err := db.st.AOF().View(func(v *aof.View) error {
		return v.ForEach(aof.Cursors, layout.ProgressOf(name), func(key, value []byte) error {
			k, next, err := layout.Progress.Parse(key, value)
			if err == nil && k.Actor == name {
				f[LogID(k.Log)] = next
			}
			return err
		})
	})
	return f, err
}

// store stores the cursor of a log, also if ctx has ended meanwhile: the events were
// taken. If that fails, the feed goes on all the same; the taker may be given these
// events again once the store was opened anew.
func (f *feed) store(ctx context.Context, log LogID) {
	k := layout.ProgressKey{Actor: f.name, Log: digest.Hash(log)}
	row := store.Put{Bucket: aof.Cursors, Key: layout.Progress.Key(k), Value: layout.Progress.Value(f.reader.next[log])}
	if err := f.db.node.Pipeline().Do(context.WithoutCancel(ctx), &row); err != nil {
		f.entry.Note(fmt.Errorf("the cursor of log %s is not stored: %w", log.Short(), err), time.Now())
	}
}

// ForgetCursor deletes the cursors that the store keeps for a name: the next Process or
// Spawn under it begins with the first event. To forget what is not there does no harm.
// The error is ErrRegistered while a Process or Spawn of that name runs, ErrOptions for
// what no cursor can be called, ErrReadOnly or ErrClosed.
func (db *DB) ForgetCursor(ctx context.Context, name string) (err error) {
	defer db.out(&err)
	if err := db.forgetCursor(ctx, name); err != nil {
		return fmt.Errorf("forget cursor %q: %w", name, err)
	}
	return nil
}

func (db *DB) forgetCursor(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	done, err := db.reading()
	if err != nil {
		return err
	}
	defer done()
	if err := db.names.take(name); err != nil {
		return err
	}
	defer db.names.free(name)
	at, err := db.cursors(name)
	if err != nil {
		return err
	}
	var rows store.Puts
	for log := range at {
		rows = append(rows, &store.Put{Bucket: aof.Cursors, Key: layout.Progress.Key(layout.ProgressKey{Actor: name, Log: digest.Hash(log)})})
	}
	return db.node.Pipeline().Do(ctx, rows)
}
