// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package durable

// noWait is nothing: no name of a pipe lies in a directory of files here.
const noWait = 0
