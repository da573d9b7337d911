// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
)

// quotaFlag adds --quota to a command that takes events from peers, or appends.
func (a *app) quotaFlag(cmd *cobra.Command) {
	cmd.Flags().StringToStringVar(&a.quotas, "quota", nil,
		"bounds of what is stored, as store=10GiB,free=1GiB,log=1GiB; "+
			"of a running node, only run takes it")
}

// quota reads --quota.
func (a *app) quota() (q xaeroflux.Quota, err error) {
	for _, name := range slices.Sorted(maps.Keys(a.quotas)) {
		value := a.quotas[name]
		n, err := parseBytes(value)
		switch name {
		case "store":
			q.StoreBytes = n
		case "free":
			q.FreeBytes = n
		case "log":
			q.LogBytes = n
		default:
			return q, usage("--quota %s=%s: want store, free or log", name, value)
		}
		if err != nil {
			return q, usage("--quota %s=%s: want bytes, as 500MB or 10GiB", name, value)
		}
	}
	return q, nil
}

// parseBytes reads a number of bytes with or without a unit.
func parseBytes(text string) (int64, error) {
	number := strings.TrimRight(text, "kKMGTiB")
	factor, ok := map[string]float64{
		"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40,
	}[text[len(number):]]
	f, err := strconv.ParseFloat(number, 64)
	if err == nil && (!ok || !(f*factor >= 1) || f*factor > math.MaxInt64/2) {
		err = strconv.ErrSyntax
	}
	return int64(f * factor), err
}
