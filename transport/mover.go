// SPDX-License-Identifier: MPL-2.0

package transport

// A Mover is a Carrier that can move its connections to another address of this
// machine.
type Mover interface {
	// Move says that the addresses of this machine may be others. A connection dialed
	// from one that is gone is moved to one that there is, if the peer can be reached
	// from it. It does not wait for that; a connection that cannot be moved is left as
	// it is.
	Move()
}

// Move moves the connections of a carrier, if it can.
func Move(c Carrier) {
	if m, ok := c.(Mover); ok {
		m.Move()
	}
}
