// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"crypto/hpke"
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A box carries a secret to one KEM key. It is HPKE (RFC 9180) in base mode
// with MLKEM768-X25519 (0x647a, X-Wing), HKDF-SHA256 (1), ChaCha20-Poly1305
// (3) and no additional data. Its body:
//
//	offset  bytes  field
//	     0      1  kind
//	     1      8  epoch number; 0 in a recovery box (little-endian uint64)
//	     9     32  recipient: author key of a device, key of an account or of an invite
//	    41   1120  encapsulated key
//	  1161      …  ciphertext of the plaintext ‖ tag 16; nothing follows
//
//	kind  plaintext                    HPKE info
//	   1  epoch secret 32 ‖ join key 32  "xaeroflux box v1" ‖ topic id 32 ‖ epoch number u64 ‖ recipient 32
//	   2  join key 32                    as 1
//	   3  account secret 32              "xaeroflux recovery box v1" ‖ topic id 32 ‖ recipient 32
//
// Kinds 1 and 2 go to readers and to replicas; kind 3 goes from an account, its
// recipient, to the root KEM key of the same person. The body does not name
// the KEM key: a recipient has one, or two while it renews it, and tries them.
const (
	BoxAll      = 1 // epoch secret and join key
	BoxJoin     = 2 // join key only
	BoxRecovery = 3 // account secret

	encBytes      = 1120
	boxHeadBytes  = 1 + 8 + RecipientBytes
	boxOtherBytes = boxHeadBytes + encBytes + tagBytes // all of a box but its plaintext

	// RecipientBytes is the length of a recipient's id.
	RecipientBytes = 32
	// MaxBox is the length of the longest box.
	MaxBox = boxOtherBytes + 2*SecretBytes
)

// A Recipient is the Ed25519 public key of what a box is for.
type Recipient [RecipientBytes]byte

// A Box is a secret sealed to one KEM key.
type Box struct {
	Kind      uint8
	Epoch     uint64
	Recipient Recipient
	Sealed    []byte // encapsulated key ‖ ciphertext
}

// SealAll boxes the secret and join key of an epoch for a reader.
func SealAll(to *PublicKey, topic digest.Hash, epoch uint64, id Recipient, secret, join Secret) (Box, error) {
	return sealBox(to, topic, Box{Kind: BoxAll, Epoch: epoch, Recipient: id}, secret[:], join[:])
}

// SealJoin boxes the join key of an epoch for a replica.
func SealJoin(to *PublicKey, topic digest.Hash, epoch uint64, id Recipient, join Secret) (Box, error) {
	return sealBox(to, topic, Box{Kind: BoxJoin, Epoch: epoch, Recipient: id}, join[:])
}

// SealRecovery boxes an account's secret for the root KEM key.
func SealRecovery(root *PublicKey, topic digest.Hash, account Recipient, secret Secret) (Box, error) {
	return sealBox(root, topic, Box{Kind: BoxRecovery, Recipient: account}, secret[:])
}

// OpenAll returns the secret and join key in a box of kind BoxAll. The error
// is ErrUnreadable. A steward may box anything: see Info.Check.
func (b *Box) OpenAll(k *PrivateKey, topic digest.Hash) (secret, join Secret, err error) {
	p, err := b.open(k, topic, BoxAll)
	if err != nil {
		return Secret{}, Secret{}, err
	}
	return Secret(p[:SecretBytes]), Secret(p[SecretBytes:]), nil
}

// OpenJoin returns the join key in a box of kind BoxJoin. The error is
// ErrUnreadable. A steward may box anything: see Info.CheckJoin.
func (b *Box) OpenJoin(k *PrivateKey, topic digest.Hash) (join Secret, err error) {
	p, err := b.open(k, topic, BoxJoin)
	if err != nil {
		return Secret{}, err
	}
	return Secret(p), nil
}

// OpenRecovery returns the account's secret in a box of kind BoxRecovery. The
// error is ErrUnreadable. The caller checks that the account's key, which is
// b.Recipient, derives from it.
func (b *Box) OpenRecovery(k *PrivateKey, topic digest.Hash) (account Secret, err error) {
	p, err := b.open(k, topic, BoxRecovery)
	if err != nil {
		return Secret{}, err
	}
	return Secret(p), nil
}

func sealBox(to *PublicKey, topic digest.Hash, b Box, plain ...[]byte) (Box, error) {
	pub, err := to.parse()
	if err != nil {
		return Box{}, err
	}
	var all []byte
	for _, p := range plain {
		all = append(all, p...)
	}
	b.Sealed, err = hpke.Seal(pub, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), b.info(topic), all)
	if err != nil {
		return Box{}, fmt.Errorf("%w: %w", ErrKEMKey, err)
	}
	return b, nil
}

func (b *Box) open(k *PrivateKey, topic digest.Hash, kind uint8) ([]byte, error) {
	if b.Kind != kind || b.check() != nil {
		return nil, fmt.Errorf("%w: box of kind %d and %d bytes, want kind %d", ErrUnreadable, b.Kind, len(b.Sealed), kind)
	}
	r, err := recipient(k, b.Sealed[:encBytes], b.info(topic))
	if err != nil {
		return nil, fmt.Errorf("%w: box: %w", ErrUnreadable, err)
	}
	p, err := r.Open(nil, b.Sealed[encBytes:])
	if err != nil {
		return nil, fmt.Errorf("%w: box: %w", ErrUnreadable, err)
	}
	return p, nil
}

func recipient(k *PrivateKey, enc, info []byte) (*hpke.Recipient, error) {
	return hpke.NewRecipient(enc, k.key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info)
}

// info returns what a box is bound to.
func (b *Box) info(topic digest.Hash) []byte {
	if b.Kind == BoxRecovery {
		return append(append([]byte(labelRecovery), topic[:]...), b.Recipient[:]...)
	}
	info := append([]byte(labelBox), topic[:]...)
	info = binary.LittleEndian.AppendUint64(info, b.Epoch)
	return append(info, b.Recipient[:]...)
}
