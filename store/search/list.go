package search

import (
	"encoding/binary"
	"math/bits"
)

// A list tells which articles of a chunk have a word, and where it stands in
// each. Articles are counted from the begin of the chunk, places from that of the
// text, both from 1.
type list struct {
	docs   []byte // how they are written, and distances as varints, or a bitmap where that is shorter
	places []byte // of each article how many bytes they take, and the distances, as varints; empty when they are not kept
}

const (
	writtenDistances = 0
	writtenBitmap    = 1

	maxChunk = 1 << 24 // articles of a chunk, at most
)

// A builder writes a list.
type builder struct {
	docs   []uint32
	places []byte
	open   []byte // places of the last article
	last   uint32 // the last of them
}

// add enters an article, which is not before the last, and a place after the
// last in it; 0 means that places are not kept.
func (b *builder) add(article, place uint32) {
	if n := len(b.docs); n == 0 || b.docs[n-1] != article {
		b.close()
		b.docs = append(b.docs, article)
	}
	if place > 0 {
		b.open = binary.AppendUvarint(b.open, uint64(place-b.last))
		b.last = place
	}
}

func (b *builder) close() {
	if len(b.open) > 0 {
		b.places = binary.AppendUvarint(b.places, uint64(len(b.open)))
		b.places = append(b.places, b.open...)
		b.open, b.last = b.open[:0], 0
	}
}

func (b *builder) list() list {
	b.close()
	return list{writeDocs(b.docs), b.places}
}

func writeDocs(docs []uint32) []byte {
	out := append(make([]byte, 0, len(docs)+len(docs)/4+1), writtenDistances)
	last := uint32(0)
	for _, n := range docs {
		out = binary.AppendUvarint(out, uint64(n-last))
		last = n
	}
	if size := 2 + int(last>>3); size < len(out) {
		out = make([]byte, size)
		out[0] = writtenBitmap
		for _, n := range docs {
			out[1+n>>3] |= 1 << (n & 7)
		}
	}
	return out
}

// readDocs appends the articles of a list to all. It returns errForm for what
// is no list.
func readDocs(docs []byte, all []uint32) ([]uint32, error) {
	if len(docs) == 0 || len(docs) > maxChunk {
		return nil, errForm
	}
	switch rest := docs[1:]; docs[0] {
	case writtenDistances:
		at := uint64(0)
		for len(rest) > 0 {
			d, n := binary.Uvarint(rest)
			if n <= 0 || d == 0 || d > maxChunk || at+d > maxChunk {
				return nil, errForm
			}
			at += d
			all = append(all, uint32(at))
			rest = rest[n:]
		}
		return all, nil
	case writtenBitmap:
		for i, b := range rest {
			for ; b != 0; b &= b - 1 {
				all = append(all, uint32(i<<3+bits.TrailingZeros8(b)))
			}
		}
		return all, nil
	}
	return nil, errForm
}

// joined returns the list of two chunks that become one: the articles of more
// are counted from shift. l may be empty.
func joined(l, more list, shift uint32) (list, error) {
	var docs []uint32
	var err error
	if len(l.docs) > 0 {
		if docs, err = readDocs(l.docs, nil); err != nil {
			return list{}, err
		}
	}
	n := len(docs)
	if docs, err = readDocs(more.docs, docs); err != nil {
		return list{}, err
	}
	for i := n; i < len(docs); i++ {
		docs[i] += shift
	}
	return list{writeDocs(docs), append(l.places[:len(l.places):len(l.places)], more.places...)}, nil
}

// A walk goes through a list with its places.
type walk struct {
	docs  []uint32
	rest  []byte // places of docs
	where []int  // places of the article that was read last
}

// to moves to the first article that is not before n; false is the end.
func (w *walk) to(n uint32) (ok bool, err error) {
	for len(w.docs) > 0 && w.docs[0] < n {
		size, k := binary.Uvarint(w.rest)
		if k <= 0 || size > uint64(len(w.rest)-k) {
			return false, errForm
		}
		w.docs, w.rest = w.docs[1:], w.rest[k+int(size):]
	}
	return len(w.docs) > 0, nil
}

// read reads the places of the article.
func (w *walk) read() error {
	size, k := binary.Uvarint(w.rest)
	if k <= 0 || size > uint64(len(w.rest)-k) {
		return errForm
	}
	w.where = w.where[:0]
	at := 0
	for rest := w.rest[k : k+int(size)]; len(rest) > 0; {
		d, n := binary.Uvarint(rest)
		if n <= 0 {
			return errForm
		}
		at += int(d)
		w.where = append(w.where, at)
		rest = rest[n:]
	}
	return nil
}

// beside calls yield with those articles of wanted, which are in order, in
// which words stand side by side, by the list of each.
func beside(lists []list, wanted []uint32, yield func(article uint32)) (err error) {
	walks := make([]walk, len(lists))
	for i, l := range lists {
		walks[i].rest = l.places
		if walks[i].docs, err = readDocs(l.docs, make([]uint32, 0, len(l.docs))); err != nil {
			return err
		}
	}
articles:
	for _, n := range wanted {
		for i := range walks {
			ok, err := walks[i].to(n)
			if !ok || err != nil {
				return err
			}
			if walks[i].docs[0] != n {
				continue articles
			}
		}
		for i := range walks {
			if err := walks[i].read(); err != nil {
				return err
			}
		}
		if chained(walks) {
			yield(n)
		}
	}
	return nil
}

// chained reports whether some place of the first is followed by one of the
// second, and so on.
func chained(walks []walk) bool {
	for _, p := range walks[0].where {
		all := true
		for i := 1; i < len(walks) && all; i++ {
			where := walks[i].where
			for len(where) > 0 && where[0] < p+i {
				where = where[1:]
			}
			walks[i].where = where
			all = len(where) > 0 && where[0] == p+i
		}
		if all {
			return true
		}
	}
	return false
}
