// SPDX-License-Identifier: MPL-2.0

package roster

// A Void says why a record changes nothing; empty if it counts. If several
// reasons hold, which of them is said is not part of the format.
type Void string

// A VoidRecord is a record that changes nothing.
type VoidRecord struct {
	At   Position // after it
	Type string
	Why  Void
}

// The reasons.
const (
	VoidPlace      Void = "it belongs at the beginning of a leg"
	VoidHandedOver Void = "the leg was handed over before"
	VoidAsk        Void = "what asked for it is in no log of a device that belongs, or is not what has to ask for it"
	VoidSettled    Void = "the ask is settled already"
	VoidRight      Void = "on whose authority it is may not do that"
	VoidOwner      Void = "the owner is not removed, demoted or admitted"
	VoidSteward    Void = "the steward is not removed, nor made a replica: it hands over first"
	VoidUnknown    Void = "what it is about does not belong, is not open or is not known"
	VoidBelongs    Void = "the account or device belongs already"
	VoidForeign    Void = "the device is or was another account's"
	VoidKeyUse     Void = "the key is or was another thing's"
	VoidNumber     Void = "the log's number was admitted before, or the log was cut before"
	VoidKEM        Void = "a KEM key is there and should not be, or the other way round, or was a device's before"
	VoidBoxes      Void = "it names too many boxes, too few, or those of another log"
	VoidFull       Void = "an epoch would need more boxes than it may have"
	VoidInvite     Void = "the invite is not open, or is for another role or account"
	VoidSignature  Void = "a signature is wrong, or of a key that may not sign this"
	VoidParent     Void = "the device that it is a copy of is not one of the account"
	VoidEnd        Void = "the log that the device has is not ended, or ended twice"
	VoidNothing    Void = "it changes nothing"
	VoidEpoch      Void = "the epoch's number, recipients, join key or step is another than it has to be"
	VoidPolicy     Void = "genesis does not provide for it"
	VoidCut        Void = "the log was cut before and is not shown to be forked"
	VoidFork       Void = "what it shows is no fork of that log"
)
