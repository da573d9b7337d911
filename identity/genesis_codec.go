// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

const (
	genesisFormat = 1

	// Genesis bodies are of so many bytes.
	minGenesisBytes = 3 + 2*KeyBytes + SaltBytes + digest.Size + 8
	MaxGenesisBytes = minGenesisBytes + digest.Size + MaxSuccessors*KeyBytes
)

// Encode returns the body of g, or the error of Check.
func (g *Genesis) Encode() ([]byte, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	return g.Append(nil), nil
}

// Append appends the body of g to b, unchecked.
func (g *Genesis) Append(b []byte) []byte {
	b = append(b, genesisFormat, byte(g.Policy))
	if g.Policy.Has(PolicyOpen) {
		b = append(b, byte(bits.TrailingZeros32(g.PageBytes)))
	} else {
		b = append(b, 0)
	}
	b = append(append(append(b, g.Owner[:]...), g.Steward[:]...), g.Salt[:]...)
	b = append(b, g.LobbyHash[:]...)
	if g.Policy.Has(PolicyOpen) {
		b = append(b, g.JoinHash[:]...)
	}
	b = binary.LittleEndian.AppendUint32(b, g.RetentionDays)
	b = binary.LittleEndian.AppendUint16(b, g.EraseDays)
	b = append(b, byte(g.Need), byte(len(g.Successors)))
	for _, s := range g.Successors {
		b = append(b, s[:]...)
	}
	return b
}

// ParseGenesis decodes what Encode wrote, and nothing else. The error is
// ErrGenesis.
func ParseGenesis(body []byte) (*Genesis, error) {
	if len(body) < 1 || body[0] != genesisFormat {
		return nil, fmt.Errorf("%w: it is empty or of a record format unknown here", ErrGenesis)
	}
	if len(body) < minGenesisBytes || len(body) > MaxGenesisBytes {
		return nil, fmt.Errorf("%w: %d bytes, want %d to %d", ErrGenesis, len(body), minGenesisBytes, MaxGenesisBytes)
	}
	g, r := &Genesis{}, reader{b: body[1:]}
	g.Policy = Policy(r.uint8())
	if err := g.parsePages(r.uint8()); err != nil {
		return nil, err
	}
	g.parseKeys(&r)
	g.RetentionDays, g.EraseDays = r.uint32(), uint16(r.uint16())
	g.Need = r.uint8()
	n := r.uint8()
	if r.short || n*KeyBytes != len(r.b) {
		return nil, fmt.Errorf("%w: %d bytes for %d successors, want %d", ErrGenesis, len(r.b), n, n*KeyBytes)
	}
	for range n {
		g.Successors = append(g.Successors, [KeyBytes]byte(r.take(KeyBytes)))
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	return g, nil
}

// parsePages decodes log2 of the page bytes, which is zero unless open.
func (g *Genesis) parsePages(log int) error {
	switch {
	case g.Policy.Has(PolicyOpen) && (log < minPageLog || log > maxPageLog):
		return fmt.Errorf("%w: pages of 2^%d bytes, want 2^%d to 2^%d", ErrGenesis, log, minPageLog, maxPageLog)
	case g.Policy.Has(PolicyOpen):
		g.PageBytes = 1 << log
	case log != 0:
		return fmt.Errorf("%w: page bytes in a topic that is not open", ErrGenesis)
	}
	return nil
}

func (g *Genesis) parseKeys(r *reader) {
	copy(g.Owner[:], r.take(KeyBytes))
	copy(g.Steward[:], r.take(KeyBytes))
	copy(g.Salt[:], r.take(SaltBytes))
	copy(g.LobbyHash[:], r.take(digest.Size))
	if g.Policy.Has(PolicyOpen) {
		copy(g.JoinHash[:], r.take(digest.Size))
	}
}
