// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// benchEvents is a push of 256 events of 268 bytes.
func benchEvents() *Events {
	return &Events{PageBytes: 16384, Count: 256, First: 1 << 20, Head: Head{Size: 1 << 21}, Right: make([]digest.Hash, 20), Records: make([]byte, 256*268)}
}

func reportEvents(b *testing.B, m *Events) {
	b.ReportMetric(float64(b.N)*float64(m.Count)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkEventsEncode(b *testing.B) {
	m := benchEvents()
	var buf []byte
	b.SetBytes(int64(len(m.Records)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = AppendFrame(buf[:0], m); err != nil {
			b.Fatal(err)
		}
	}
	reportEvents(b, m)
}

func BenchmarkEventsDecode(b *testing.B) {
	m := benchEvents()
	frame, err := AppendFrame(nil, m)
	if err != nil {
		b.Fatal(err)
	}
	src, buf := bytes.NewReader(frame), []byte(nil)
	b.SetBytes(int64(len(m.Records)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(frame)
		if buf, err = ReadFrame(src, MaxFrame, buf); err != nil {
			b.Fatal(err)
		}
		if _, err = Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
	reportEvents(b, m)
}
