// Package providers says what a provider is: one vendor account that people have
// access at.
//
// A vendor is described by a Kind, which is data (its attributes, what it can do
// and who says so, how a suspended user looks there) and one function that opens
// a connection. What a connection can do is a set of abilities, each an interface
// of one method with its law above it; callers ask for an ability by type, and a
// vendor that can not do something does not have the method. Reading and writing
// are different values: a Reader has no way to write, so that whoever plans can
// not change anything.
package providers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// ErrAbsent is what Get answers when the vendor proves that there is no such
// user.
var ErrAbsent = errors.New("no such user")

// A User is a live user record at a provider.
type User struct {
	ID    string
	Email string
	// Aliases are further addresses that he is known by there, such as a name to sign
	// in with that is one: he is found by them too.
	Aliases []string
	// State is what the vendor calls the state of his account, such as active, where that
	// is more than what its attributes say; it is never compared. Empty is not shown.
	State string
	// Unreadable says what of a user in a list can not be read; then nothing but id
	// and address is known of him.
	Unreadable error
	// Attributes holds what the vendor answered, by attribute. An attribute that
	// is missing was not shown.
	Attributes map[string]Live
}

// Live is what a vendor shows of one attribute: not shown (the zero value), empty
// (Shown without Data), or a value in the forms of sources.Value.
type Live struct {
	Shown bool
	Data  any
}

// Show is a live attribute with that value; nil, "" and empty lists and mappings
// are empty.
func Show(data any) Live {
	if Empty(data) {
		data = nil
	}
	return Live{Shown: true, Data: data}
}

// Empty reports whether a value says nothing: nil, "", an empty list or mapping.
func Empty(data any) bool {
	switch v := data.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	default:
		return false
	}
}

// Getter reads one user by the vendor's id.
//
// It answers ErrAbsent only when the vendor proves that the id is unknown; any
// other error means that nothing is known. It changes nothing. It is safe for
// concurrent use and ends early when the context does.
type Getter interface {
	Get(ctx context.Context, id string) (*User, error)
}

// Searcher finds the users that may carry an address.
//
// The answer without an error is complete: no users means that the vendor proved
// that there is none. Users with another address may be among them; Lookup
// compares. A partial or doubtful answer is an error. It changes nothing, is safe
// for concurrent use, and ends early when the context does.
type Searcher interface {
	Search(ctx context.Context, email string) ([]*User, error)
}

// Lister reads all users.
//
// The answer without an error is complete: whoever is not in it is not there. An
// answer that is cut short, contradicts itself or changed while it was read is an
// error; a record of which only id and address can be read is a user who is
// Unreadable. It changes nothing, is safe for concurrent use, and ends early when the context does. What it
// holds in memory grows with the number of users.
type Lister interface {
	List(ctx context.Context) ([]*User, error)
}

// A Reader is what plans are made with: it can not write.
type Reader interface {
	Getter
	Searcher
}

// A Draft is a user to create. Values holds the wanted attributes, those that
// only a create can carry among them; none of them is nil.
type Draft struct {
	Email  string
	Values map[string]any
}

// A Patch is what to set at a user. Every value is the whole new value of its
// attribute; attributes that are not named keep theirs.
type Patch struct {
	UserID string
	Values map[string]any
	// Email is the user's new address; empty leaves him the one he has. Only where the
	// kind says Readdress.
	Email string
}

// A Receipt is what a write was answered with.
type Receipt struct {
	UserID    string
	RequestID string
	// Stored is the user as the answer showed it, or nil when it showed nothing.
	Stored *User
}

// Creator makes a user.
//
// It sends at most one request that can create. When it is not known whether
// that had an effect, OutcomeUnknown tells so of the error, and the caller looks
// the user up before anything else. It never changes an existing user. It sends
// no invitation unless the draft asks for one and the vendor ties the two.
type Creator interface {
	Create(ctx context.Context, draft Draft) (Receipt, error)
}

// Updater sets attributes of a user; suspending and restoring are updates too.
//
// It is state-setting: applied twice it is as applied once, and it may be
// repeated inside. Attributes that the patch does not name keep their values.
type Updater interface {
	Update(ctx context.Context, patch Patch) (Receipt, error)
}

// Deleter removes a user for good.
//
// A user who is gone already is no error.
type Deleter interface {
	Delete(ctx context.Context, id string) (Receipt, error)
}

// Inviter sends the vendor's welcome mail to an existing user.
//
// It sends at most one request that can mail; an outcome that is not known is
// never followed by a second try.
type Inviter interface {
	Invite(ctx context.Context, id string) (Receipt, error)
}

// NewConnection makes a connection of what a vendor's package opened: the client,
// what reads with it, which has the abilities Getter, Searcher and Lister that the
// vendor has, and what writes, which is left out when the client can not.
func NewConnection(client *rest.Client, settings Settings, reads, writer any) *Connection {
	connection := &Connection{reads: reads, Requests: func() Requests {
		counts := client.Counts()
		return Requests{Reads: counts.Reads, Writes: counts.Writes, Sent: counts.Attempts, Retries: counts.Retries, Waited: counts.Waited, Paused: client.Paused()}
	}, Limits: client.RateHeaders, Close: client.Close}
	if !settings.ReadOnly {
		connection.Writer = writer
	}
	return connection
}

// Connection is an opened provider: one concurrency limit and one rate limit
// serve its reading and its writing together. It is safe for concurrent use.
type Connection struct {
	// Reader is what a plan is made with: it may look into one list of all users.
	// Live always asks the vendor. Recent may look into a list that is not older than
	// a minute, where a vendor has no other way to find somebody.
	Reader, Live, Recent Reader
	// Writer has the abilities Creator, Updater, Deleter and Inviter that the
	// vendor has; nil when the connection was opened for reading only.
	Writer any
	// Requests counts the calls that were made.
	Requests func() Requests
	// Limits are the headers by which the vendor told of its rate limit last, by
	// name.
	Limits func() map[string]string
	// Close closes the connections that are kept for further calls. It is for whoever
	// goes on without this one.
	Close func()

	reads any // what the vendor's package reads with
}

// Lists is the ability to list all users, nil where the vendor has none.
func (c *Connection) Lists() Lister {
	lister, _ := c.reads.(Lister)
	return lister
}

// Requests counts what a connection sent. A call that had to be repeated is one
// of Reads or Writes and several of Sent.
type Requests struct {
	Reads, Writes int
	Sent, Retries int
	Waited        time.Duration // for another try, or for a pause to end
	Paused        time.Duration // for which nothing is sent from now on, because the vendor asks for it
}

// Settings is what a connection is opened with.
type Settings struct {
	Config sources.ProviderConfig
	// Auth holds the secrets under auth by their name.
	Auth map[string]sources.Secret
	// Rotating holds those of them that are renewed as they are used; one that is not
	// there is kept in memory alone.
	Rotating map[string]sources.Rotating
	// Transport carries the requests; nil means the network.
	Transport http.RoundTripper
	Secrets   *sources.Secrets
	Log       *slog.Logger
	// ReadOnly refuses every write before it is sent.
	ReadOnly bool
	// Observed is told of every request that was sent, from several goroutines at once;
	// nil is none.
	Observed func(Exchange)
}

// An Exchange is one request that was sent, as whoever counts requests is told of it.
type Exchange = rest.Exchange

// Renewable is the secret of that name which is renewed as it is used.
func (s Settings) Renewable(name string) sources.Rotating {
	if kept := s.Rotating[name]; kept != nil {
		return kept
	}
	return sources.MemorySecret(s.Auth[name])
}

// WithStop returns a context under which calls end their waits once stop is
// closed; a request that is under way is finished. A nil stop is none, whatever
// the context had before.
func WithStop(ctx context.Context, stop <-chan struct{}) context.Context {
	return rest.WithStop(ctx, stop)
}

// WithPatience returns a context under which one call with all its waits may take so
// long, and not ten minutes: for runs that nobody waits for.
func WithPatience(ctx context.Context, patience time.Duration) context.Context {
	return rest.WithPatience(ctx, patience)
}

// OutcomeUnknown reports of an error that the request may have had an effect.
func OutcomeUnknown(err error) bool {
	var doubt *doubtError
	return rest.OutcomeUnknown(err) || errors.As(err, &doubt)
}

// InDoubt marks an error after which it is not known whether a write had an
// effect, such as an answer to a create that can not be read.
func InDoubt(err error) error {
	if OutcomeUnknown(err) {
		return err
	}
	return &doubtError{err: err}
}

// Acknowledged is InDoubt for a create that the vendor answered as done, without
// showing the user: it is not tried again, even where nobody is found afterwards.
func Acknowledged(err error) error { return &doubtError{err: err, done: true} }

type doubtError struct {
	err  error
	done bool // the vendor says that it is
}

func (e *doubtError) Unwrap() error { return e.err }

func (e *doubtError) Error() string {
	if rest.OutcomeUnknown(e.err) {
		return e.err.Error() // which says it
	}
	return e.err.Error() + "; it may have taken effect"
}

// DidNothing reports of an error that nothing happened and that another try is no
// use now: the call was not sent, or the vendor asked to come back later.
func DidNothing(err error) bool {
	if OutcomeUnknown(err) {
		return false
	}
	switch rest.KindOf(err) {
	case rest.KindUnsent, rest.KindCanceled, rest.KindRateLimited:
		return true
	default:
		return false
	}
}

// NotOpen reports of an error that what was asked for is not there, or not open to the
// account: a 404, 405 or 501, whoever it comes from.
func NotOpen(err error) bool { return rest.NotOpen(err) }

// Interrupted reports of an error that the call was ended before it did anything.
func Interrupted(err error) bool {
	return rest.KindOf(err) == rest.KindCanceled && !OutcomeUnknown(err)
}

// CredentialsRefused reports of an error that the vendor does not accept the
// credentials.
func CredentialsRefused(err error) bool { return rest.KindOf(err) == rest.KindAuth }

// Repeatable reports of a failed create that it may be tried once more after the
// user is proven absent: its outcome was not known and the vendor did not say that it
// is done, or credentials that had run out were renewed.
func Repeatable(err error) bool {
	var doubt *doubtError
	if errors.As(err, &doubt) && doubt.done {
		return false
	}
	return OutcomeUnknown(err) || CredentialsRefused(err)
}

// Options are the settings as the HTTP client of all vendors takes them; what a
// vendor's answers look like is left to be filled in.
func (s Settings) Options() rest.Options {
	config := s.Config
	return rest.Options{
		Provider: config.Name, BaseURL: config.BaseURL, Transport: s.Transport, Concurrency: config.Concurrency,
		Rate: config.Rate, Timeout: config.Timeout, Retries: config.Retries, Secrets: s.Secrets, Log: s.Log, ReadOnly: s.ReadOnly,
		Observed: s.Observed,
	}
}

// Explain returns what adds to an error, if there is one, what a person can do about
// it: forbidden after a 403, and where they come from after credentials were refused.
// A remedy that the error has already stays.
func Explain(config sources.ProviderConfig, forbidden string) func(error) error {
	return explain(config, forbidden, "")
}

// ExplainConsent is Explain for a kind with a Consent: where credentials were refused,
// another consent may be what helps.
func ExplainConsent(config sources.ProviderConfig, forbidden string) func(error) error {
	return explain(config, forbidden, ", or give the consent again: rollcall login "+config.Name)
}

func explain(config sources.ProviderConfig, forbidden, consent string) func(error) error {
	return func(err error) error {
		switch {
		case err == nil, Remedy(err) != "":
			return err
		case rest.KindOf(err) == rest.KindForbidden:
			return WithRemedy(err, forbidden)
		default:
			return explainCredentials(err, config, consent)
		}
	}
}

func explainCredentials(err error, config sources.ProviderConfig, consent string) error {
	if !CredentialsRefused(err) || len(config.Auth) == 0 {
		return err
	}
	places := make([]string, 0, len(config.Auth))
	for _, ref := range config.Auth {
		places = append(places, ref.String())
	}
	slices.Sort(places)
	return WithRemedy(err, "look at "+strings.Join(places, " and ")+consent)
}
