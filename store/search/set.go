package search

import "math/bits"

// A set holds numbers of articles of a segment.
type set []uint64

// newSet returns an empty set with room for the numbers below count.
func newSet(count int) set { return make(set, (count+63)>>6) }

func (s set) has(n int) bool { return s[n>>6]>>(n&63)&1 != 0 }

func (s set) add(n int) { s[n>>6] |= 1 << (n & 63) }

func (s set) remove(n int) { s[n>>6] &^= 1 << (n & 63) }

func (s set) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

func (s set) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s set) each(yield func(n int)) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			yield(i<<6 + bits.TrailingZeros64(w))
		}
	}
}

// and leaves in s what is in other, too. They are of the same length, as are
// those of the others.
func (s set) and(other set) {
	for i := range s {
		s[i] &= other[i]
	}
}

func (s set) without(other set) {
	for i := range s {
		s[i] &^= other[i]
	}
}
