// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Freeze keeps a verified fork for good; its log takes nothing more. It returns
// when that is durable.
func (p *Pipeline) Freeze(ctx context.Context, f proof.Fork) error {
	if p.st.Fork(f.Log()) != nil {
		return nil
	}
	return p.Do(ctx, &store.Freeze{Fork: f})
}

// froze refuses appends to a log of ours that is forked: what it waits for, if it is
// behind, will not come.
func (p *Pipeline) froze(log digest.Hash) {
	if l, err := p.st.Log(log); err == nil && l.Row().Own {
		p.refuse(log, fmt.Errorf("%w (log %s)", store.ErrOwnFrozen, log.Short()))
	}
}

// Renew lets a log begin anew if another branch of it is what the roster names; see
// store.NewRenewal. It returns when that is durable.
func (p *Pipeline) Renew(ctx context.Context, log digest.Hash, doubted proof.Head) error {
	r, err := p.st.NewRenewal(log, doubted)
	if err != nil || r == nil {
		return err
	}
	if err := p.Do(ctx, r); !errors.Is(err, store.ErrGap) {
		return err
	}
	return nil // it began anew meanwhile, or more of it came
}

// renewed has the stages forget a log that begins anew.
func (p *Pipeline) renewed(log digest.Hash) {
	p.ckpt.drop(log)
	p.acks.failPages(log, store.ErrGap)
	p.tell(atSegment, &messages.Reset{Log: log})
	p.tellAdvanced(log)
}

// frozen returns why pages of a log are not taken, or nil.
func (p *Pipeline) frozen(log digest.Hash) error {
	p.in.mu.Lock()
	marked := p.in.marked(log)
	p.in.mu.Unlock()
	if marked != nil {
		return marked
	}
	l, err := p.st.Log(log)
	if err == nil && l.Row().Closed != 0 {
		return fmt.Errorf("%w (log %s)", store.ErrClosed, log.Short())
	}
	if err == nil && l.Frozen() {
		err = fmt.Errorf("%w (log %s)", store.ErrFrozen, log.Short())
	}
	return err
}
