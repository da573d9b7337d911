// SPDX-License-Identifier: MPL-2.0

package device

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Put stores what the device's keys derive from beside the seed, and where the data
// lies.
func Put(t *aof.Txn, g identity.Generation, p identity.Place) error {
	return errors.Join(aof.PutRow(t, layout.Generations, layout.Only{}, g), aof.PutRow(t, layout.Places, layout.Only{}, p))
}

// PlaceOf returns the place that dir is, or the one that a person named.
func PlaceOf(dir, name string) (identity.Place, error) {
	w, err := durable.ReadWhereabouts(dir, layout.SeedName)
	return identity.PlaceOf(name, w), err
}

// LoadPlace returns the place that the data lay in when it was committed last, or
// the other one if no row says.
func LoadPlace(v *aof.View, other identity.Place) (identity.Place, error) {
	p, found, err := aof.Row(v, layout.Places, layout.Only{})
	if err != nil || !found {
		return other, err
	}
	return p, nil
}
