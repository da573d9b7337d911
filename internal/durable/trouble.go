// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
)

// A Trouble is what the machine refuses at the moment. It says nothing about the
// bytes of a store: it is never damage, is nobody's fault, and goes away when
// its cause does.
type Trouble uint8

// The kinds of trouble.
const (
	NoTrouble Trouble = iota
	Exhausted         // descriptors, memory, address space: give some back and try again
	Full              // the disk, a quota of the system, the largest file allowed
	Denied            // modes, owners, a read-only mount
	Failing           // the device itself: read or write error, gone, stale
)

var troubleNames = [...]string{"none", "exhausted", "full", "denied", "failing"}

func (t Trouble) String() string {
	if int(t) < len(troubleNames) {
		return troubleNames[t]
	}
	return "unknown"
}

// TroubleOf returns what trouble an error speaks of, or NoTrouble. If it speaks
// of several, as a joined error may, the first in the order above counts.
func TroubleOf(err error) Trouble {
	for t := Exhausted; t <= Failing; t++ {
		for _, target := range troubleErrors[t] {
			if errors.Is(err, target) {
				return t
			}
		}
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrOpenedReadOnly) {
		return Denied
	}
	return NoTrouble
}
