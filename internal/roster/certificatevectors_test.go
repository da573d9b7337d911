// SPDX-License-Identifier: MPL-2.0

package roster

import "testing"

// certificateVectors are certificates of each kind, and of members over one leg,
// over legs that were handed over, and over terms.
func certificateVectors(t testing.TB) (all []any) {
	add := func(what string, r *realm, s *State, c *Certificate, device string, dialer bool) {
		if err := c.Sign(r.topic, []byte("binding"), dialer, keyOf(device)); err != nil {
			t.Fatal(err)
		}
		if err := c.Verify(s, []byte("binding"), dialer); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		role := 0
		if dialer {
			role = 1
		}
		all = append(all, obj("what", what, "genesis", r.g.Append(nil), "topic", r.topic, "binding", []byte("binding"), "role", role, "body", mustEncode(c)))
	}
	r, cert := member(t)
	first := r.replay([]HeldLeg{{LegID: r.writers[0].legs[0].LegID, Records: r.writers[0].legs[0].Records[:2]}}).s
	add("a member, over a handover and a term", r, first, cert, "owner's tablet", true)

	legs := r.writers[0].legs
	add("a member by the owner's admit, over one leg", r, first, &Certificate{Member: &Membership{
		Device: pub(keyOf("owner's laptop")), Legs: []LegProof{showLeg(r, legs[0], false)}, Record: showRecord(legs[0], 1, ProvesAdmit),
	}}, "owner's laptop", false)
	add("a member by the term that it begins", r, first, &Certificate{Member: &Membership{
		Device: pub(keyOf("owner's tablet")), Legs: []LegProof{showLeg(r, legs[2], false)}, Record: showRecord(legs[2], 1, ProvesDevice),
	}}, "owner's tablet", false)

	r, legs = handedOver(t, 4)
	m := &Membership{Device: pub(keyOf("device 2")), Record: showRecord(legs[1], 1, ProvesDevice), In: 1}
	for i, l := range legs {
		m.Legs = append(m.Legs, showLeg(r, l, i+1 < len(legs)))
	}
	first = r.replay([]HeldLeg{{LegID: legs[0].LegID, Records: legs[0].Records[:2]}}).s
	add("a member over four legs, handed over", r, first, &Certificate{Member: m}, "device 2", true)

	r = newRealm(t, 1)
	x := r.writers[0]
	r.append(x, &MakeInvite{Invite: Invite{Key: r.m.know("invite"), Role: Writer, Uses: 1, KEM: kemOf("invite")}})
	k := Card{Account: pub(keyOf("ann")), Device: pub(keyOf("ann's phone")), PageBytes: 4096, KEM: kemOf("ann's phone"), AccountKEM: kemOf("ann")}
	join := &Join{ProveInvite(r.topic, k, keyOf("invite")), SignCard(r.topic, k, keyOf("ann"), keyOf("ann's phone"))}
	add("invited", r, x.s, &Certificate{Invited: join}, "ann's phone", true)
	d := DeviceCard{Account: r.g.Owner, Device: pub(keyOf("tv")), PageBytes: 4096, KEM: kemOf("tv")}
	add("a device of an account", r, x.s, &Certificate{Added: &DeviceAsk{SignDevice(r.topic, d, keyOf("owner's laptop"), keyOf("tv"))}}, "tv", false)
	return all
}

// handedOver returns a roster of so many legs of one term: each but the first
// admits the device that the next is handed over to.
func handedOver(t testing.TB, n int) (*realm, []HeldLeg) {
	r := newRealm(t, 5)
	x := r.writers[0]
	for i := range n - 1 {
		name := "device " + jsonNumber(i+1)
		c := DeviceCard{Account: r.g.Owner, Device: r.m.know(name), PageBytes: 4096}
		r.append(x, &AddDevice{Device: SignDevice(r.topic, c, keyOf("owner"), keyOf(name))})
		r.append(x, &Handover{AskRef{c.Log(r.topic), 1}, c.Device})
		r.step(x)
	}
	return r, x.legs
}
