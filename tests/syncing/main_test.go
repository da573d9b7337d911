// SPDX-License-Identifier: MPL-2.0

// Package syncing has stores meet: whoever is connected with whom, over whatever
// carrier, and however often it breaks, all end with the same events.
package syncing

import (
	"context"
	"testing"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

var ctx = context.Background() // of what no test ends

func TestMain(m *testing.M) { storetest.Main(m, nil) }
