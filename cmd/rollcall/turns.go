package main

import (
	"context"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/sources"
)

type turns struct {
	app  *app
	last time.Time
}

type turnTaken struct {
	all  *turns
	tick time.Time
}

func (t *turns) use(context.Context, *sources.Config) error { return nil }
func (t *turns) poll() time.Duration                        { return 10 * time.Second }
func (t *turns) Take(_ context.Context, tick time.Time) (service.Turn, error) {
	return &turnTaken{t, tick}, nil
}
func (t *turns) Last(context.Context) (time.Time, error) { return t.last, nil }
func (t *turns) Left(context.Context) (time.Time, error) { return time.Time{}, nil }
func (t *turnTaken) Again() bool                         { return false }
func (t *turnTaken) Lost() <-chan struct{}               { return nil }
func (t *turnTaken) Done(context.Context, service.Outcome) error {
	t.all.last = t.tick
	return nil
}
func (t *turnTaken) Release(context.Context) error { return nil }
