// SPDX-License-Identifier: MPL-2.0

package layout

// Names in a store's directory.
const (
	FormatName  = "FORMAT"
	SeedName    = "identity.key"
	ClosedName  = "CLOSED"
	AOFName     = "aof"
	LogsName    = "logs"
	MMRName     = "mmr"
	ForksName   = "forks"
	DamagedName = "damaged"  // what a repair or an opening set aside
	DataName    = "data.mdb" // in aof
	// AsideRowsName is a file in a directory of damaged/: rows that were taken out of the
	// AOF, a line each.
	AsideRowsName = "rows.json"
	HeadName      = "head"  // in logs/<log id>
	ForkSuffix    = ".fork" // of <log id> in forks
)
