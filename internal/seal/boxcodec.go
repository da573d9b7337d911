// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// AppendBox appends the body of b, which SealAll, SealJoin, SealRecovery or
// DecodeBox made, to dst. The error is ErrBox, and dst is as it was.
func AppendBox(dst []byte, b *Box) ([]byte, error) {
	if err := b.check(); err != nil {
		return dst, err
	}
	dst = append(dst, b.Kind)
	dst = binary.LittleEndian.AppendUint64(dst, b.Epoch)
	dst = append(dst, b.Recipient[:]...)
	return append(dst, b.Sealed...), nil
}

// DecodeBox decodes the body of a box; nothing may follow it. The error is
// ErrBox. The box keeps no part of b.
func DecodeBox(b []byte) (Box, error) {
	if len(b) < boxHeadBytes {
		return Box{}, fmt.Errorf("%w: %d bytes, want at least %d", ErrBox, len(b), boxHeadBytes)
	}
	x := Box{
		Kind:      b[0],
		Epoch:     binary.LittleEndian.Uint64(b[1:]),
		Recipient: Recipient(b[9:boxHeadBytes]),
		Sealed:    b[boxHeadBytes:],
	}
	if err := x.check(); err != nil {
		return Box{}, err
	}
	x.Sealed = bytes.Clone(x.Sealed)
	return x, nil
}

// check returns why b is no box.
func (b *Box) check() error {
	plain := boxPlainBytes(b.Kind)
	switch want := encBytes + plain + tagBytes; {
	case plain == 0:
		return fmt.Errorf("%w: unknown kind %d", ErrBox, b.Kind)
	case len(b.Sealed) != want:
		return fmt.Errorf("%w: kind %d with %d sealed bytes, want %d", ErrBox, b.Kind, len(b.Sealed), want)
	case b.Kind == BoxRecovery && b.Epoch != 0:
		return fmt.Errorf("%w: recovery box of epoch %d", ErrBox, b.Epoch)
	}
	return nil
}

// boxPlainBytes returns how much a box of a kind carries; 0 if there is no
// such kind.
func boxPlainBytes(kind uint8) int {
	switch kind {
	case BoxAll:
		return 2 * SecretBytes
	case BoxJoin, BoxRecovery:
		return SecretBytes
	}
	return 0
}
