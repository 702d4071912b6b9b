package search

import (
	"encoding/binary"
	"math/bits"
)

// A list tells which articles of a segment have a word, and where it stands in
// each. Articles are counted from 0, places from 1.
type list struct {
	docs   []byte // how they are written, and distances as varints, or a bitmap where that is shorter
	places []byte // of each article how many bytes they take, then the distances of all, as varints; empty when they are not kept
}

const (
	writtenDistances = 0
	writtenBitmap    = 1
)

// A builder writes a list.
type builder struct {
	docs  []uint32
	sizes []byte
	at    []byte
	begin int    // of the places of the last article in at
	last  uint32 // the last of them
}

// add enters an article, which is not before the last, and a place after the
// last in it; 0 means that places are not kept.
func (b *builder) add(article, place uint32) {
	if n := len(b.docs); n == 0 || b.docs[n-1] != article {
		b.close()
		b.docs = append(b.docs, article)
	}
	if place > 0 {
		b.at = binary.AppendUvarint(b.at, uint64(place-b.last))
		b.last = place
	}
}

// addPlaces enters an article with places as they are written.
func (b *builder) addPlaces(article uint32, places []byte) {
	b.close()
	b.docs = append(b.docs, article)
	b.at = append(b.at, places...)
}

func (b *builder) close() {
	if len(b.at) > b.begin {
		b.sizes = binary.AppendUvarint(b.sizes, uint64(len(b.at)-b.begin))
		b.begin, b.last = len(b.at), 0
	}
}

// reset makes room for another list.
func (b *builder) reset() {
	*b = builder{docs: b.docs[:0], sizes: b.sizes[:0], at: b.at[:0]}
}

func (b *builder) list() list {
	b.close()
	return list{writeDocs(b.docs), append(b.sizes[:len(b.sizes):len(b.sizes)], b.at...)}
}

func writeDocs(docs []uint32) []byte {
	out := append(make([]byte, 0, len(docs)+len(docs)/4+1), writtenDistances)
	next := uint32(0)
	for _, n := range docs {
		out = binary.AppendUvarint(out, uint64(n-next))
		next = n + 1
	}
	if size := 1 + (int(next)+7)>>3; size < len(out) {
		out = make([]byte, size)
		out[0] = writtenBitmap
		for _, n := range docs {
			out[1+n>>3] |= 1 << (n & 7)
		}
	}
	return out
}

// readDocs appends the articles of a list to all, of which there are count in
// the segment. It returns errDamaged for what is no list.
func readDocs(docs []byte, count int, all []uint32) ([]uint32, error) {
	if len(docs) == 0 {
		return nil, errDamaged
	}
	switch rest := docs[1:]; docs[0] {
	case writtenDistances:
		next := uint64(0)
		for len(rest) > 0 {
			d, n := uint64(rest[0]), 1
			if d >= 0x80 {
				d, n = binary.Uvarint(rest)
			}
			if n <= 0 || d >= uint64(count) || next+d >= uint64(count) {
				return nil, errDamaged
			}
			all = append(all, uint32(next+d))
			next += d + 1
			rest = rest[n:]
		}
		return all, nil
	case writtenBitmap:
		base := len(all)
		for at := 0; len(rest) > 0; at += 64 {
			var w uint64
			if len(rest) >= 8 {
				w, rest = binary.LittleEndian.Uint64(rest), rest[8:]
			} else {
				w, rest = tail(rest), nil
			}
			for ; w != 0; w &= w - 1 {
				all = append(all, uint32(at+bits.TrailingZeros64(w)))
			}
		}
		if len(all) > base && int(all[len(all)-1]) >= count {
			return nil, errDamaged
		}
		return all, nil
	}
	return nil, errDamaged
}

// tail reads what is left of a bitmap.
func tail(b []byte) (w uint64) {
	for i, c := range b {
		w |= uint64(c) << (i * 8)
	}
	return w
}

// addDocs adds the articles of a list to a set that has room for count of them.
func addDocs(s set, docs []byte, count int) error {
	if len(docs) == 0 || docs[0] != writtenBitmap {
		var few [256]uint32
		all, err := readDocs(docs, count, few[:0])
		for _, n := range all {
			s.add(int(n))
		}
		return err
	}
	rest := docs[1:]
	if (len(rest)+7)/8 > len(s) {
		return errDamaged
	}
	for i := range s {
		if len(rest) < 8 {
			s[i] |= tail(rest)
			break
		}
		s[i] |= binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
	}
	if count&63 != 0 && s[count>>6]>>(count&63) != 0 {
		return errDamaged
	}
	return nil
}

// A walk goes through a list with its places.
type walk struct {
	docs  []uint32
	sizes []byte // of the places of docs
	rest  []byte // the places of docs
	begin int    // where those of the first of docs begin in it
	shift int    // which word of a phrase this is
	room  []uint32
}

// start begins with the first article of a list.
func (w *walk) start(l list, count int) (err error) {
	if w.room, err = readDocs(l.docs, count, w.room[:0]); err != nil {
		return err
	}
	w.docs = w.room
	rest := l.places
	for range w.docs {
		n := 1
		for n <= len(rest) && rest[n-1] >= 0x80 {
			n++
		}
		if n > len(rest) || n > binary.MaxVarintLen32 {
			return errDamaged
		}
		rest = rest[n:]
	}
	w.sizes, w.rest, w.begin = l.places[:len(l.places)-len(rest)], rest, 0
	return nil
}

// to moves to the first article that is not before n; false is the end.
func (w *walk) to(n uint32) bool {
	i, begin, sizes := 0, w.begin, w.sizes
	for i < len(w.docs) && w.docs[i] < n {
		size, k := int(sizes[0]), 1
		if size >= 0x80 {
			v, n := binary.Uvarint(sizes)
			size, k = int(v&(1<<32-1)), max(n, 1)
		}
		begin, sizes = begin+size, sizes[k:]
		i++
	}
	w.docs, w.begin, w.sizes = w.docs[i:], begin, sizes
	return len(w.docs) > 0
}

// places are those of the article, as they are written.
func (w *walk) places() ([]byte, error) {
	size, n := binary.Uvarint(w.sizes)
	if n <= 0 || w.begin > len(w.rest) || size > uint64(len(w.rest)-w.begin) {
		return nil, errDamaged
	}
	return w.rest[w.begin : w.begin+int(size)], nil
}

// readPlaces appends places, less shift, to all.
func readPlaces(places []byte, shift int, all []int) ([]int, error) {
	at := -shift
	for i := 0; i < len(places); {
		d, n := uint64(places[i]), 1
		if d >= 0x80 {
			if d, n = binary.Uvarint(places[i:]); n <= 0 || d > 1<<32 {
				return nil, errDamaged
			}
		}
		at += int(d)
		all = append(all, at)
		i += n
	}
	return all, nil
}

// keepPlaces leaves those of all which are places, less shift, too.
func keepPlaces(all []int, places []byte, shift int) ([]int, error) {
	kept := all[:0]
	at := -shift
	next := 0 // of all
	for i := 0; i < len(places); {
		d, n := uint64(places[i]), 1
		if d >= 0x80 {
			if d, n = binary.Uvarint(places[i:]); n <= 0 || d > 1<<32 {
				return nil, errDamaged
			}
		}
		at += int(d)
		i += n
		for all[next] < at {
			if next++; next == len(all) {
				return kept, nil
			}
		}
		if all[next] == at {
			kept = append(kept, at)
			if next++; next == len(all) {
				return kept, nil
			}
		}
	}
	return kept, nil
}

// A phrase finds articles with words side by side.
type phrase struct {
	walks []walk
	at    []int
}

// has reports whether article n has the words side by side. It is asked for one
// article after the other. The walks are those of the rarest words first.
func (p *phrase) has(n uint32) (bool, error) {
	for i := range p.walks {
		w := &p.walks[i]
		if !w.to(n) || w.docs[0] != n {
			return false, nil
		}
		places, err := w.places()
		if err == nil && i == 0 {
			p.at, err = readPlaces(places, w.shift, p.at[:0])
		} else if err == nil {
			p.at, err = keepPlaces(p.at, places, w.shift)
		}
		if err != nil || len(p.at) == 0 {
			return false, err
		}
	}
	return true, nil
}
