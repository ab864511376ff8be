//go:build race

package plan_test

// raced tells that the race detector watches. It makes everything some times slower, and
// looks for what any order of any state shows: the whole walks are for runs without it.
const raced = true
