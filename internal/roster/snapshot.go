// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/internal/digest"

// A ViewState is the state of a view that somebody vouches for. It is a block of `snapshot`, of
// an ask for one, and the body of a data log's `xf/snapshot`:
//
//	offset  bytes  field
//	     0      1  v, length of the view's name, 1 to 63
//	     1      v  name
//	   1+v      4  version of the view
//	   5+v     46  roster position (Point)
//	  51+v      2  n, number of logs
//	  53+v   72*n  logs up to which the state is made (Prefix), log ids rising
//	     …     32  hash of the state
//	     …      1  1 if a blob holds the state, else 0
//	     …      b  if so: blob
type ViewState struct {
	View    string
	Version uint32
	At      Point
	Logs    []Prefix
	Hash    digest.Hash
	Blob    *Blob
}

// A Blob is where the bytes of a state are:
//
//	offset  bytes  field
//	     0     32  root
//	    32      8  size
//	    40      2  k, length of the key: 32 in a plain topic, 68 in a sealed one
//	    42      k  key; in a sealed topic first 8 bytes of the epoch id, nonce 12,
//	                 ciphertext 32, tag 16
type Blob struct {
	Root digest.Hash
	Size uint64
	Key  []byte
}

// Lengths of the key of a blob.
const (
	blobKeyPlain  = 32
	blobKeySealed = 68
)

func codeViewState(c *coder, v *ViewState) {
	c.name(&v.View, 63)
	c.u32(&v.Version)
	codePoint(c, &v.At)
	c.cuts(&v.Logs)
	c.hash(&v.Hash)
	optional(c, &v.Blob, func(c *coder, b *Blob) {
		c.hash(&b.Root)
		c.size(&b.Size)
		c.blob(&b.Key, blobKeyPlain, blobKeySealed)
	})
}

// Snapshot vouches for the state of a view.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40      s  state of a view
type Snapshot struct {
	Ask   AskRef
	State ViewState
}

// Type returns "xf/snapshot".
func (*Snapshot) Type() string { return "xf/snapshot" }

func (s *Snapshot) code(c *coder) {
	c.ask(&s.Ask)
	codeViewState(c, &s.State)
}
