package plan

import "maps"

// Forge gives a plan the digest of what it says, as somebody can who knows the code.
func (p *Plan) Forge() { p.Digest = digest(p) }

// Checksum is that of a document's members, as whoever forges one would make it.
func Checksum(members map[string]any) string {
	members = maps.Clone(members)
	delete(members, "checksum")
	delete(members, "created")
	return hashJSON(members)
}

// Fingerprint is what a change is planned upon.
var Fingerprint = Provider.fingerprint
