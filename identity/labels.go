// SPDX-License-Identifier: MPL-2.0

package identity

// Labels of everything that is derived or hashed here. A label is never used
// twice and never changes: another derivation gets another version. HKDF is
// HKDF-SHA256 without salt, info = label ‖ context, 32 bytes; tagged is
// digest.Tagged.
//
//	what                       how     from                  context or parts
//	peer key                   HKDF    seed                  generation 16
//	founding key               HKDF    seed                  generation 16 ‖ founding hash 32
//	author key                 HKDF    seed                  generation 16 ‖ topic id 32
//	witness key                HKDF    seed                  generation 16 ‖ topic id 32
//	store key                  HKDF    seed                  a key of AES-256-GCM, see StoreKey
//	account key, account KEM   HKDF    account secret
//	invite key, invite KEM     HKDF    invite seed
//	root KEM                   HKDF    words' entropy
//	home salt                  HKDF    words' entropy        first 16 bytes are taken
//	home lobby key             HKDF    words' entropy
//	home account secret        HKDF    words' entropy
//	lobby proof                HKDF    lobby key             the key of an HMAC, see LobbyProof
//	join proof                 HKDF    join key              the key of an HMAC, see JoinProof
//	state mark                 HKDF    join key              the key of an HMAC, see StateMark
//	topic id                   tagged                        genesis body
//	founding hash              tagged                        genesis body, steward zero
//	log id                     tagged                        topic 32, author 32, page bytes u32, kind u8, number u64
//	H(lobby key), H(join key)  tagged                        key 32
//	a mark of a place          tagged                        name of the mark, value: see Place
//	check of identity.key      tagged                        its first two lines, see CreateSeed
//	check of a store key       tagged                        the key; 8 bytes are taken
//
// Other packages derive too, under labels that are taken:
//
//	xaeroflux seal v1, chain v1, box v1, recovery box v1, epoch v1, epoch readers v1    internal/seal
//	xaeroflux sketch salt v1                                                            syncer
//	xaeroflux pairing v1, pairing payload v1                                            internal/pairing
//	xaeroflux knock v1                                                                  internal/peertls
//
// What is derived as a key is the seed of an Ed25519 key (RFC 8032), and what
// is derived as a KEM is the seed of an MLKEM768X25519 key.
const (
	labelPeerKey     = "xaeroflux peer key v2"
	labelFoundingKey = "xaeroflux founding key v1"
	labelAuthorKey   = "xaeroflux author key v2"
	labelWitnessKey  = "xaeroflux witness key v2"
	labelStoreKey    = "xaeroflux store key v1"
	labelAccountKey  = "xaeroflux account key v1"
	labelAccountKEM  = "xaeroflux account kem v1"
	labelInviteKey   = "xaeroflux invite key v1"
	labelInviteKEM   = "xaeroflux invite kem v1"
	labelRootKEM     = "xaeroflux root kem v1"
	labelHomeSalt    = "xaeroflux home salt v1"
	labelHomeLobby   = "xaeroflux home lobby key v1"
	labelHomeAccount = "xaeroflux home account v1"
	labelLobbyProof  = "xaeroflux lobby proof v1"
	labelJoinProof   = "xaeroflux join proof v2"
	labelState       = "xaeroflux state mark v2"

	tagStoreCheck = "xaeroflux store key check v1"

	tagTopicID  = "xaeroflux topic v2"
	tagFounding = "xaeroflux founding v1"
	tagLog      = "xaeroflux log v2"
	tagLobbyKey = "xaeroflux lobby key v1"
	tagJoinKey  = "xaeroflux join key v1"
)
