// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/edsrzf/mmap-go"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// mapFrom is how long a file is before it is mapped: a shorter one is read.
const mapFrom = 4096

// A growMap reads a file that grows. The part that was there when it was mapped comes
// from the map, without a system call; the part added since is read, until that
// is half as much again and the file is mapped anew. A map that was handed out
// stays until close, so that nobody has to be waited for.
type growMap struct {
	file durable.File

	now atomic.Pointer[mmap.MMap] // nil while there is none

	mu   sync.Mutex // guards what follows, and changes of now
	maps []mmap.MMap
	cant bool // this file cannot be mapped
}

// view calls fn with n bytes of the file from off on, or with fewer if the
// file ends. They are borrowed until fn returns. If they fault in the map, as a disk
// cannot read them or somebody else cut the file, they are read, and fn is called
// again: a read says why it cannot be.
func (m *growMap) view(off int64, n int, fn func([]byte) error) error {
	if data := m.reach(off + int64(n)); data != nil {
		if err := guarded(data[off:off+int64(n)], fn); !errors.Is(err, errFault) {
			return err
		}
	}
	b, err := readUpTo(m.file, n, off)
	if err != nil {
		return err
	}
	return fn(b)
}

// reach returns a map that holds the first end bytes, or nil.
func (m *growMap) reach(end int64) mmap.MMap {
	if data := m.now.Load(); data != nil && end <= int64(len(*data)) {
		return *data
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	size, err := m.file.Size()
	if err != nil || m.cant || end > size || size < mapFrom {
		return nil
	}
	if data := m.now.Load(); data != nil {
		if end <= int64(len(*data)) {
			return *data
		}
		if size < int64(len(*data))*3/2 {
			return nil
		}
	}
	return m.mapAnew(int(size))
}

func (m *growMap) mapAnew(size int) mmap.MMap {
	data, err := mapWhole(m.file, size)
	if err != nil {
		m.cant = durable.TroubleOf(err) != durable.Exhausted
		return nil
	}
	m.maps = append(m.maps, data)
	m.now.Store(&data)
	return data
}

func (m *growMap) close() (err error) {
	m.now.Store(nil)
	for _, data := range m.maps {
		if e := data.Unmap(); err == nil {
			err = e
		}
	}
	m.maps = nil
	return err
}

// errFault says that mapped bytes could not be read, which is no word on why: whoever
// meets it reads them from the file.
var errFault = errors.New("memory map: cannot be read there")

// guarded calls fn with mapped bytes and makes a fault an error.
func guarded(b []byte, fn func([]byte) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(interface{ Addr() uintptr }); !ok {
				panic(fault)
			}
			err = errFault
		}
	}()
	return fn(b)
}
