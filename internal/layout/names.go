// SPDX-License-Identifier: MPL-2.0

package layout

// Names in a store's directory.
const (
	FormatName  = "FORMAT"
	SeedName    = "identity.key"
	AOFName     = "aof"
	LogsName    = "logs"
	MMRName     = "mmr"
	ForksName   = "forks"
	DamagedName = "damaged"  // what a repair replaced
	DataName    = "data.mdb" // in aof
	HeadName    = "head"     // in logs/<log id>
	ForkSuffix  = ".fork"    // of <log id> in forks
)
