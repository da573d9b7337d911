// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATS is a JetStream stream in files, its server in this process.
var NATS = &Peer{
	Name:    "nats jetstream",
	Module:  "github.com/nats-io/nats-server/v2",
	Promise: "synced to disk (`sync: always`)",
	Tuning:  "server and client in one process, without a socket; batches are atomic batches, synced once each",
	Open:    openNATS,
}

type natsStore struct {
	srv    *server.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
}

func openNATS(dir string, h Hint) (Store, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "bench", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: !h.Unsynced, MaxPayload: 8 << 20,
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 64 << 30,
		JetStreamLimits: server.JSLimitOpts{MaxBatchInflightPerStream: 1000, MaxBatchInflightTotal: 1000},
	})
	if err != nil {
		return nil, err
	}
	srv.Start()
	s := &natsStore{srv: srv}
	if !srv.ReadyForConnections(time.Minute) {
		return nil, fmt.Errorf("nats: the server does not get ready")
	}
	if s.nc, err = nats.Connect("", nats.InProcessServer(srv)); err != nil {
		return nil, err
	}
	if s.js, err = jetstream.New(s.nc); err != nil {
		return nil, err
	}
	s.stream, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "log", Subjects: []string{subject}, Storage: jetstream.FileStorage, AllowDirect: true, AllowAtomicPublish: true,
	})
	return s, err
}

const (
	subject   = "events"
	natsBatch = 1000 // messages, the server's limit
)

func (s *natsStore) Append(payloads [][]byte) error {
	if len(payloads) == 1 {
		_, err := s.js.Publish(ctx, subject, payloads[0])
		return err
	}
	for len(payloads) > 0 {
		n := min(len(payloads), natsBatch)
		if err := s.appendBatch(payloads[:n]); err != nil {
			return err
		}
		payloads = payloads[n:]
	}
	return nil
}

// appendBatch publishes one atomic batch; its last message is acknowledged.
func (s *natsStore) appendBatch(payloads [][]byte) error {
	id := strconv.FormatUint(rand.Uint64(), 36)
	for i, p := range payloads {
		m := &nats.Msg{Subject: subject, Data: p, Header: nats.Header{
			server.JSBatchId: {id}, server.JSBatchSeq: {strconv.Itoa(i + 1)},
		}}
		if i < len(payloads)-1 {
			if err := s.nc.PublishMsg(m); err != nil {
				return err
			}
			continue
		}
		m.Header[server.JSBatchCommit] = []string{"1"}
		answer, err := s.nc.RequestMsg(m, time.Minute)
		if err != nil {
			return err
		}
		return natsError(answer.Data)
	}
	return nil
}

func natsError(answer []byte) error {
	var a struct {
		Error *jetstream.APIError `json:"error"`
		Seq   uint64              `json:"seq"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return err
	}
	if a.Error != nil {
		return a.Error
	}
	if a.Seq == 0 {
		return fmt.Errorf("nats: acknowledged without a sequence: %s", answer)
	}
	return nil
}

func (s *natsStore) Iterate(fn func([]byte) error) error {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return err
	}
	c, err := s.js.OrderedConsumer(ctx, "log", jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(5000))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for range info.State.Msgs {
		m, err := messages.Next()
		if err == nil {
			err = fn(m.Data())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *natsStore) Get(seq int) ([]byte, error) {
	m, err := s.stream.GetMsg(ctx, uint64(seq)+1)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (s *natsStore) Close() error {
	s.nc.Close()
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	return nil
}
