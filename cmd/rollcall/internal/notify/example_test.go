package notify

import (
	"bytes"
	"os/exec"
	"testing"
	"time"
)

// The example that receivers copy takes what is signed now, and nothing else.
func TestVerifyExample(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	payload := []byte(`{"summary":"é"}`)
	now := time.Now()
	for name, c := range map[string]struct {
		signature string
		payload   []byte
		good      bool
	}{
		"signed":        {signature("sign-canary", payload, now), payload, true},
		"other scheme":  {"v2=abc," + signature("sign-canary", payload, now), payload, true},
		"other body":    {signature("sign-canary", payload, now), append([]byte(" "), payload...), false},
		"other secret":  {signature("other", payload, now), payload, false},
		"old":           {signature("sign-canary", payload, now.Add(-time.Hour)), payload, false},
		"not signed":    {"", payload, false},
		"no time":       {"v1=00", payload, false},
		"strange bytes": {"t=1,v1=é", payload, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), python, "../../../../examples/webhook/verify.py", c.signature)
			command.Env = append(command.Environ(), "ROLLCALL_SIGN=sign-canary", "PYTHONDONTWRITEBYTECODE=1")
			command.Stdin = bytes.NewReader(c.payload)
			out, err := command.CombinedOutput()
			if good := err == nil; good != c.good || bytes.Contains(out, []byte("Traceback")) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
