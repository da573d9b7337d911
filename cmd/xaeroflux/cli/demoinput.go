// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"io"
	"os"
)

// licence is what the demo appends if no file is named: a real text that
// every copy of the program may carry.
//
//go:embed input/MPL-2.0.txt
var licence []byte

// demoPiece is the longest event of the demo. Longer lines, as binary files
// have them, are cut.
const demoPiece = 64 << 10

// A demoInput is the lines of a file.
type demoInput struct {
	io.Closer
	name  string
	r     *bufio.Reader
	total int64
}

func openDemoInput(args []string) (*demoInput, error) {
	if len(args) == 0 {
		r := bufio.NewReaderSize(bytes.NewReader(licence), demoPiece)
		return &demoInput{io.NopCloser(nil), "the text of the MPL-2.0", r, int64(len(licence))}, nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, hint(err, "xaeroflux demo without a file, or with another")
	}
	total := int64(-1)
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		total = st.Size()
	}
	return &demoInput{f, args[0], bufio.NewReaderSize(f, demoPiece), total}, nil
}

// next returns the next line without its newline, or io.EOF.
func (in *demoInput) next() ([]byte, error) {
	line, err := in.r.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) && (len(line) == 0 || !errors.Is(err, io.EOF)) {
		return nil, err
	}
	return bytes.Clone(bytes.TrimSuffix(line, newline)), nil
}
