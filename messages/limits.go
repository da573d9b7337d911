// SPDX-License-Identifier: MPL-2.0

package messages

// Limits of the wire. They bound what a frame may make its reader allocate.
const (
	// MaxFrame is the longest body in bytes of any message but EVENTS.
	MaxFrame = 1 << 20
	// MaxHelloFrame is the longest HELLO body: MaxTopics proofs with their states
	// and MaxCaps names fit.
	MaxHelloFrame = 64 << 10
	// MaxEventsFrame is the longest EVENTS body: one record of the largest size
	// and the fields around it. Senders keep to MaxFrame where several records
	// go into one frame.
	MaxEventsFrame = 35 << 19

	// MaxCount bounds sizes, sequences and page indices: a store keeps no larger
	// ones, and their sums and doubles never overflow.
	MaxCount = 1<<48 - 1

	MaxCaps      = 32   // capabilities in a HELLO
	MaxCapBytes  = 32   // bytes of a capability's name
	MaxTopics    = 1024 // topics in a HELLO
	MaxEntries   = 4096 // log states in a DIFF
	MaxRight     = 128  // hashes of a compact range up to a head
	MaxHashes    = 64   // hashes of an inclusion proof
	MaxLeafBytes = 2048 // leaf data in a PROOF_RESPONSE
	MaxAddresses = 64   // addresses in PEERS
	MaxAddrBytes = 256  // bytes of an address
	MaxTextBytes = 512  // bytes of text in ERROR and BYE
	MaxForkBytes = 8192 // of the proof in FORK
	MaxRunPages  = 1 << 16
	MaxPageBytes = 1 << 16

	// MaxDiffBody is the longest opaque body in bytes of a DIFF.
	MaxDiffBody = MaxFrame - 1024

	maxDepth = 16 // of arrays and maps in a field that is skipped
)
