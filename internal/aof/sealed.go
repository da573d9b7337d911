// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Rows of kinds that are marked Sealed lie sealed under the store's key. Put seals them,
// and Get and ForEach open them, whoever calls: no caller can forget it. The format
// row says of the whole file whether they are, and with it under which key:
//
//	version  2  secrets lie in the clear: stores of an earlier version, and backups that
//	            hold no identity
//	version  3  they are sealed; then follows the check of the key (8)
//
// A file of version 2 that is opened with a key is written anew, row by row: bytes
// that were deleted or overwritten stay in LMDB's pages, so that no change in place
// would take secrets out of them.
const (
	versionClear  = 2
	versionSealed = 3
)

// Errors of sealed rows.
var (
	// ErrKey is returned by Open for a file that another key seals.
	ErrKey = errors.New("its secrets are sealed under another identity.key")
	// ErrNoKey is returned for a sealed row of a store that was opened without a key.
	ErrNoKey = errors.New("this row is sealed, and there is no identity.key to open it with")
)

// formatOf is the format row of a file whose secrets lie sealed under key, or in the
// clear without one.
func formatOf(key *identity.StoreKey) []byte {
	if key == nil {
		return []byte{versionClear, 0, 0, 0}
	}
	check := key.Check()
	return append([]byte{versionSealed, 0, 0, 0}, check[:]...)
}

// parseFormat holds a format row against the key, and says whether rows are sealed.
func parseFormat(value []byte, key *identity.StoreKey) (sealed bool, err error) {
	version := uint32(0)
	if len(value) >= 4 {
		version = binary.LittleEndian.Uint32(value)
	}
	switch {
	case version == versionClear && len(value) == 4:
		return false, nil
	case version != versionSealed || len(value) != 4+identity.StoreCheckBytes:
		return false, mismatch("format row", fmt.Sprintf("version %d or %d", versionClear, versionSealed), fmt.Sprintf("%x", value))
	case key != nil && !bytes.Equal(value, formatOf(key)):
		return false, ErrKey
	}
	return true, nil
}

// sealedKinds are the kinds of which values are sealed, by bucket.
var sealedKinds = func() (all [numDBs][]*layout.Kind) {
	for _, k := range layout.Kinds {
		if k.Sealed {
			b := BucketNamed(k.Bucket)
			all[b] = append(all[b], k)
		}
	}
	return all
}()

// sealedKind returns the kind of a row if its value is sealed, or nil.
func sealedKind(b Bucket, key []byte) *layout.Kind {
	for _, k := range sealedKinds[b] {
		if bytes.HasPrefix(key, []byte(k.Prefix)) {
			return k
		}
	}
	return nil
}

// sealValue returns a value as it lies in the file.
func (s *Store) sealValue(b Bucket, key, value []byte) ([]byte, error) {
	k := sealedKind(b, key)
	switch {
	case k == nil || !s.sealed:
		return value, nil
	case s.key == nil:
		return nil, ErrNoKey
	}
	return s.key.Seal(k.Place(key), value), nil
}

// openValue returns the value that lies in the file.
func (s *Store) openValue(b Bucket, key, lies []byte) ([]byte, error) {
	k := sealedKind(b, key)
	switch {
	case k == nil || !s.sealed:
		return lies, nil
	case s.key == nil:
		return nil, ErrNoKey
	}
	return openSealed(k, s.key, key, lies)
}

func openSealed(k *layout.Kind, with *identity.StoreKey, key, lies []byte) ([]byte, error) {
	value, err := with.Open(k.Place(key), lies)
	if err != nil {
		return nil, &CorruptError{Where: "aof, " + k.Bucket, What: fmt.Sprintf("%s under %q", k.Name, key), Err: err}
	}
	return value, nil
}
