// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// A namer says what to call the authors of events.
type namer struct {
	topic *xaeroflux.Topic // nil if nobody wants to know
	names map[xaeroflux.AccountKey]string
	read  time.Time
}

// namesAge is how old names may be: a query may go on for long.
const namesAge = time.Second

// namer returns what names the authors of a query's events.
func (b *local) namer(q nodeapi.Query) (n namer, err error) {
	if q.Names {
		n.topic, err = b.topic(q.Topic)
	}
	return n, err
}

// name returns what to call an account; "" if it has no name.
func (n *namer) name(account xaeroflux.AccountKey) (string, error) {
	if n.topic == nil || account.IsZero() {
		return "", nil
	}
	if now := time.Now(); now.Sub(n.read) > namesAge {
		names, err := n.topic.Names()
		if err != nil {
			return "", err
		}
		n.names, n.read = names, now
	}
	return n.names[account], nil
}
