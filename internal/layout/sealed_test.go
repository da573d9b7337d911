// SPDX-License-Identifier: MPL-2.0

package layout

import "testing"

// inTheClear are the kinds of which the values open nothing: what lies on the disk in the
// clear is decided by a person, kind by kind.
var inTheClear = map[*Kind]bool{
	&Agreements.Kind: true, &Peers.Kind: true, &Progress.Kind: true, &Places.Kind: true, &Closings.Kind: true, &Moves.Kind: true,
	&Restores.Kind: true, &Unmet.Kind: true, &Formers.Kind: true, &Copies.Kind: true, &Defaults.Kind: true, &Follows.Kind: true, &Legs.Kind: true,
	&Forks.Kind: true, &Cosigned.Kind: true, &Forgets.Kind: true, &Cosignatures.Kind: true, &Doubts.Kind: true, &Ranges.Kind: true, &IDs.Kind: true,
	&Homes.Kind: true, &Invited.Kind: true, &Resumed.Kind: true, &SignedLegs.Kind: true, &Unasked.Kind: true,
	&NamedLogs.Kind: true, // it is as sealed as the event that it has from the log
}

// A kind is either sealed, or known to open nothing.
func TestEachKindIsSealedOrOpensNothing(t *testing.T) {
	for _, k := range Kinds {
		if k.Sealed == inTheClear[k] {
			t.Errorf("%s: sealed %v, in the list of what opens nothing %v: whatever holds a key, a seed or a secret gets Sealed: true in its Kind, anything else a place in the list", k.Name, k.Sealed, inTheClear[k])
		}
	}
}
