// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"crypto/cipher"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Step leads from an epoch to its parent, the epoch before it, if policy
// lets newcomers read history: the parent's secret, sealed under the new one.
//
//	offset  bytes  field
//	     0     12  nonce, random
//	    12     32  ciphertext of the parent's secret
//	    44     16  tag
//
// The cipher is AES-256-GCM; its key is HKDF-Expand(SHA-256, new secret,
// "xaeroflux chain v1" ‖ new epoch id 32, 32 bytes), its additional data are
// parent epoch id 32 ‖ new epoch id 32.
type Step [StepBytes]byte

// StepBytes is the length of a Step.
const StepBytes = nonceBytes + SecretBytes + tagBytes

// SealStep seals the secret of the epoch parent under secret, that of the
// epoch id.
func SealStep(secret Secret, id, parent digest.Hash, parentSecret Secret) Step {
	return Step(stepCipher(secret, id).Seal(nil, nil, parentSecret[:], stepData(id, parent)))
}

// OpenStep returns the secret of the epoch parent. The error is ErrUnreadable
// if s does not open, and ErrSecret if what is in it is not parent's secret.
func OpenStep(s *Step, secret Secret, id digest.Hash, parent *Info) (Secret, error) {
	b, err := stepCipher(secret, id).Open(nil, nil, s[:], stepData(id, parent.ID))
	if err != nil {
		return Secret{}, fmt.Errorf("%w: step from epoch %s to %s: %w", ErrUnreadable, id.Short(), parent.ID.Short(), err)
	}
	if err := parent.Check(Secret(b)); err != nil {
		return Secret{}, err
	}
	return Secret(b), nil
}

func stepCipher(secret Secret, id digest.Hash) cipher.AEAD {
	return newGCM(expand(secret, labelChain, id[:]))
}

func stepData(id, parent digest.Hash) []byte {
	return append(append(make([]byte, 0, 2*digest.Size), parent[:]...), id[:]...)
}
