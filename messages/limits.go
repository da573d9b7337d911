// SPDX-License-Identifier: MPL-2.0

package messages

// Limits of the wire. They bound what a frame may make its reader allocate.
const (
	// MaxFrame is the longest body in bytes of any message but EVENTS.
	MaxFrame = 1 << 20
	// MaxHelloFrame is the longest body of HELLO and TOPICS, in which MaxTopics
	// offers with their marks and MaxCaps capabilities fit, of CERTIFICATE and of
	// OPEN.
	MaxHelloFrame = 80 << 10
	// MaxShortFrame is the longest body of messages that say little.
	MaxShortFrame = 2 << 10
	// MaxEventsFrame is the longest EVENTS body: one record of the largest size
	// and the fields around it. Senders keep to MaxFrame if several records
	// go into one frame.
	MaxEventsFrame = 35 << 19

	// MaxCount bounds sizes, sequences and page indices: a store keeps no larger
	// ones, and their sums and doubles never overflow.
	MaxCount = 1<<48 - 1

	MaxCaps      = 32   // capabilities in a HELLO
	MaxCapBytes  = 32   // bytes of a capability's name
	MaxCapParam  = 64   // bytes of its parameter in a HELLO
	MaxOpenParam = 4096 // bytes of a parameter in an OPEN
	MaxPresence  = 1024 // bytes of a PRESENCE
	MaxPadding   = 256  // bytes of padding in PING and PONG
	MaxTopics    = 1024 // topics in one list: HELLO or TOPICS
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

	// MaxOffers bounds the topics that one side offers in a session and that are
	// not shared.
	MaxOffers = 16 * MaxTopics
	// MaxCertificate is the longest sealed part of a CERTIFICATE.
	MaxCertificate = 64 << 10

	// MaxDiffBody is the longest opaque body in bytes of a DIFF.
	MaxDiffBody = MaxFrame - 1024

	maxDepth = 16 // of arrays and maps in a field that is skipped
)
