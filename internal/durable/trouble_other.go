// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package durable

var troubleErrors = [Failing + 1][]error{}
