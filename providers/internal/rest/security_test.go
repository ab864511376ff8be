package rest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSecurityCompressed: an answer that is small on the wire and large once it is
// unpacked ends at the limit of bodies too.
func TestSecurityCompressed(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 64 {
		if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}))
	defer server.Close()
	_, err := socketClient(t, server.URL).Read(t.Context(), Call{Path: "/users"})
	if err == nil || !strings.Contains(err.Error(), errTooLarge.Error()) || packed.Len() > 1<<20 {
		t.Errorf("%d bytes on the wire: %v", packed.Len(), err)
	}
}
