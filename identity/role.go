// SPDX-License-Identifier: MPL-2.0

package identity

import "fmt"

// A Role is what a member may do in a topic.
type Role uint8

// The roles. Zero is none.
const (
	RoleOwner   Role = 1 // genesis' account, for ever
	RoleAdmin   Role = 2 // writes, and asks for changes
	RoleWriter  Role = 3
	RoleReader  Role = 4
	RoleReplica Role = 5 // stores and forwards what it cannot read
	RoleDevice  Role = 6 // in an invite only: a device of the account that signed it
)

var roleNames = [...]string{"none", "owner", "admin", "writer", "reader", "replica", "device"}

// String returns the role's name.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}
