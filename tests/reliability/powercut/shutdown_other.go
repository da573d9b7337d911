// SPDX-License-Identifier: MPL-2.0
//go:build !linux

package powercut

import "errors"

const canShutDown = false

func shutDown(string) error { return errors.ErrUnsupported }
