// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Each row of the table, as it is refused.
func TestRefused(t *testing.T) {
	void := func(v roster.Void) Reason { return Reason(v) }
	for name, c := range map[string]struct {
		ask func(x *town) Ask
		why Reason
	}{
		"admit who belongs, by an invite": {func(x *town) Ask { return x.join("rita", "ned1", "door") }, void(roster.VoidBelongs)},
		"join by an invite for a device": {func(x *town) Ask {
			x.answer(x.request("rita1", x.linkInvite("gate", "rita", "rita1")))
			return x.join("ned", "ned1", "gate")
		}, void(roster.VoidInvite)},
		"device by an invite that is over": {func(x *town) Ask {
			v := x.invite("gate", roster.Device, 1)
			v.Expiry = uint64(x.now.Unix()) + 1
			v.SignLink(x.topic, pub("rita"), keyOf("rita"))
			x.fate(x.answer(x.request("rita1", v)), Carried, "")
			x.now = x.now.Add(time.Second)
			return x.link("rita", "rita2", "gate")
		}, ReasonExpired},
		"device with no KEM key": {func(x *town) Ask {
			c := x.deviceCard("rita", "rita2")
			spoil(c.KEM)
			return x.ask(x.devices["rita2"], &roster.DeviceAsk{Device: roster.SignDevice(x.topic, c, keyOf("rita"), keyOf("rita2"))})
		}, ReasonKEM},
		"device with pages of 5 bytes": {func(x *town) Ask {
			c := x.deviceCard("rita", "rita1")
			c.PageBytes = 5
			return x.ask(x.devices["rita1"], &roster.DeviceAsk{Device: roster.SignDevice(x.topic, c, keyOf("rita"), keyOf("rita1"))})
		}, ReasonPages},
		"admit with no account's KEM key": {func(x *town) Ask {
			a := x.admission(roster.Reader, "ned", "ned1")
			spoil(a.Card.Card.AccountKEM)
			return x.request("ada1", a)
		}, ReasonKEM},
		"admit by a writer": {func(x *town) Ask { return x.request("will1", x.admission(roster.Reader, "ned", "ned1")) }, void(roster.VoidRight)},
		"admit who belongs": {func(x *town) Ask { return x.request("ada1", x.admission(roster.Reader, "rita", "ned1")) }, void(roster.VoidBelongs)},
		"admit the owner":   {func(x *town) Ask { return x.request("ada1", x.admission(roster.Admin, "owner", "ned1")) }, void(roster.VoidOwner)},
		"admit without a KEM key": {func(x *town) Ask {
			a := x.admission(roster.Reader, "ned", "ned1")
			a.Card.Card.AccountKEM = nil
			return x.request("ada1", a)
		}, void(roster.VoidKEM)},
		"admit with no KEM key": {func(x *town) Ask {
			a := x.admission(roster.Reader, "ned", "ned1")
			spoil(a.Card.Card.KEM)
			return x.request("ada1", a)
		}, ReasonKEM},
		"admit with pages of 5 bytes": {func(x *town) Ask {
			a := x.admission(roster.Reader, "ned", "ned1")
			a.Card.Card.PageBytes = 5
			return x.request("ada1", a)
		}, ReasonPages},
		"device of another": {func(x *town) Ask {
			c := x.deviceCard("rita", "rita2")
			return x.ask(x.devices["will1"], &roster.DeviceAsk{Device: roster.SignDevice(x.topic, c, keyOf("rita"), keyOf("rita2"))})
		}, void(roster.VoidRight)},
		"another KEM key that is the same": {func(x *town) Ask {
			c := x.deviceCard("rita", "rita1")
			return x.ask(x.devices["rita1"], &roster.DeviceAsk{Device: roster.SignDevice(x.topic, c, keyOf("rita"), keyOf("rita1"))})
		}, void(roster.VoidNothing)},
		"role by a writer":   {func(x *town) Ask { return x.request("will1", role("rita", roster.Writer)) }, void(roster.VoidRight)},
		"role of the owner":  {func(x *town) Ask { return x.request("ada1", role("owner", roster.Reader)) }, void(roster.VoidOwner)},
		"role that it has":   {func(x *town) Ask { return x.request("ada1", role("rita", roster.Reader)) }, void(roster.VoidNothing)},
		"role of nobody":     {func(x *town) Ask { return x.request("ada1", role("ned", roster.Reader)) }, void(roster.VoidUnknown)},
		"remove by a writer": {func(x *town) Ask { return x.request("will1", account("rita")) }, void(roster.VoidRight)},
		"remove the owner":   {func(x *town) Ask { return x.request("ada1", account("owner")) }, void(roster.VoidOwner)},
		"remove an owner's device": {func(x *town) Ask {
			x.answer(x.link("owner", "tv", "owner"))
			return x.request("ada1", oneDevice("owner", "tv"))
		}, void(roster.VoidRight)},
		"remove the steward":         {func(x *town) Ask { return x.request("ada1", oneDevice("owner", "desk")) }, void(roster.VoidSteward)},
		"remove nobody":              {func(x *town) Ask { return x.request("ada1", account("ned")) }, void(roster.VoidUnknown)},
		"remove a device of another": {func(x *town) Ask { return x.request("ada1", oneDevice("rita", "will1")) }, void(roster.VoidUnknown)},
		"owner leaves":               {func(x *town) Ask { return x.ask(x.devices["desk"], &roster.Leave{}) }, void(roster.VoidOwner)},
		"invite by a writer":         {func(x *town) Ask { return x.request("will1", x.invite("gate", roster.Reader, 1)) }, void(roster.VoidRight)},
		"invite by a key in use":     {func(x *town) Ask { return x.request("ada1", x.invite("rita1", roster.Reader, 1)) }, void(roster.VoidKeyUse)},
		"invite that is over": {func(x *town) Ask {
			v := x.invite("gate", roster.Reader, 1)
			v.Expiry = uint64(x.now.Unix())
			return x.request("ada1", v)
		}, ReasonExpired},
		"invite with no KEM key": {func(x *town) Ask {
			v := x.invite("gate", roster.Reader, 1)
			spoil(v.KEM)
			return x.request("ada1", v)
		}, ReasonKEM},
		"invite for another's device": {func(x *town) Ask { return x.request("will1", x.linkInvite("gate", "rita", "will1")) }, void(roster.VoidRight)},
		"uninvite by a writer":        {func(x *town) Ask { return x.request("will1", key("door")) }, void(roster.VoidRight)},
		"uninvite what is not open":   {func(x *town) Ask { return x.request("ada1", key("gate")) }, void(roster.VoidUnknown)},
		"cut by a writer":             {func(x *town) Ask { return x.request("will1", x.cut("rita1")) }, void(roster.VoidRight)},
		"cut an owner's log":          {func(x *town) Ask { return x.request("ada1", x.cut("desk")) }, void(roster.VoidRight)},
		"cut with no fork": {func(x *town) Ask {
			a := x.cut("rita1")
			a.Fork = &roster.Fork{Author: pub("rita1"), PageBytes: 4096}
			return x.request("will1", a)
		}, void(roster.VoidFork)},
		"erase by a writer":     {func(x *town) Ask { return x.request("will1", x.ranges("will1")) }, void(roster.VoidRight)},
		"snapshot by a reader":  {func(x *town) Ask { return x.request("rita1", x.view("rita1")) }, void(roster.VoidRight)},
		"grant to nobody":       {func(x *town) Ask { return x.request("ada1", right("ned", "")) }, void(roster.VoidUnknown)},
		"grant by a writer":     {func(x *town) Ask { return x.request("will1", right("will", "rita")) }, void(roster.VoidRight)},
		"handover to a replica": {func(x *town) Ask { return x.request("rep1", nil) }, void(roster.VoidRight)},
		"from a removed account": {func(x *town) Ask {
			a := x.request("rita1", right("ada", ""))
			x.answer(x.request("ada1", account("rita")))
			return a
		}, void(roster.VoidAsk)},
	} {
		t.Run(name, func(t *testing.T) {
			x := village(t, sealedGenesis())
			a := c.ask(x)
			b := x.answer(a)
			x.fate(b, Refused, c.why)
			if len(b.Records) != 1 || b.Records[0].Type != "xf/answer" || x.s.Settled(a.Log) != a.Seq+1 {
				t.Errorf("%d records, settled below %d", len(b.Records), x.s.Settled(a.Log))
			}
			if again := x.answer(a); len(again.Records) > 0 {
				t.Error("answered twice")
			}
		})
	}
}

// Asks of strangers make no record.
func TestUnheard(t *testing.T) {
	for name, c := range map[string]struct {
		ask func(x *town) Ask
		why Reason
	}{
		"join by an invite that is closed": {func(x *town) Ask { x.own(key("door")); return x.join("ned", "ned1", "door") }, Reason(roster.VoidInvite)},
		"join by no invite":                {func(x *town) Ask { return x.join("ned", "ned1", "nothing") }, Reason(roster.VoidInvite)},
		"join with a false signature": {func(x *town) Ask {
			c := x.card("ned", "ned1")
			j := roster.NewJoin(x.topic, c, keyOf("ned"), keyOf("ned1"), keyOf("door"))
			j.By.Sig[0] ^= 1
			return x.ask(x.devices["ned1"], j)
		}, Reason(roster.VoidSignature)},
		"join in another log": {func(x *town) Ask {
			x.device("ned", "ned1")
			a := x.join("ned", "ned1", "door")
			a.Log = digest.Sum([]byte("x"))
			return a
		}, Reason(roster.VoidAsk)},
		"device of somebody": {func(x *town) Ask { return x.link("rita", "thief", "thief") }, Reason(roster.VoidSignature)},
		"a stranger's ask":   {func(x *town) Ask { x.device("ned", "ned1"); return x.request("ned1", account("rita")) }, Reason(roster.VoidAsk)},
		"a stranger leaves":  {func(x *town) Ask { x.device("ned", "ned1"); return x.ask(x.devices["ned1"], &roster.Leave{}) }, Reason(roster.VoidAsk)},
		"behind a cut": {func(x *town) Ask {
			x.answer(x.request("ada1", x.cut("rita1")))
			return x.request("rita1", right("will", "rita"))
		}, Reason(roster.VoidAsk)},
	} {
		t.Run(name, func(t *testing.T) {
			x := village(t, sealedGenesis())
			a := c.ask(x)
			b := x.answer(a)
			x.fate(b, Unheard, c.why)
			if len(b.Records) > 0 {
				t.Errorf("%d records", len(b.Records))
			}
		})
	}
}
