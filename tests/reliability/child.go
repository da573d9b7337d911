// SPDX-License-Identifier: MPL-2.0

package main

// child runs the program as a child of a harness, where the environment says so,
// and does not return then.
func child() {}
