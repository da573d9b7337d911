// SPDX-License-Identifier: MPL-2.0

package peers

// A gatherer is the group commit that storage without one needs when many
// callers append: whatever waits is committed together.
type gatherer struct {
	in   chan gathered
	done chan struct{}
}

type gathered struct {
	payloads [][]byte
	result   chan error
}

// most is how many events one commit takes: LMDB's best size here.
const most = 4096

func gather(commit func(payloads [][]byte) error) *gatherer {
	g := &gatherer{in: make(chan gathered, 1024), done: make(chan struct{})}
	go func() {
		defer close(g.done)
		for first := range g.in {
			g.commit(first, commit)
		}
	}()
	return g
}

func (g *gatherer) commit(first gathered, commit func([][]byte) error) {
	all, waiting := append([][]byte(nil), first.payloads...), []gathered{first}
	for more := true; more && len(all) < most; {
		select {
		case next, open := <-g.in:
			if more = open; open {
				all, waiting = append(all, next.payloads...), append(waiting, next)
			}
		default:
			more = false
		}
	}
	err := commit(all)
	for _, w := range waiting {
		w.result <- err
	}
}

func (g *gatherer) append(payloads [][]byte) error {
	result := make(chan error, 1)
	g.in <- gathered{payloads, result}
	return <-result
}

// close ends the gatherer after what was appended.
func (g *gatherer) close() {
	close(g.in)
	<-g.done
}
