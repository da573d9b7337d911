// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package segwriter

// wholeSegments allocates a .seg file whole at once: here a map cannot be
// longer than its file.
const wholeSegments = true
