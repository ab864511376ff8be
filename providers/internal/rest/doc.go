// Package rest is the only HTTP code of all providers.
//
// A vendor's API client makes one Client for each configured provider and
// declares every call as Read, Write or WriteOnce. The declaration, not the
// HTTP method, decides what may be repeated, since a GET can send an email and
// a POST can be a search:
//
//   - a Read has no effect and is repeated after anything that may pass;
//   - a Write sets a state, so that doing it twice does no more than doing it
//     once, and is repeated likewise;
//   - a WriteOnce is repeated only when it is certain that nothing happened: the
//     vendor answered 429, the connection never opened, or the token that the
//     request needs could not be had.
//
// What is not certain is said: an Error whose OutcomeUnknown is true belongs to
// a request that may have had an effect, and whoever gets it has to look.
//
// One call passes through these stages, each in a file of its own:
//
//	request     the address is built and held to the configured origin
//	limit       a slot, the rate, and the pause that a 429 puts on everybody
//	auth        credentials are put on, renewed after a 401, given up when refused
//	attempt     one request is sent, redirects of a Read are followed
//	response    the answer is read within bounds and judged
//	retry       what to do next: a table of fault and class
//	errors      what remains is told without bodies, queries and secrets
//
// A stage that waits for another try holds no slot. All clocks are those of
// package time, so that tests run under testing/synctest with an in-memory
// http.RoundTripper.
package rest
