// SPDX-License-Identifier: MPL-2.0

package store

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// hidden returns an ErrClear if a passphrase would hide nothing: secrets lie in the clear
// in the AOF, or in what a repair of an earlier version set aside.
func (s *Store) hidden() error {
	if !s.aof.Sealed() {
		return fmt.Errorf("%w, in %s, and there was no room to write it anew: make room, then set the passphrase again", ErrClear, s.path(aofName, dataName))
	}
	err := filepath.WalkDir(s.path(layout.DamagedName), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		shows := false
		switch filepath.Base(path) {
		case dataName:
			shows, err = s.salvageShows(filepath.Dir(path))
		case layout.AsideRowsName:
			shows, err = s.rowsShow(path)
		}
		if shows {
			err = fmt.Errorf("%w, in %s, which a repair set aside: remove it, then set the passphrase again", ErrClear, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// salvageShows looks at a data file that was set aside.
func (s *Store) salvageShows(dir string) (bool, error) {
	old, err := aof.OpenSalvage(dir, s.key)
	if err != nil {
		return false, err
	}
	return old.Clear, old.Close()
}

// rowsShow looks at rows that were set aside: of a kind that is sealed, each has to open.
func (s *Store) rowsShow(path string) (bool, error) {
	b, err := os.ReadFile(path)
	for line := range strings.Lines(string(b)) {
		var row struct{ Bucket, Key, Value string }
		if json.Unmarshal([]byte(line), &row) != nil {
			continue // it is no row
		}
		key, errKey := hex.DecodeString(row.Key)
		value, errValue := hex.DecodeString(row.Value)
		k := layout.KindOf(row.Bucket, key)
		if errKey != nil || errValue != nil || k == nil || !k.Sealed {
			continue
		}
		if _, err := s.key.Open(k.Place(key), value); err != nil {
			return true, nil
		}
	}
	return false, err
}
