// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package edges

import "errors"

func setLimit(string, uint64) error { return errors.New("this system has no limits of processes") }
