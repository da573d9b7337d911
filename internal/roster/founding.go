// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Founding is record 0 of the first leg: the genesis itself, whose hash is the
// topic id. Its body is some genesis, or it does not decode; whether it is the
// topic's is for CheckFounding.
type Founding struct{ Body []byte }

// Type returns "xf/genesis".
func (*Founding) Type() string { return "xf/genesis" }

func (f *Founding) code(c *coder) {
	if c.writing {
		c.raw(f.Body)
	} else {
		f.Body, c.b = bytes.Clone(c.b), nil
	}
	_, err := identity.ParseGenesis(f.Body)
	c.check(err == nil, "%v", err)
}

// CheckFounding returns why the record of a leg with a sequence is not what has to
// stand there: what begins the leg at 0, the owner's admit at 1 of genesis' leg,
// anything behind them. It is decided by the topic, its genesis and the leg's name;
// so everybody ends the log before the same record, whatever came first. R is nil if
// the record does not decode. Record 1 of a leg whose term record names nothing is
// for State to judge: it takes record 0 to know that leg.
func CheckFounding(topic digest.Hash, g *Genesis, leg LegID, seq uint64, r Record) error {
	switch {
	case seq == 0:
		return checkFirst(topic, g, leg, r)
	case seq == 1 && leg.Term == 0 && leg.Leg == 0:
		return checkOwner(topic, g, leg.Author, r)
	}
	return nil
}

func checkFirst(topic digest.Hash, g *Genesis, leg LegID, r Record) error {
	f, founds := r.(*Founding)
	b, begins := r.(*Begin)
	switch {
	case leg.Term == 0 && leg.Leg == 0:
		if !founds || identity.TopicIDOf(f.Body) != topic {
			return errors.New("it is not the topic's genesis")
		}
	case !begins || (b.Term == nil) != (leg.Leg > 0):
		return fmt.Errorf("nothing in it begins leg %d of term %d", leg.Leg, leg.Term)
	case b.Term != nil:
		return b.Term.checkLeg(topic, g, leg)
	}
	return nil
}

// checkLeg returns why t does not begin a leg.
func (t *Term) checkLeg(topic digest.Hash, g *Genesis, leg LegID) error {
	if t.Term != leg.Term || t.Steward != leg.Author {
		return fmt.Errorf("its term record is of term %d and %s, want %d and %s", t.Term, t.Steward.Short(), leg.Term, leg.Author.Short())
	}
	if !t.Verify(topic, g) {
		return fmt.Errorf("its term record of term %d is signed by nobody who can raise it", t.Term)
	}
	return nil
}

// checkOwner returns why r is not the owner's admit of the author of a first leg.
func checkOwner(topic digest.Hash, g *Genesis, author Key, r Record) error {
	a, ok := r.(*Admit)
	if !ok {
		return errors.New("it is not the owner's admit")
	}
	return a.ownerFlaw(topic, g, author)
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
