package vendortest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// A Call is one use of a connection.
type Call func(ctx context.Context, c *providers.Connection) (any, error)

// Search looks for an address.
func Search(email string) Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) { return c.Reader.Search(ctx, email) }
}

// Get reads a user.
func Get(id string) Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) { return c.Reader.Get(ctx, id) }
}

// List reads all users.
func List() Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) {
		return c.Lists().List(ctx)
	}
}

// Create makes a user.
func Create(draft providers.Draft) Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) {
		return c.Writer.(providers.Creator).Create(ctx, draft)
	}
}

// Update changes a user.
func Update(id string, values map[string]any) Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) {
		return c.Writer.(providers.Updater).Update(ctx, providers.Patch{UserID: id, Values: values})
	}
}

// Delete removes a user.
func Delete(id string) Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) {
		return c.Writer.(providers.Deleter).Delete(ctx, id)
	}
}

// Invite sends the vendor's welcome mail.
func Invite(id string) Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) {
		return c.Writer.(providers.Inviter).Invite(ctx, id)
	}
}

// Who is what a call finds as one line a user.
func Who(call Call) Call {
	return func(ctx context.Context, c *providers.Connection) (any, error) {
		got, err := call(ctx, c)
		var who []string
		users, _ := got.([]*providers.User)
		for _, u := range users {
			who = append(who, u.ID+" "+u.Email)
		}
		return who, err
	}
}

// Succeeds checks what a call comes to when each step is asked for in turn.
func (v Vendor) Succeeds(t *testing.T, steps []Step, call Call, want any, change ...func(*providers.Settings)) {
	t.Helper()
	got, err := call(t.Context(), v.Connect(t, v.Plays(t, steps...), change...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// ReadFails checks that a read ends with an error that proves nothing, says what
// was asked for and what there is to do about it ("" is nothing), and tells nothing
// of what was answered.
func (v Vendor) ReadFails(t *testing.T, steps []Step, call Call, says, remedy string, change ...func(*providers.Settings)) {
	t.Helper()
	got, err := call(t.Context(), v.Connect(t, v.Plays(t, steps...), change...))
	if value := reflect.ValueOf(got); value.IsValid() && !value.IsZero() {
		t.Errorf("beside the error: %v", got)
	}
	if err == nil || errors.Is(err, providers.ErrAbsent) || providers.OutcomeUnknown(err) {
		t.Fatalf("error %v", err)
	}
	if rest.KindOf(err) == 0 || !strings.HasPrefix(err.Error(), v.Kind.Name+": "+steps[len(steps)-1].Method+" ") {
		t.Errorf("the error does not say what was asked: %v", err)
	}
	explained(t, err, says, remedy)
}

// WriteFails checks that a write is refused for good: nothing was done, nothing is
// in doubt, and it is not repeated.
func (v Vendor) WriteFails(t *testing.T, steps []Step, call Call, says, remedy string) {
	t.Helper()
	for i := range steps {
		steps[i].Header = http.Header{"X-Request-Id": {fmt.Sprintf("r-%d", i+1)}}
	}
	got, err := call(t.Context(), v.Connect(t, v.Plays(t, steps...)))
	if err == nil || providers.OutcomeUnknown(err) {
		t.Fatalf("error %v", err)
	}
	if receipt := got.(providers.Receipt); receipt.RequestID != "r-1" || receipt.Stored != nil || !strings.Contains(err.Error(), "request r-1") {
		t.Errorf("the request is not named: %+v %v", receipt, err)
	}
	explained(t, err, says, remedy)
}

func explained(t *testing.T, err error, says, remedy string) {
	t.Helper()
	if !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, want it to say %q", err, says)
	}
	if got := providers.Remedy(err); !strings.Contains(got, remedy) || remedy == "" && got != "" {
		t.Errorf("remedy %q, want %q", got, remedy)
	}
	if strings.Contains(err.Error()+providers.Remedy(err), "@") {
		t.Errorf("the error tells an address: %v", err)
	}
}

// InDoubt checks that a create that was answered in a way that can not be used may
// have had its effect, and that nothing of the answer is taken for the new user.
func InDoubt(t *testing.T, receipt providers.Receipt, err error) {
	t.Helper()
	if !providers.OutcomeUnknown(err) || !providers.Repeatable(err) || providers.DidNothing(err) || receipt.UserID != "" || receipt.Stored != nil {
		t.Fatalf("%+v %v", receipt, err)
	}
	if n := strings.Count(err.Error(), "it may have taken effect"); n != 1 {
		t.Errorf("says %d times that it may have taken effect: %v", n, err)
	}
}

// Waits checks that after the first answer a call waits that long, and is then
// sent once more and answered as the second step says.
func (v Vendor) Waits(t *testing.T, call Call, wait time.Duration, steps ...Step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		script := v.Plays(t, steps...)
		if _, err := call(t.Context(), v.Connect(t, script)); err != nil {
			t.Fatal(err)
		}
		if got := script.Wait(1); got != wait {
			t.Errorf("waited %s, want %s", got, wait)
		}
	})
}

// RefusesAddresses checks that credentials are sent over https only, and that no
// password in an address is told.
func (v Vendor) RefusesAddresses(t *testing.T) {
	t.Helper()
	_, host, _ := strings.Cut(v.Kind.BaseURL, "://")
	for _, address := range []string{"http://" + host, "ftp://" + host, "https://user:hunter2@" + host, "https://"} {
		_, err := v.Kind.Connect(t.Context(), v.Open(v.Plays(t), func(s *providers.Settings) { s.Config.BaseURL = address }))
		if err == nil || !strings.Contains(err.Error(), "baseURL") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// KeepsRate checks that the rate is the kind's, of which twenty calls take that
// long, unless the configuration says otherwise.
func (v Vendor) KeepsRate(t *testing.T, call Call, answer Step, kinds time.Duration) {
	t.Helper()
	for name, test := range map[string]struct {
		change func(*providers.Settings)
		took   time.Duration
	}{
		"the kind's":  {func(s *providers.Settings) { s.Config.RateSet = false }, kinds},
		"configured":  {func(s *providers.Settings) { s.Config.Rate = sources.Rate{{Requests: 1, Per: time.Second}} }, 19 * time.Second},
		"without any": {func(*providers.Settings) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := v.Connect(t, v.Always(t, answer), test.change)
				begun := time.Now()
				for range 20 {
					if _, err := call(t.Context(), c); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(begun).Round(time.Second); took != test.took {
					t.Errorf("20 calls took %s, want %s", took, test.took)
				}
			})
		})
	}
}

// ErrorCodes checks the code and the place that are read from the bodies of
// errors.
func ErrorCodes(t *testing.T, read func(body []byte) (code, place string), bodies map[string][2]string) {
	t.Helper()
	for body, want := range bodies {
		code, place := read(Fixture(t, body))
		if code != want[0] || place != want[1] {
			t.Errorf("%s: %q %q", body, code, place)
		}
	}
}
