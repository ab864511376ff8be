package notify

import (
	"maps"
	"time"
)

// A condition is something that is wrong, made of items that each are wrong: problems of
// a run, leavers. It holds as long as there are any.
type condition struct {
	event string
	items map[string]bool // by what tells one from another
	view  *view           // of the run that it is known from; nil when there was none
	since time.Time       // when it was told first
	told  map[string]bool // the items that people know of; nil when it is to be told
	at    time.Time       // when it was told last
	last  *news           // of it
	// missed says that it was told and that nobody got it.
	missed bool
}

// set says what is wrong now. What is over is not known any more: it would be news.
func (c *condition) set(items map[string]bool, of *view) {
	if len(items) == 0 {
		c.clear()
		return
	}
	c.items, c.view = items, of
	maps.DeleteFunc(c.told, func(item string, _ bool) bool { return !items[item] })
}

// clear says that nothing is wrong.
func (c *condition) clear() { *c = condition{event: c.event} }

// clearTold has it told again.
func (c *condition) clearTold() { c.told, c.missed = nil, false }

// due reports whether it is to be told: people do not know of it, or not of all of it, or
// have heard nothing for a day.
func (c *condition) due(now time.Time) bool {
	if len(c.items) == 0 {
		return false
	}
	return c.fresh() || !now.Before(c.at.Add(again))
}

// fresh reports whether people do not know of all of it.
func (c *condition) fresh() bool {
	for item := range c.items {
		if !c.told[item] {
			return true
		}
	}
	return false
}
