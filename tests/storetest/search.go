// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Search looks at every byte of every file below some directories, and returns where it
// found one of the secrets, as it is or as text.
func Search(t testing.TB, secrets map[string][]byte, dirs ...string) (found []string) {
	t.Helper()
	for _, dir := range dirs {
		Must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			for what, secret := range secrets {
				if shows(b, secret) {
					found = append(found, path+" shows "+what)
				}
			}
			return err
		}))
	}
	return found
}

// shows reports whether a file holds a secret, in any form that somebody may write.
func shows(file, secret []byte) bool {
	digits := []byte(hex.EncodeToString(secret))
	for _, form := range [][]byte{
		secret, digits, bytes.ToUpper(digits),
		[]byte(base64.RawStdEncoding.EncodeToString(secret)), []byte(base64.RawURLEncoding.EncodeToString(secret)),
		[]byte(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)),
	} {
		if bytes.Contains(file, form) {
			return true
		}
	}
	return false
}
