// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/race"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// alone says that the process runs one test, so that nothing of others is in its heap.
const alone = "XAEROFLUX_TEST_ALONE"

func runAlone(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), alone+"=1")
	out, err := cmd.CombinedOutput()
	if t.Logf("%s", out); err != nil {
		t.Error(err)
	}
}

// The memory that a node keeps for a stranger hardly depends on the topics that the
// node is in: less than 100 bytes for each of them.
func TestStrangersCostLittleInManyTopics(t *testing.T) {
	if os.Getenv(alone) == "" {
		runAlone(t)
		return
	}
	const strangers, bound = 16, 100
	topics := int64(3000)
	if race.Enabled { // founding them takes long then
		topics = 1700 // a size at which tables, which grow in steps, are rather full
	}
	few, many := heapOfGreeted(t, 1, strangers), heapOfGreeted(t, int(topics), strangers)
	each := (many - few) / topics / strangers
	t.Logf("%d bytes of each topic for each stranger", each)
	if each >= bound {
		t.Errorf("a stranger costs %d bytes in a node of one topic, and %d more for each of %d topics, want less than %d", few/strangers, each, topics, bound)
	}
}

// heapOfGreeted returns how much the heap of a node in some topics grows by strangers
// that have always more to offer, until all its topics are offered to each.
func heapOfGreeted(t *testing.T, topics, strangers int) int64 {
	net := evilCarriers["memory"]()
	db := storetest.Open(t, filepath.Join(t.TempDir(), "a"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, NewCarrier: net})
	storetest.Each(topics-1, func(int) {
		if _, err := db.CreateTopic(ctx, "", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic}); err != nil {
			t.Error(err)
		}
	})
	addr, err := db.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	before := heapInUse()
	for range strangers {
		device := newDevice(t)
		carrier, err := net(device.PeerKey())
		storetest.Must(t, err)
		t.Cleanup(func() { carrier.Close() })
		p, err := evilpeer.Dial(ctx, carrier, device.PeerID(), storetest.Dialed(addr))
		storetest.Must(t, err)
		storetest.Must(t, p.Open(ctx))
		hello := p.Greeting(strange(0, 1)...)
		hello.More = true
		storetest.Must(t, p.Send(hello))
		for offered, lists := 0, 0; offered < topics; lists++ {
			m, err := p.Read()
			storetest.Must(t, err)
			switch m := m.(type) {
			case *messages.Hello:
				offered += len(m.Offers)
			case *messages.Topics:
				offered += len(m.Offers)
			}
			if offered < topics {
				storetest.Must(t, p.Send(&messages.Topics{Answers: uint32(lists + 1), More: true, Offers: strange(lists+1, 1)}))
			}
		}
	}
	grown := heapInUse() - before
	runtime.KeepAlive(db)
	storetest.Must(t, db.Close())
	return grown
}
