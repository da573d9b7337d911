// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
)

// A TornCopyError is why a store cannot be opened that is in another place than the
// one its files name: whoever copies a running store file by file gets files of
// several times. Err says what is wrong with them.
type TornCopyError struct {
	Why string // what is different about the place, for people
	Err error  // a *recovery.RefusedError or a *CorruptError
}

// Error says what is wrong, and how such a copy is made.
func (e *TornCopyError) Error() string {
	return fmt.Sprintf("%v; this store is a copy, or was moved (%s): a copy of a running store comes out like this; "+
		"make it by a backup, which works while the store runs", e.Err, e.Why)
}

// Unwrap returns what is wrong.
func (e *TornCopyError) Unwrap() error { return e.Err }

// torn makes a *TornCopyError of why the store cannot be opened, if it is not where
// its files say.
func (s *Store) torn(err error) error {
	var refused *recovery.RefusedError
	if errors.As(err, &refused) && refused.Has(recovery.KindLink) || refused == nil && !errors.Is(err, corrupt.Err) {
		return err
	}
	was := s.place
	if was == (identity.Place{}) {
		was = s.format.Place // the AOF cannot say
	}
	if was == (identity.Place{}) {
		return err
	}
	now, lookErr := device.PlaceOf(s.dir, s.opts.Place)
	if lookErr != nil || s.opts.Look && was.Named() != now.Named() {
		return err
	}
	if same, why := was.Same(now); !same {
		return &TornCopyError{Why: why, Err: err}
	}
	return err
}
