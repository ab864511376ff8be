package simulator

import (
	"crypto/sha256"
	"fmt"
)

// digest hashes what it is given, so that ids depend on nothing else.
func digest(parts ...any) []byte {
	h := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(h, "%v\x00", part)
	}
	return h.Sum(nil)
}

// hex24 is 24 hexadecimal digits from a digest.
func hex24(parts ...any) string { return fmt.Sprintf("%x", digest(parts...)[:12]) }

// uuid is a UUID (version 8: made by a rule of one's own) from a digest.
func uuid(parts ...any) string {
	d := digest(parts...)
	d[6] = d[6]&0x0f | 0x80
	d[8] = d[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", d[0:4], d[4:6], d[6:8], d[8:10], d[10:16])
}
