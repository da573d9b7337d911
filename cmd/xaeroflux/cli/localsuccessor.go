// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Succession implements nodeapi.Backend.
func (b *local) Succession(ctx context.Context, topic string, c nodeapi.SuccessionChange) (out nodeapi.Succession, err error) {
	if c.NewKey {
		k, err := b.db.NewSuccessorKey(ctx)
		out.Key = k.String()
		return out, err
	}
	t, err := b.topic(topic)
	if err != nil {
		return out, err
	}
	switch {
	case c.Read != "":
		out.Succession, err = t.ReadSuccession(c.Read)
	case c.Sign != "":
		out.Succession, err = t.SignSuccession(ctx, c.Sign)
	default:
		out.Succession, err = b.propose(ctx, t, c.Device)
	}
	return out, err
}

func (b *local) propose(ctx context.Context, t *xaeroflux.Topic, name string) (s xaeroflux.Succession, err error) {
	var key xaeroflux.AuthorKey
	if name != "" {
		all, err := members(t)
		if err != nil {
			return s, err
		}
		d, err := memberDevice(all, name)
		if err != nil {
			return s, err
		}
		key = d.Key
	}
	return t.ProposeSuccession(ctx, key)
}
