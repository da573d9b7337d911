// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m, nil) }
