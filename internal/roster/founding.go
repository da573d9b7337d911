// SPDX-License-Identifier: MPL-2.0

package roster

import "bytes"

// Founding is record 0 of the first leg: the genesis itself, whose hash is the
// topic id. Whether its bytes are a genesis is not asked here: they are those
// that the topic id was made of, or the roster is refused.
type Founding struct{ Body []byte }

// Type returns "xf/genesis".
func (*Founding) Type() string { return "xf/genesis" }

func (f *Founding) code(c *coder) {
	if c.writing {
		c.raw(f.Body)
		return
	}
	f.Body, c.b = bytes.Clone(c.b), nil
}
