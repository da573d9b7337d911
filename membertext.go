// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "fmt"

// MarshalText writes what String says.
func (k TopicKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *TopicKind) UnmarshalText(b []byte) error {
	for one := PrivateTopic; one <= OpenTopic; one++ {
		if one.String() == string(b) {
			*k = one
			return nil
		}
	}
	return fmt.Errorf("%q is no kind of topic: they are open, private and plain", b)
}

// MarshalText writes what String says.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote of a role that a member can have.
func (r *Role) UnmarshalText(b []byte) error {
	for one := RoleOwner; one <= RoleReplica; one++ {
		if one.String() == string(b) {
			*r = one
			return nil
		}
	}
	return fmt.Errorf("%q is no role: they are owner, admin, writer, reader and replica", b)
}
