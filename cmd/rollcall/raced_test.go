//go:build race

package main

// raced tells that the race detector watches, and makes everything some times slower.
const raced = true
