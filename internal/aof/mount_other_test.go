// SPDX-License-Identifier: MPL-2.0

//go:build unix && !linux

package aof

import "errors"

func mountTmpfs(string, int) error { return errors.ErrUnsupported }
