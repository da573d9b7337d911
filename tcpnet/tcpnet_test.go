// SPDX-License-Identifier: MPL-2.0

package tcpnet

import (
	"crypto/ed25519"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport/conformance"
)

// testKey returns the i-th test key.
func testKey(i byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = i
	return ed25519.NewKeyFromSeed(seed)
}

func testPeer(i byte) identity.PeerID {
	return identity.PeerID(testKey(i).Public().(ed25519.PublicKey))
}

func newCarrier(t testing.TB, i byte, o Options) *Carrier {
	t.Helper()
	c, err := New(testKey(i), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Setup {
		return conformance.Setup{
			Dialer: newCarrier(t, 1, Options{}), DialerPeer: testPeer(1),
			Listener: newCarrier(t, 2, Options{}), ListenerPeer: testPeer(2),
			ListenAt: "127.0.0.1:0", Nowhere: "127.0.0.1:9", Buffered: 300 << 10,
		}
	})
}
