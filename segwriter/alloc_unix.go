// SPDX-License-Identifier: MPL-2.0

//go:build unix

package segwriter

// wholeSegments allocates a .seg file whole at once. Here it is not needed: a
// map may be longer than its file as long as nobody looks past the end.
const wholeSegments = false
