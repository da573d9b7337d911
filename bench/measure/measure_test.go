// SPDX-License-Identifier: MPL-2.0

package measure

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestMedianAndRange(t *testing.T) {
	for _, c := range []struct {
		values      []float64
		mid, lo, hi float64
	}{
		{[]float64{3}, 3, 3, 3},
		{[]float64{5, 1, 3}, 3, 1, 5},
		{[]float64{4, 1, 3, 2}, 2.5, 1, 4},
	} {
		lo, hi := Range(c.values)
		if mid := Median(c.values); mid != c.mid || lo != c.lo || hi != c.hi {
			t.Errorf("%v: %v (%v-%v), want %v (%v-%v)", c.values, mid, lo, hi, c.mid, c.lo, c.hi)
		}
	}
}

func TestQuantile(t *testing.T) {
	var d []time.Duration
	for i := 100; i >= 1; i-- {
		d = append(d, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 0.995: 100, 1: 100} {
		if got := Quantile(d, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
}

func TestWrittenAndDiskUseSeeAFile(t *testing.T) {
	dir := t.TempDir()
	before, err := Written(dir)
	if err != nil {
		t.Skip("no disk to be seen here: ", err)
	}
	f, err := os.Create(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, 1<<20)
	data[0] = 1
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if use, err := DiskUse(dir); err != nil || use < 1<<20 || use > 2<<20 {
		t.Errorf("a file of 1 MiB takes %d bytes: %v", use, err)
	}
	after, err := Written(dir)
	if err != nil || after-before < 1<<20 {
		t.Errorf("1 MiB was written, counted are %d: %v", after-before, err)
	}
}

func TestThisProcess(t *testing.T) {
	m, err := MemoryOf(os.Getpid())
	if err != nil || m.Anonymous < 1<<18 || m.RSS < m.Anonymous {
		t.Errorf("%+v: %v", m, err)
	}
	th, err := ThreadsOf(os.Getpid())
	if err != nil || th.Count < 2 || th.Switches < 1 {
		t.Errorf("%+v: %v", th, err)
	}
}
