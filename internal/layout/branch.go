// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A Branch is what was held of a log that its author forked, before another branch took
// its place. Its file in forks is evidence, and until all of the other branch is here a
// leg is read from it:
//
//	xaeroflux branch 1 <log id> <size> <root>\n
//	records, as in the AOF
type Branch struct {
	Log     digest.Hash
	Size    uint64
	Root    digest.Hash
	Records []byte
}

// BranchSuffix is that of the names of such files.
const BranchSuffix = ".branch"

// MemberSuffix is that of the names of files beside them, which hold what a certificate
// shows of this device that the branch led to, without its signature.
const MemberSuffix = ".member"

// BranchHeader returns the first line of a branch's file.
func BranchHeader(log digest.Hash, size uint64, root digest.Hash) []byte {
	return fmt.Appendf(nil, "xaeroflux branch 1 %s %d %s\n", log, size, root)
}

// ParseBranch decodes a branch's file, of which the result has a part, and holds its
// records against its root.
func ParseBranch(b []byte) (x Branch, err error) {
	line, records, found := bytes.Cut(b, []byte("\n"))
	var log, root string
	if n, err := fmt.Sscanf(string(line), "xaeroflux branch 1 %s %d %s", &log, &x.Size, &root); !found || err != nil || n != 3 {
		return x, errors.New("its first line is not that of a branch")
	}
	if x.Log, err = digest.Parse(log); err != nil {
		return x, err
	}
	if x.Root, err = digest.Parse(root); err != nil {
		return x, err
	}
	var r merkleindex.CompactRange
	x.Records = records
	for rest := records; len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return x, err
		}
		if err := r.Append(rec.LeafHash(), nil); err != nil {
			return x, err
		}
		rest = rest[n:]
	}
	if got := merkleindex.Bag(r.Hashes); r.End != x.Size || got != x.Root {
		return x, fmt.Errorf("%d events with root %s, want %d with %s", r.End, got.Short(), x.Size, x.Root.Short())
	}
	return x, nil
}
