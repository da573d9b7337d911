// SPDX-License-Identifier: MPL-2.0

package flips

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
)

// mapped reports whether a file is read through a memory map of ours.
func mapped(rel string) bool {
	kind := kindOf(rel)
	return kind == "seg" || kind == "tree" || kind == "mmr"
}

// cutOpen takes the end of a file away while the store is open and all of it was
// read and checked, which is what a disk does that loses sectors. Reading it
// again gives the right events or an error that tells.
func cutOpen(dir, rel string, size int, want *oracle.Oracle) error {
	st, err := store.Open(dir, store.Options{Look: true})
	if err != nil {
		return err
	}
	defer st.Close()
	if err := readAll(st, want, func(error) bool { return false }); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	const page = 4096 // what a system reads from a disk
	err = os.Truncate(filepath.Join(dir, rel), int64(size/page*page))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // opening removed it: it was past the commit point
	}
	if err != nil {
		return err
	}
	return readAll(st, want, typed)
}

// readAll reads and proves every event but those whose error is allowed.
func readAll(st *store.Store, want *oracle.Oracle, allowed func(error) bool) error {
	for n := range logs {
		l, err := oracle.Find(st, n)
		if err != nil {
			return err
		}
		p := l.State()
		if err := want.CheckEvents(st, n, l, p.Size); err != nil && !allowed(err) {
			return fmt.Errorf("log %d: %w", n, err)
		}
		for seq := range p.Size {
			if _, err := st.Inclusion(l, seq, p.Size); err != nil && !allowed(err) {
				return fmt.Errorf("log %d: proof of event %d: %w", n, seq, err)
			}
		}
		root, err := want.Root(n, p.Size)
		if err := errors.Join(err, same(p.Root == root)); err != nil {
			return err
		}
	}
	return nil
}

func same(ok bool) error {
	if !ok {
		return errors.New("another root")
	}
	return nil
}
