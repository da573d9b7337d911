// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Founding is record 0 of the first leg: the genesis itself, whose hash is the
// topic id. Whether its bytes are a genesis is not asked here: they are those
// that the topic id was made of, or the roster is refused.
type Founding struct{ Body []byte }

// Type returns "xf/genesis".
func (*Founding) Type() string { return "xf/genesis" }

func (f *Founding) code(c *coder) {
	if c.writing {
		c.raw(f.Body)
		return
	}
	f.Body, c.b = bytes.Clone(c.b), nil
}

// FirstRecords returns the two records that found a topic: genesis, and the
// owner's admit of its account and of the steward's device, signed by both keys.
// The card has the keys' public halves, log number 0, and KEM keys unless the
// topic is open. The error is ErrMalformed.
func FirstRecords(topic digest.Hash, genesisBody []byte, k Card, account, device ed25519.PrivateKey) (first [2]Raw, err error) {
	for i, r := range []Record{&Founding{genesisBody}, &Admit{Role: Owner, Card: SignCard(topic, k, account, device)}} {
		b, err := Encode(nil, r)
		if err != nil {
			return first, err
		}
		first[i] = Raw{Type: r.Type(), Body: b}
	}
	return first, nil
}
