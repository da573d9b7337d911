// SPDX-License-Identifier: MPL-2.0

// Package passwork says how much work it is to try one passphrase.
//
// Rule: programs leave it as it is; tests, which would wait for it, make it less.
package passwork

// Log2 is the logarithm of scrypt's N for what gets a passphrase: about a second, and
// 256 MiB. What has one keeps the work that it was made with.
var Log2 = 18
