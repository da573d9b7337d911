// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// An ask about something that changed since is stale, unless it is one's own.
func TestStale(t *testing.T) {
	// Each ask is made, then the other thing happens, then the ask is answered.
	for name, c := range map[string]struct {
		ask, first func(x *town) Ask
		fate       Fate
		why        Reason
	}{
		"role":         {func(x *town) Ask { return x.request("ada1", role("rita", roster.Admin)) }, func(x *town) Ask { return x.request("amy1", role("rita", roster.Writer)) }, Refused, ReasonStale},
		"remove":       {func(x *town) Ask { return x.request("ada1", account("rita")) }, func(x *town) Ask { return x.request("amy1", role("rita", roster.Writer)) }, Refused, ReasonStale},
		"device":       {func(x *town) Ask { return x.request("ada1", oneDevice("will", "will1")) }, func(x *town) Ask { return x.renewed("will", "will1") }, Refused, ReasonStale},
		"uninvite":     {func(x *town) Ask { return x.request("ada1", key("door")) }, func(x *town) Ask { return x.request("amy1", key("door")) }, Refused, ReasonStale},
		"cut":          {func(x *town) Ask { return x.request("ada1", x.cut("will1")) }, func(x *town) Ask { return x.request("will1", x.cut("will1")) }, Refused, ReasonStale},
		"erase":        {func(x *town) Ask { return x.request("ada1", x.ranges("will1")) }, func(x *town) Ask { return x.request("amy1", x.cut("will1")) }, Refused, ReasonStale},
		"snapshot":     {func(x *town) Ask { return x.request("ada1", x.view("will1")) }, func(x *town) Ask { return x.request("amy1", x.cut("will1")) }, Refused, ReasonStale},
		"grant":        {func(x *town) Ask { return x.request("ada1", right("rita", "will")) }, func(x *town) Ask { return x.request("amy1", role("will", roster.Reader)) }, Refused, ReasonStale},
		"admit":        {func(x *town) Ask { return x.request("ada1", x.admission(roster.Writer, "ned", "ned1")) }, func(x *town) Ask { return x.request("amy1", x.admission(roster.Reader, "ned", "ned1")) }, Refused, ReasonStale},
		"invite":       {func(x *town) Ask { return x.request("ada1", x.invite("gate", roster.Writer, 1)) }, func(x *town) Ask { return x.request("amy1", x.invite("gate", roster.Reader, 1)) }, Refused, ReasonStale},
		"another's":    {func(x *town) Ask { return x.request("ada1", role("rita", roster.Admin)) }, func(x *town) Ask { return x.request("amy1", role("will", roster.Reader)) }, Carried, ""},
		"oneself":      {func(x *town) Ask { return x.request("rita1", account("rita")) }, func(x *town) Ask { return x.request("amy1", role("rita", roster.Writer)) }, Carried, ""},
		"leave":        {func(x *town) Ask { return x.ask(x.devices["rita1"], &roster.Leave{}) }, func(x *town) Ask { return x.request("amy1", role("rita", roster.Writer)) }, Carried, ""},
		"own device":   {func(x *town) Ask { return x.request("will1", oneDevice("will", "will1")) }, func(x *town) Ask { return x.renewed("will", "will1") }, Carried, ""},
		"own invite":   {func(x *town) Ask { return x.request("will1", x.linkInvite("gate", "will", "will1")) }, func(x *town) Ask { return x.request("amy1", role("will", roster.Admin)) }, Carried, ""},
		"own KEM key":  {func(x *town) Ask { return x.renewed("will", "will1") }, func(x *town) Ask { return x.request("amy1", role("will", roster.Admin)) }, Carried, ""},
		"after a join": {func(x *town) Ask { return x.join("ned", "ned1", "door") }, func(x *town) Ask { return x.request("amy1", role("will", roster.Admin)) }, Carried, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := village(t, sealedGenesis())
			for _, d := range x.devices { // so that cuts at 1 leave asks in front of them
				d.asks = append(d.asks, &roster.EraseOwn{}, &roster.EraseOwn{})
			}
			x.answer(Ask{roster.AskRef{Log: x.devices["will1"].log, Seq: 0}, &roster.EraseOwn{}})
			a := c.ask(x)
			if first := c.first(x); first.Log != a.Log {
				x.fate(x.answer(first), Carried, "")
			} else {
				t.Log("of one log: the first is asked behind")
				x.fate(x.write(x.desk.Own([]Act{{Body: first.Body}}, x.now)), Carried, "")
			}
			x.fate(x.answer(a), c.fate, c.why)
		})
	}
}

// A request that was made in a part of the roster that counts no more is stale.
func TestStaleOfAnotherBranch(t *testing.T) {
	x := village(t, sealedGenesis())
	q, _ := roster.NewRequest(x.s, role("rita", roster.Writer))
	q.At.Root[0] ^= 1
	x.fate(x.answer(x.ask(x.devices["ada1"], q)), Refused, ReasonStale)
}
