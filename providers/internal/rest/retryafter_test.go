package rest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestRetryAfterForms(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	later := now.Add(90 * time.Second)
	own := func(body []byte) (time.Duration, bool) {
		var answer struct {
			Details struct{ RetryAfter float64 }
		}
		if json.Unmarshal(body, &answer) != nil || answer.Details.RetryAfter == 0 {
			return 0, false
		}
		return time.Duration(answer.Details.RetryAfter) * time.Second, true
	}
	skewed := now.Add(-time.Hour).Format(http.TimeFormat)
	for name, test := range map[string]struct {
		status  int
		headers []string
		body    string
		want    time.Duration
	}{
		"seconds":             {429, []string{"Retry-After", "120"}, "", 120 * time.Second},
		"blanks":              {429, []string{"Retry-After", " 120 "}, "", 120 * time.Second},
		"decimal seconds":     {429, []string{"Retry-After", "1.5"}, "", 1500 * time.Millisecond},
		"HTTP date":           {429, []string{"Retry-After", later.Format(http.TimeFormat)}, "", 90 * time.Second},
		"RFC 850 date":        {429, []string{"Retry-After", later.Format("Monday, 02-Jan-06 15:04:05 GMT")}, "", 90 * time.Second},
		"RFC 3339 date":       {429, []string{"Retry-After", later.Format(time.RFC3339)}, "", 90 * time.Second},
		"Unix seconds":        {429, []string{"Retry-After", strconv.FormatInt(later.Unix(), 10)}, "", 90 * time.Second},
		"Unix milliseconds":   {429, []string{"Retry-After", strconv.FormatInt(later.UnixMilli(), 10)}, "", 90 * time.Second},
		"body":                {429, nil, `{"code":429,"details":{"retryAfter":45}}`, 45 * time.Second},
		"milliseconds":        {429, []string{"Retry-After-Ms", "1500"}, "", 1500 * time.Millisecond},
		"huge milliseconds":   {429, []string{"Retry-After-Ms", "1e300"}, "", longestRetryAfter},
		"bad milliseconds":    {429, []string{"Retry-After-Ms", "-3"}, "", 0},
		"body and header":     {429, []string{"Retry-After", "10"}, `{"details":{"retryAfter":45}}`, 45 * time.Second},
		"body, on a 503":      {503, nil, `{"details":{"retryAfter":45}}`, 45 * time.Second},
		"reset":               {429, []string{"X-RateLimit-Reset", strconv.FormatInt(later.Unix(), 10)}, "", 90 * time.Second},
		"reset in seconds":    {429, []string{"X-RateLimit-Reset", "7"}, "", 7 * time.Second},
		"reset, on a 503":     {503, []string{"X-RateLimit-Reset", "7"}, "", 0},
		"reset and header":    {429, []string{"Retry-After", "3", "X-RateLimit-Reset", "3600"}, "", 3 * time.Second},
		"past date":           {429, []string{"Retry-After", now.Add(-time.Hour).Format(http.TimeFormat)}, "", 0},
		"past Unix seconds":   {429, []string{"Retry-After", strconv.FormatInt(now.Unix()-5, 10)}, "", 0},
		"negative":            {429, []string{"Retry-After", "-5"}, "", 0},
		"zero":                {429, []string{"Retry-After", "0"}, "", 0},
		"not a number":        {429, []string{"Retry-After", "NaN"}, "", 0},
		"infinite":            {429, []string{"Retry-After", "Inf"}, "", longestRetryAfter},
		"prose":               {429, []string{"Retry-After", "a while"}, "", 0},
		"huge":                {429, []string{"Retry-After", "1e300"}, "", longestRetryAfter},
		"years":               {429, []string{"Retry-After", "900000000"}, "", longestRetryAfter},
		"year 9999":           {429, []string{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"}, "", longestRetryAfter},
		"skewed, date":        {429, []string{"Date", skewed, "Retry-After", now.Add(-time.Hour + 90*time.Second).Format(http.TimeFormat)}, "", 90 * time.Second},
		"skewed, reset":       {429, []string{"Date", skewed, "X-RateLimit-Reset", strconv.FormatInt(now.Add(-time.Hour).Unix()+9, 10)}, "", 9 * time.Second},
		"skewed, seconds":     {429, []string{"Date", skewed, "Retry-After", "30"}, "", 30 * time.Second},
		"nothing":             {429, nil, `<html>`, 0},
		"broken Date ignored": {429, []string{"Date", "today", "Retry-After", later.Format(http.TimeFormat)}, "", 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			for i := 0; i+1 < len(test.headers); i += 2 {
				header.Set(test.headers[i], test.headers[i+1])
			}
			if got := retryAfter(test.status, header, []byte(test.body), own, now); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"1", "-1", "1.5", "1e18", "1e400", "1763726400", "1763726400000", "Fri, 31 Dec 9999 23:59:59 GMT", "0001-01-01T00:00:00Z"} {
		f.Add(seed)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if wait := parseRetryAfter(value, now); wait < 0 || wait > longestRetryAfter {
			t.Errorf("%q is %s", value, wait)
		}
	})
}
