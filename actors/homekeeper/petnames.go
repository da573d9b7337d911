// SPDX-License-Identifier: MPL-2.0

package homekeeper

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/home"
)

// tellPetnames tells the person's other devices what the person calls people here, and
// keeps what they told.
func (r *round) tellPetnames() error {
	for _, t := range r.k.Store.AllTopics() {
		if r.isHome(t.ID) {
			continue
		}
		if err := r.petnamesOf(t.ID); err != nil || r.did {
			return err
		}
	}
	return nil
}

func (r *round) petnamesOf(topic digest.Hash) error {
	here, err := r.k.Store.Petnames(topic)
	if err != nil {
		return err
	}
	there := r.state.Petnames(topic)
	for account, p := range here {
		if p.Newer(there[account]) {
			said := home.Petname{Account: account, Petname: p}
			return r.say(home.TypeName, topic, said.Append(nil))
		}
	}
	for account, p := range there {
		if c, err := r.k.Store.NewPetname(topic, account, p); err != nil {
			return err
		} else if c != nil {
			return r.do(c)
		}
	}
	return nil
}
