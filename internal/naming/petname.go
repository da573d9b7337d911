// SPDX-License-Identifier: MPL-2.0

package naming

// A Petname is what a person calls somebody else.
type Petname struct {
	Given uint64 // when, milliseconds since 1970
	Name  string // "" for nothing any more
}

// Newer reports whether p was given after another petname of the same person, on whichever
// device.
func (p Petname) Newer(than Petname) bool {
	return p.Given > than.Given || p.Given == than.Given && p.Name > than.Name
}
