// SPDX-License-Identifier: MPL-2.0

package order

// heads is a heap of lines by their next events.
type heads[V any] []*line[V]

func (h heads[V]) Len() int           { return len(h) }
func (h heads[V]) Less(i, j int) bool { return h[i].head.Compare(h[j].head) < 0 }
func (h heads[V]) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads[V]) Push(x any)        { *h = append(*h, x.(*line[V])) }
func (h *heads[V]) Pop() any {
	old := *h
	l := old[len(old)-1]
	*h = old[:len(old)-1]
	return l
}

// An empty is a line that had no more events, when its last was of that time.
type empty[V any] struct {
	line   *line[V]
	passed int64
}

// empties is a heap of lines by the times that they have passed.
type empties[V any] []empty[V]

func (h empties[V]) Len() int           { return len(h) }
func (h empties[V]) Less(i, j int) bool { return h[i].passed < h[j].passed }
func (h empties[V]) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *empties[V]) Push(x any)        { *h = append(*h, x.(empty[V])) }
func (h *empties[V]) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}
