// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
)

// TestClaimBecomesSignedDevice: a claim with the account's signature is what SignDevice makes.
func TestClaimBecomesSignedDevice(t *testing.T) {
	topic := [32]byte{1}
	account := identity.AccountSecret{Secret: identity.Secret{2}}.Key()
	device := identity.AccountSecret{Secret: identity.Secret{3}}.Key()
	card := DeviceCard{Account: identity.PublicKey(account), Device: identity.PublicKey(device), PageBytes: 4096, KEM: bytes.Repeat([]byte{4}, 1216)}
	c := ClaimDevice(topic, card, device)
	b, err := AppendClaim(nil, &c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodeClaim(b)
	if err != nil || !again.Verify(topic) {
		t.Fatalf("it does not come back: %v", err)
	}
	for _, wrong := range [][]byte{b[:len(b)-1], append(bytes.Clone(b), 0)} {
		if _, err := DecodeClaim(wrong); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", len(wrong), err)
		}
	}
	if again.Verify([32]byte{5}) {
		t.Error("it is good for another topic")
	}
	signed, want := SignClaim(topic, *again, account), SignDevice(topic, card, account, device)
	if !signed.Verify(topic) || signed.SignerSig != want.SignerSig || signed.DeviceSig != want.DeviceSig || signed.Signer != want.Signer {
		t.Error("it is not what SignDevice makes")
	}
}
