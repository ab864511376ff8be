package schemas

import (
	"encoding/json"
	"strings"
	"testing"
)

var digest = "sha256:" + strings.Repeat("0a", 32)

// samplePlan is the design's sample with the optional members added.
func samplePlan() string {
	return strings.ReplaceAll(`{"format":"rollcall.plan/1","digest":"DIGEST","created":"2026-11-21T06:00:00.123456789Z","asOf":"2026-11-21","ledger":"absent",
 "roster":{"digest":"DIGEST","files":["roster.yaml"]},"scope":{"providers":[],"people":[]},"guardrails":{"maxRemovals":"10%","protect":["owner@example.com"]},"checksum":"DIGEST",
 "providers":[{"name":"vendasta","kind":"vendasta","target":"DIGEST","state":"read","mode":"full","requests":3,"seconds":1,"unchanged":4,"kept":2,"onLeave":"suspend"},
   {"name":"agency","kind":"vendasta","target":"simulator","state":"unread","mode":"report","requests":0,"seconds":0.5,"error":"GET /users: 401"}],
 "changes":[{"id":"vendasta/bill@example.com","provider":"vendasta","email":"bill@example.com","userId":"U-1","action":"update",
   "attributes":[{"name":"platformAccess","before":["tm:access"],"after":[]},{"name":"givenName","after":null}],"cause":"edited",
   "origin":[{"file":"roster.yaml","line":22,"column":7,"team":"seller"}],"risks":["removal"],"effects":["invite"],
   "needs":[],"blocked":"limit","note":"can still sign in, sees nothing","fingerprint":"DIGEST"}],
 "held":[{"provider":"","email":"","wanted":"update","leaver":false,"reason":"ambiguous","detail":"","remedy":""}],
 "manual":[{"provider":"","email":"","userId":"","leaver":false,"what":"","why":""}],
 "guards":[{"provider":"vendasta","guard":"maxRemovals","figure":4,"limit":3,"base":12,"tripped":true}],
 "notStarted":[{"provider":"vendasta","email":"new@example.com","from":"2027-01-01"}]}`, "DIGEST", digest)
}

func sampleResult() string {
	return `{"format":"rollcall.result/1","planDigest":"` + digest + `","exit":3,"error":"","interrupted":false,
 "changes":[{"id":"vendasta/bill@example.com","provider":"vendasta","email":"bill@example.com","action":"suspend","status":"applied","userId":"U-1","requestId":"r","error":"",
   "attributes":[{"name":"platformAccess","before":["tm:access"],"after":[]}]}],
 "held":[{"provider":"","email":"","wanted":"","leaver":true,"reason":"unreadable","detail":"","remedy":""}],
 "manual":[{"provider":"","email":"","userId":"","leaver":false,"what":"","why":""}],
 "open":[{"provider":"vendasta","email":"ana@example.com","userId":"U-2","reason":"held"}]}`
}

func TestPlanAndResultAccept(t *testing.T) {
	accepts(t, must(t)(CompilePlan()), map[string]string{"sample": samplePlan()})
	accepts(t, must(t)(CompileResult()), map[string]string{
		"sample": sampleResult(),
		"broken": `{"format":"rollcall.result/1","planDigest":"","exit":1,"error":"no ledger","changes":[],"open":[]}`,
	})
}

// Every mapping of the samples refuses a key that it does not know, x- or not.
func TestPlanAndResultAreClosed(t *testing.T) {
	for name, c := range map[string]struct {
		schema *Schema
		sample string
	}{
		"plan":   {must(t)(CompilePlan()), samplePlan()},
		"result": {must(t)(CompileResult()), sampleResult()},
	} {
		var places func(v any, path string, visit func(path string, m map[string]any))
		places = func(v any, path string, visit func(string, map[string]any)) {
			switch v := v.(type) {
			case []any:
				for _, item := range v {
					places(item, path+"/-", visit)
				}
			case map[string]any:
				visit(path, v)
				for key, item := range v {
					places(item, path+"/"+key, visit)
				}
			}
		}
		document := value(t, c.sample)
		places(document, name, func(path string, m map[string]any) {
			for _, key := range []string{"surplus", "x-surplus"} {
				m[key] = true
				violations := c.schema.Validate(document)
				if len(violations) != 1 || !violations[0].Key || !strings.Contains(violations[0].Message, "unknown key") {
					t.Errorf("%s/%s: %v", path, key, violations)
				}
				delete(m, key)
			}
		})
	}
}

func TestPlanMistakes(t *testing.T) {
	change := func(path string, to any) string {
		document := value(t, samplePlan())
		steps := strings.Split(path, "/")
		parent, _ := at(document, steps)
		object(map[string]any{"": parent}, "")[steps[len(steps)-1]] = to
		data, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	runMistakes(t, must(t)(CompilePlan()), []mistakeCase{
		{"empty", `null`, "", "must be a plan of the format rollcall.plan/1"},
		{"other format", change("format", "rollcall.plan/2"), "format", `must be rollcall.plan/1, the format of plans, not "rollcall.plan/2"`},
		{"digest", change("digest", "sha256:"), "digest", `must be sha256: and 64 hexadecimal digits, not "sha256:"`},
		{"created", change("created", "today"), "created", `must be a time such as 2026-11-21T06:00:00Z, not "today"`},
		{"action", change("changes/0/action", "remove"), "changes/0/action", `must be one of delete, suspend, restore, create, adopt, update, not "remove"`},
		{"reason", change("held/0/reason", "blocked"), "held/0/reason", `must be one of ambiguous, unknown, protected, mode, unreadable, needs, not "blocked"`},
		{"blocked", change("changes/0/blocked", "protect"), "changes/0/blocked", `must be one of limit, incomplete, not "protect"`},
		{"null list", change("changes", nil), "changes", "must be a list: null (or nothing) is not allowed here"},
		{"figure", change("guards/0/figure", -1), "guards/0/figure", "must be at least 0, not -1"},
	})
}

func TestNotification(t *testing.T) {
	const head = `{"format":"rollcall.notification/1","id":"1","event":"quiet","time":"2026-11-21T06:00:00Z","instance":"one","summary":"",
 "repeated":false,"providers":[],"problems":[],"problemsTotal":0,"leavers":[],"leaversTotal":0`
	schema := must(t)(CompileNotification())
	accepts(t, schema, map[string]string{
		"short": head + "}",
		"whole": head + `,"since":"2026-11-20T06:00:00Z",
 "run":{"tick":"2026-11-21T02:00:00Z","began":"2026-11-21T02:00:01Z","ended":"2026-11-21T02:01:00Z","outcome":"incomplete","exit":3,"commit":"c0ffee"},
 "counts":{"applied":1,"already":0,"stale":0,"failed":0,"unknown":0,"skipped":0,"refused":0,"held":0,"manual":1,"open":1}}`,
	})
	runMistakes(t, schema, []mistakeCase{
		{"empty", `null`, "", "must be a notification of the format rollcall.notification/1"},
		{"other format", strings.Replace(head, "notification/1", "notification/2", 1) + "}", "format", `must be rollcall.notification/1, the format of notifications, not "rollcall.notification/2"`},
		{"event", strings.Replace(head, "quiet", "silent", 1) + "}", "event", `must be one of run.failed, run.refused, leaver.open, quiet, recovered, not "silent"`},
	})
}
