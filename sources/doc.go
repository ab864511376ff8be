// Package sources reads rollcall.yaml and rosters.
//
// Load gives a Config and a Roster, or every problem in them at once, each a
// Diagnostic with its place. Resolve makes of a roster the effective access of
// everybody on a day: what results from teams, own blocks, windows and status,
// each value with the places that gave it. Secrets are read apart from both, only
// for what is in use.
package sources
