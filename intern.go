// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "unique"

// typeString turns a type into a string without an allocation for each event:
// an application has few types and many events of each.
func typeString(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unique.Make(string(b)).Value()
}
