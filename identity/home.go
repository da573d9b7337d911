// SPDX-License-Identifier: MPL-2.0

package identity

import "crypto/ed25519"

// A Home is the topic of one person's devices, as it derives from the words.
// Its genesis names no steward: its roster begins with a term record that the
// account key signs. Join keys are those of its epochs, as in every sealed topic.
type Home struct {
	Genesis Genesis
	Lobby   Secret
	Account AccountSecret
}

// RootKEMSeed returns the seed of the person's root MLKEM768X25519 key. Devices
// keep its public half.
func (w Words) RootKEMSeed() Secret { return derive(w.Secret[:], labelRootKEM) }

// Home returns the person's home topic: a sealed, erasable topic in which
// newcomers read history, with no steward, no retention, no delay of erasures
// and no successors.
func (w Words) Home() Home {
	h := Home{
		Lobby:   derive(w.Secret[:], labelHomeLobby),
		Account: AccountSecret{derive(w.Secret[:], labelHomeAccount)},
	}
	salt := derive(w.Secret[:], labelHomeSalt)
	h.Genesis = Genesis{
		Policy:    policyHome,
		Owner:     [KeyBytes]byte(h.Account.Key().Public().(ed25519.PublicKey)),
		Salt:      [SaltBytes]byte(salt[:SaltBytes]),
		LobbyHash: LobbyHash(h.Lobby),
	}
	return h
}
