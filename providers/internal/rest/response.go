package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxDrain is how much of a body that is not wanted is read so that its
// connection can be used again; a longer one is cheaper to close.
const maxDrain = 64 << 10

var errTooLarge = errors.New("too large")

// A Response is the answer to a call that succeeded, read whole.
type Response struct {
	Status    int
	Header    http.Header
	Body      []byte
	RequestID string
	Attempts  int // requests sent for the call

	op *operation
}

// Decode reads the body into v. Unknown fields are ignored; broken JSON, a second
// value and a missing one are errors. The error is an *Error of KindAnswer: after
// a write its outcome counts as unknown. It never quotes the body.
func (r *Response) Decode(v any) error {
	err := decode(r.Body, v)
	if err == nil {
		err = unambiguous(bytes.TrimPrefix(r.Body, byteOrderMark))
	}
	if err == nil {
		return nil
	}
	detail := "the answer can not be decoded"
	var wrongType *json.UnmarshalTypeError
	if errors.Is(err, errAmbiguous) {
		detail = errAmbiguous.Error()
	}
	if errors.As(err, &wrongType) {
		detail = "the answer does not have the documented form"
		if field := plain(wrongType.Field, "-_.", 128); field != "" {
			detail += " at " + field
		}
	}
	return r.unusable(detail, nil)
}

// Unusable is the error for an answer that came whole and can not be used; cause
// says why. It is of KindAnswer: after a write its outcome counts as unknown.
func (r *Response) Unusable(cause error) error { return r.unusable(cause.Error(), cause) }

func (r *Response) unusable(detail string, cause error) error {
	e := &Error{Kind: KindAnswer, Detail: detail, Err: cause}
	if r.op != nil {
		e = r.op.fail(KindAnswer, detail, cause)
		e.OutcomeUnknown = r.op.class != read
	}
	e.Status, e.RequestID, e.Attempts = r.Status, r.RequestID, r.Attempts
	return e
}

// Refused is the error for an answer that came whole, with a status of success, and in
// which the vendor says with a code that nothing was done.
func (r *Response) Refused(code string) error {
	e := &Error{}
	if r.op != nil {
		e = r.op.fail(0, "", nil)
		code = r.op.client.redact(code)
	}
	e.Kind, e.Detail, e.Code = KindRefused, "refused, whatever the status says", plainCode(code)
	e.Status, e.RequestID, e.Attempts = r.Status, r.RequestID, r.Attempts
	return e
}

var byteOrderMark = []byte("\xef\xbb\xbf")

var errAmbiguous = errors.New("the answer says the same thing twice")

// unambiguous refuses what two readers of JSON could read in two ways: text that
// is not UTF-8, and a member that an object has twice, in whatever case, of which
// one would be lost.
func unambiguous(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("the answer is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	type level struct {
		members map[string]bool // nil in a list
		key     bool            // a key comes next
	}
	var stack []level
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(stack) - 1
		if name, isText := token.(string); isText && top >= 0 && stack[top].key {
			folded := strings.Map(foldRune, name)
			if stack[top].members[folded] {
				return errAmbiguous
			}
			stack[top].members[folded] = true
			stack[top].key = false
			continue
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{members: make(map[string]bool), key: true})
			continue
		case json.Delim('['):
			stack = append(stack, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			top--
		}
		if top >= 0 && stack[top].members != nil {
			stack[top].key = true
		}
	}
}

// foldRune is one rune for all that encoding/json takes for the same in a name.
func foldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return least
}

// decode reads exactly one JSON value; io.ErrUnexpectedEOF says that it was cut.
func decode(body []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, byteOrderMark)))
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// readBody reads and closes a body within the limit. A transfer that ends before
// its declared length is cut.
func readBody(response *http.Response, limit int64) ([]byte, error) {
	defer func() {
		_, _ = io.CopyN(io.Discard, response.Body, maxDrain)
		_ = response.Body.Close()
	}()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return body, err
	case int64(len(body)) > limit:
		return body[:limit], errTooLarge
	case response.ContentLength > int64(len(body)) && !response.Uncompressed &&
		(response.Request == nil || response.Request.Method != http.MethodHead):
		return body, io.ErrUnexpectedEOF
	}
	return body, nil
}

func (op *operation) succeeded(status int) bool {
	if len(op.success) > 0 {
		return slices.Contains(op.success, status)
	}
	return status >= 200 && status < 300 && status != http.StatusPartialContent
}

// judge turns an answer, and the error of reading its body, into an outcome.
func (op *operation) judge(ctx context.Context, response *http.Response, body []byte, broken error) outcome {
	if !op.succeeded(response.StatusCode) {
		e := op.answerError(response, body)
		var f fault
		e.Kind, f = judge(response.StatusCode)
		if op.class == read && f == definitive && broken != nil && !errors.Is(broken, errTooLarge) && ctx.Err() == nil {
			// What the vendor refused can not be told before the answer is whole.
			f = doubtful
		}
		switch e.Kind {
		case KindAnswer:
			e.Detail = "not one of the statuses that the vendor documents"
		case KindRedirect:
			e.Detail = "not followed"
		}
		return outcome{err: e, fault: f, pauseAll: response.StatusCode == http.StatusTooManyRequests}
	}
	if op.discard {
		body, broken = nil, nil
	}
	bad := func(f fault, detail string) outcome {
		e := op.answerError(response, nil)
		e.Kind, e.Detail = KindAnswer, detail
		return outcome{err: e, fault: f}
	}
	switch {
	case broken == nil:
	case ctx.Err() != nil:
		return outcome{err: op.canceled(ctx.Err()), fault: spoiled}
	case errors.Is(broken, errTooLarge):
		return bad(spoiled, "the answer is too large")
	default:
		return bad(doubtful, "the answer was cut off")
	}
	if len(body) > 0 && response.StatusCode < 300 {
		mediaType := mediaType(response.Header)
		switch {
		case !slices.Contains(op.client.options.MediaTypes, mediaType):
			if mediaType == "" {
				mediaType = "of no known type"
			}
			return bad(spoiled, "the answer is "+mediaType+", not "+strings.Join(op.client.options.MediaTypes, " or "))
		case isJSON(mediaType):
			var raw json.RawMessage
			if err := decode(body, &raw); errors.Is(err, io.ErrUnexpectedEOF) {
				return bad(doubtful, "the answer was cut off")
			} else if err != nil {
				return bad(spoiled, "the answer is broken JSON")
			}
		}
	}
	return outcome{response: &Response{
		Status: response.StatusCode, Header: response.Header, Body: body,
		RequestID: op.requestID(response.Header, body), op: op,
	}}
}

// answerError is an Error with what may be told of an answer.
func (op *operation) answerError(response *http.Response, body []byte) *Error {
	c := op.client
	e := op.fail(0, "", nil)
	e.Status = response.StatusCode
	e.RequestID = op.requestID(response.Header, body)
	if c.options.ErrorCode != nil && len(body) > 0 {
		code, place := c.options.ErrorCode(body)
		e.Code, e.Place = c.redact(plainCode(code)), c.redact(plain(place, "-_.:/[]~", 128))
	}
	if len(body) > 0 && response.StatusCode >= 300 {
		mediaType := mediaType(response.Header)
		e.Foreign = !slices.Contains(c.options.MediaTypes, mediaType) && !isJSON(mediaType)
	}
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable {
		e.retryAfter = retryAfter(response.StatusCode, response.Header, body, c.options.RetryAfter, time.Now())
	}
	return e
}

// plainCode is a code that a vendor sent if it is short and plain, or "".
func plainCode(code string) string { return plain(code, "-_.:", 64) }

// requestID is the vendor's name for a request, by the headers of its answer or else by
// the body.
func (op *operation) requestID(header http.Header, body []byte) string {
	id := requestID(header)
	if read := op.client.options.RequestID; id == "" && read != nil && len(body) > 0 {
		id = plainRequestID(read(body))
	}
	return op.client.redact(id)
}

// mediaType is the media type of an answer without its parameters, or "".
func mediaType(header http.Header) string {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return plain(mediaType, "-_.+/", 64)
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}
