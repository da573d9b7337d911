// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/identity"

// Genesis is what record 0 of the first leg holds.
type Genesis = identity.Genesis
