// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// HomeTerm is the term that a home topic's roster begins with.
const HomeTerm = 1

// HomeRecords returns the two records that found a home topic, whose genesis names no
// steward, and a roster that begins anew: a term record that names nothing before it, and
// the owner's admit of the device that writes it. The card is as in FirstRecords. The term
// is HomeTerm, or above that of a roster that is lost. The error is ErrMalformed.
func HomeRecords(topic digest.Hash, term uint32, k Card, account, device ed25519.PrivateKey) (first [2]Raw, err error) {
	t := &Term{Last: Prefix{Root: digest.Empty}, Term: term, Steward: k.Device, By: ByOwner}
	t.Sign(topic, 0, account)
	for i, r := range []Record{&Begin{Term: t}, &Admit{Role: Owner, Card: SignCard(topic, k, account, device)}} {
		b, err := Encode(nil, r)
		if err != nil {
			return first, err
		}
		first[i] = Raw{Type: r.Type(), Body: b}
	}
	return first, nil
}
