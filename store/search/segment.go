package search

import (
	"cmp"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
)

// A segment is a sealed file with some thousands of articles, which never
// change. It holds, one behind the other,
//
//	the list of each word, in the order of the words
//	the words, in blocks of wordsInBlock: how many bytes a word shares with the last of its
//	  block, how many follow, these, and how long its list is (docs, places), as varints
//	the articles: ids of 16 bytes; then of all, in the same order, when each was published
//	  (8 bytes, seconds since 1970), the day (4 bytes, 20180119; 0 is none), and 4 bytes each
//	  for the number of its site, ministry and section among the names
//	the names: of each kind how many, and of each how long, and it
//	the blocks of words: how long each is and its lists are, how long its first word, and it
//	the head: of each of these parts where it begins, and how many articles there are, 8 bytes each
type segment struct {
	name   string
	file   *sealed
	head   head
	blocks []wordBlock

	published []int64 // math.MinInt64 for those without a date
	day       []int32
	names     [len(nameKinds)][]int32 // their numbers among those of the index
	alive     set                     // articles that have not been replaced by a later one
	dead      int                     // articles that have
}

type head struct{ Words, Articles, Names, Blocks, Count uint64 }

const (
	wordsInBlock = 64
	headSize     = 5 * 8
	idSize       = 16

	// maxSegment is how many articles a segment holds at most.
	maxSegment = 1 << 17
)

var nameKinds = [3]string{"site", "ministry", "section"}

type wordBlock struct {
	first    string
	at, size int64
	lists    int64 // where the lists of its words begin
}

// A row is what a segment holds of an article beside its words.
type row struct {
	id        [idSize]byte
	published int64
	day       int32
	names     [3]string
}

// A segmentWriter writes a segment: its lists, in the order of their words, and
// then the articles.
type segmentWriter struct {
	*sealer
	words  []byte
	last   string
	count  int // words in the block
	block  int // where it begins in words
	lists  int64
	blocks []byte
	begin  []byte // of an entry of blocks: the first word
}

func (w *segmentWriter) add(word string, l list) error {
	if w.count == wordsInBlock {
		w.endBlock()
	}
	if w.count == 0 {
		w.last, w.begin = "", []byte(word)
	}
	shared := 0
	for shared < min(len(word), len(w.last)) && word[shared] == w.last[shared] {
		shared++
	}
	w.words = binary.AppendUvarint(w.words, uint64(shared))
	w.words = binary.AppendUvarint(w.words, uint64(len(word)-shared))
	w.words = append(w.words, word[shared:]...)
	w.words = binary.AppendUvarint(w.words, uint64(len(l.docs)))
	w.words = binary.AppendUvarint(w.words, uint64(len(l.places)))
	w.last = word
	w.count++
	w.lists += int64(len(l.docs) + len(l.places))
	if _, err := w.Write(l.docs); err != nil {
		return err
	}
	_, err := w.Write(l.places)
	return err
}

func (w *segmentWriter) endBlock() {
	w.blocks = binary.AppendUvarint(w.blocks, uint64(len(w.words)-w.block))
	w.blocks = binary.AppendUvarint(w.blocks, uint64(w.lists))
	w.blocks = binary.AppendUvarint(w.blocks, uint64(len(w.begin)))
	w.blocks = append(w.blocks, w.begin...)
	w.block, w.count, w.lists = len(w.words), 0, 0
}

// end writes the articles and what leads to everything.
func (w *segmentWriter) end(rows []row) error {
	if w.count > 0 {
		w.endBlock()
	}
	h := head{Words: uint64(w.size), Count: uint64(len(rows))}
	if _, err := w.Write(w.words); err != nil {
		return err
	}
	h.Articles = uint64(w.size)
	var out []byte
	for i := range rows {
		out = append(out, rows[i].id[:]...)
	}
	for i := range rows {
		out = binary.LittleEndian.AppendUint64(out, uint64(rows[i].published))
	}
	for i := range rows {
		out = binary.LittleEndian.AppendUint32(out, uint32(rows[i].day))
	}
	var names []byte
	for kind := range nameKinds {
		numbers := map[string]int{}
		var all []byte
		for i := range rows {
			name := rows[i].names[kind]
			n, ok := numbers[name]
			if !ok {
				n = len(numbers)
				numbers[name] = n
				all = binary.AppendUvarint(all, uint64(len(name)))
				all = append(all, name...)
			}
			out = binary.LittleEndian.AppendUint32(out, uint32(n))
		}
		names = append(binary.AppendUvarint(names, uint64(len(numbers))), all...)
	}
	if _, err := w.Write(out); err != nil {
		return err
	}
	h.Names = uint64(w.size)
	if _, err := w.Write(names); err != nil {
		return err
	}
	h.Blocks = uint64(w.size)
	if _, err := w.Write(w.blocks); err != nil {
		return err
	}
	if err := binary.Write(w, binary.LittleEndian, h); err != nil {
		return err
	}
	return w.seal()
}

// writeSegment makes the file of a segment; write is to fill it. A file that
// was not finished is removed.
func writeSegment(name string, write func(*segmentWriter) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = errors.Join(write(&segmentWriter{sealer: newSealer(f)}), f.Close())
	if err != nil {
		os.Remove(name)
	}
	return err
}

// openSegment opens a segment and reads of its articles what is held in memory.
// Their names are numbered.
func openSegment(path, name string, n *[len(nameKinds)]names) (*segment, error) {
	f, err := openSealed(path)
	if err != nil {
		return nil, err
	}
	s := &segment{name: name, file: f}
	if err := s.load(n); err != nil {
		f.close()
		return nil, err
	}
	return s, nil
}

func (s *segment) load(n *[len(nameKinds)]names) error {
	b, _, err := s.file.read(nil, s.file.size-headSize, headSize)
	if err != nil {
		return err
	}
	if _, err := binary.Decode(b, binary.LittleEndian, &s.head); err != nil {
		return err
	}
	h := s.head
	end := uint64(s.file.size - headSize)
	if h.Words > h.Articles || h.Articles > h.Names || h.Names > h.Blocks || h.Blocks > end || h.Count == 0 || h.Count > maxSegment || h.Names-h.Articles != h.Count*uint64(articleSize) {
		return damaged(s.file.f.Name(), "its head says what cannot be")
	}
	if err := s.loadBlocks(int64(end)); err != nil {
		return err
	}
	return s.loadArticles(n)
}

const articleSize = idSize + 8 + 4 + len(nameKinds)*4

func (s *segment) loadBlocks(end int64) error {
	b, _, err := s.file.read(nil, int64(s.head.Blocks), end-int64(s.head.Blocks))
	if err != nil {
		return err
	}
	r := fields{rest: b}
	at, lists := int64(s.head.Words), int64(0)
	for len(r.rest) > 0 && !r.bad {
		w := wordBlock{at: at, lists: lists, size: int64(r.number())}
		lists += int64(r.number())
		w.first = string(r.bytes(r.number()))
		at += w.size
		if at > int64(s.head.Articles) || lists > int64(s.head.Words) {
			r.bad = true
		}
		s.blocks = append(s.blocks, w)
	}
	if r.bad {
		return damaged(s.file.f.Name(), "its words are no words")
	}
	return nil
}

func (s *segment) loadArticles(known *[len(nameKinds)]names) error {
	count := int(s.head.Count)
	from := int64(s.head.Articles) + int64(count*idSize)
	b, _, err := s.file.read(nil, from, int64(s.head.Blocks)-from)
	if err != nil {
		return err
	}
	s.published, s.day = make([]int64, count), make([]int32, count)
	for i := range count {
		s.published[i] = int64(binary.LittleEndian.Uint64(b[i*8:]))
	}
	b = b[count*8:]
	for i := range count {
		if s.day[i] = int32(binary.LittleEndian.Uint32(b[i*4:])); s.day[i] == 0 {
			s.published[i] = math.MinInt64
		}
	}
	b = b[count*4:]
	names := fields{rest: b[len(nameKinds)*count*4:]}
	for kind := range nameKinds {
		n := names.number()
		if n > uint64(count) {
			names.bad = true
			break
		}
		numbers := make([]int32, n)
		for i := range numbers {
			numbers[i] = known[kind].number(string(names.bytes(names.number())))
		}
		s.names[kind] = make([]int32, count)
		for i := range count {
			if number := binary.LittleEndian.Uint32(b[i*4:]); uint64(number) < n {
				s.names[kind][i] = numbers[number]
			} else {
				names.bad = true
			}
		}
		b = b[count*4:]
	}
	if names.bad {
		return damaged(s.file.f.Name(), "its names are no names")
	}
	return nil
}

// fields reads numbers and bytes; bad is set by what is none.
type fields struct {
	rest []byte
	bad  bool
}

func (r *fields) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > math.MaxInt32 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *fields) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (s *segment) count() int { return int(s.head.Count) }

// bury sets which articles have been replaced.
func (s *segment) bury(dead []byte) error {
	s.alive = newSet(s.count())
	s.dead = 0
	if len(dead) > 0 {
		if err := addDocs(s.alive, dead, s.count()); err != nil {
			return err
		}
		s.dead = s.alive.count()
	}
	for i := range s.alive {
		s.alive[i] = ^s.alive[i]
	}
	if n := s.count() & 63; n != 0 {
		s.alive[len(s.alive)-1] &= 1<<n - 1
	}
	return nil
}

// A place is where a list lies.
type place struct{ at, docs, places int64 }

// find returns where the list of a word lies; ok says whether it has one.
func (s *segment) find(buf *[]byte, word string) (p place, ok bool, err error) {
	i := sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].first > word }) - 1
	if i < 0 {
		return p, false, nil
	}
	err = s.walkBlock(buf, i, func(w []byte, at place) bool {
		order := strings.Compare(string(w), word) // does not allocate
		ok, p = order == 0, at
		return order < 0
	})
	return p, ok, err
}

// walkBlock calls yield with the words of a block and where their lists lie
// until it returns false.
func (s *segment) walkBlock(buf *[]byte, i int, yield func(word []byte, p place) bool) error {
	block := &s.blocks[i]
	var b []byte
	var err error
	if b, *buf, err = s.file.read(*buf, block.at, block.size); err != nil {
		return err
	}
	r := fields{rest: b}
	var room [maxKey]byte
	word := room[:0]
	p := place{at: block.lists}
	for len(r.rest) > 0 {
		shared := r.number()
		more := r.bytes(r.number())
		if r.bad || shared > uint64(len(word)) {
			return damaged(s.file.f.Name(), "its words are no words")
		}
		word = append(word[:shared], more...)
		p.docs, p.places = int64(r.number()), int64(r.number())
		if r.bad || p.at+p.docs+p.places > int64(s.head.Words) {
			return damaged(s.file.f.Name(), "its words are no words")
		}
		if !yield(word, p) {
			return nil
		}
		p.at += p.docs + p.places
	}
	return nil
}

// maxKey is room for most words and the fields before them.
const maxKey = 4*maxWord + 16

// read reads a list, with its places or without.
func (s *segment) read(buf *[]byte, p place, places bool) (l list, err error) {
	size := p.docs
	if places {
		size += p.places
	}
	var b []byte
	if b, *buf, err = s.file.read(*buf, p.at, size); err == nil {
		l = list{b[:p.docs:p.docs], b[p.docs:]}
	}
	return l, err
}

// holding adds to a set the articles that have a word.
func (s *segment) holding(buf *[]byte, word string, to set) error {
	p, ok, err := s.find(buf, word)
	if !ok || err != nil {
		return err
	}
	l, err := s.read(buf, p, false)
	if err != nil {
		return err
	}
	return addDocs(to, l.docs, s.count())
}

// id returns that of an article.
func (s *segment) id(buf *[]byte, n int) (id [idSize]byte, err error) {
	var b []byte
	b, *buf, err = s.file.read(*buf, int64(s.head.Articles)+int64(n*idSize), idSize)
	copy(id[:], b)
	return id, err
}

// ids returns those of all articles, one behind the other.
func (s *segment) ids(buf *[]byte) (b []byte, err error) {
	b, *buf, err = s.file.read(*buf, int64(s.head.Articles), int64(s.count()*idSize))
	return b, err
}

// rows returns what the segment holds of each article.
func (s *segment) rows(buf *[]byte, n *[len(nameKinds)]names) ([]row, error) {
	ids, err := s.ids(buf)
	if err != nil {
		return nil, err
	}
	rows := make([]row, s.count())
	for i := range rows {
		r := &rows[i]
		copy(r.id[:], ids[i*idSize:])
		if r.day = s.day[i]; r.day != 0 {
			r.published = s.published[i]
		}
		for kind := range nameKinds {
			r.names[kind] = n[kind].all[s.names[kind][i]]
		}
	}
	return rows, nil
}

// A wordWalk goes through the words of a segment.
type wordWalk struct {
	*segment
	numbers []int32 // of its articles in the new segment; -1 for those that are left out
	block   int
	words   []string
	places  []place
	buf     []byte
}

// next moves to the next word; false is the end.
func (w *wordWalk) next() (ok bool, err error) {
	if len(w.words) > 1 {
		w.words, w.places = w.words[1:], w.places[1:]
		return true, nil
	}
	w.words, w.places = w.words[:0], w.places[:0]
	if w.block == len(w.blocks) {
		return false, nil
	}
	err = w.walkBlock(&w.buf, w.block, func(word []byte, p place) bool {
		w.words, w.places = append(w.words, string(word)), append(w.places, p)
		return true
	})
	w.block++
	if err == nil && len(w.words) == 0 {
		err = damaged(w.file.f.Name(), "a block of words is empty")
	}
	return err == nil, err
}

// joinSegments writes a segment with the articles of others that have not been
// replaced. It holds one list in memory at a time.
func joinSegments(name string, old []*segment, n *[len(nameKinds)]names) error {
	return writeSegment(name, func(w *segmentWriter) error {
		var rows []row
		var walks []*wordWalk
		for _, s := range old {
			walk := &wordWalk{segment: s, numbers: make([]int32, s.count())}
			all, err := s.rows(&walk.buf, n)
			if err != nil {
				return err
			}
			for i := range all {
				walk.numbers[i] = -1
				if s.alive.has(i) {
					walk.numbers[i] = int32(len(rows))
					rows = append(rows, all[i])
				}
			}
			ok, err := walk.next()
			if err != nil {
				return err
			}
			if ok {
				walks = append(walks, walk)
			}
		}
		var b builder
		for len(walks) > 0 {
			word := slices.MinFunc(walks, func(a, b *wordWalk) int { return cmp.Compare(a.words[0], b.words[0]) }).words[0]
			b.reset()
			for _, walk := range walks {
				if walk.words[0] == word {
					if err := walk.copyTo(&b); err != nil {
						return err
					}
				}
			}
			if len(b.docs) > 0 {
				if err := w.add(word, b.list()); err != nil {
					return err
				}
			}
			rest := walks[:0]
			for _, walk := range walks {
				ok := true
				if walk.words[0] == word {
					var err error
					if ok, err = walk.next(); err != nil {
						return err
					}
				}
				if ok {
					rest = append(rest, walk)
				}
			}
			walks = rest
		}
		return w.end(rows)
	})
}

// copyTo adds the list of the word to another.
func (w *wordWalk) copyTo(b *builder) error {
	l, err := w.read(&w.buf, w.places[0], true)
	if err != nil {
		return err
	}
	if len(l.places) == 0 {
		docs, err := readDocs(l.docs, w.count(), nil)
		for _, n := range docs {
			if to := w.numbers[n]; to >= 0 {
				b.add(uint32(to), 0)
			}
		}
		return err
	}
	var walk walk
	if err := walk.start(l, w.count()); err != nil {
		return err
	}
	for len(walk.docs) > 0 {
		n := walk.docs[0]
		if to := w.numbers[n]; to >= 0 {
			places, err := walk.places()
			if err != nil {
				return err
			}
			b.addPlaces(uint32(to), places)
		}
		walk.to(n + 1)
	}
	return nil
}

// idText is how ids are written.
var idText = base32.StdEncoding.WithPadding(base32.NoPadding)

// idOf returns an id as it lies in a segment.
func idOf(id string) (b [idSize]byte, err error) {
	all, err := idText.DecodeString(strings.ToUpper(id))
	if err != nil || len(all) != idSize {
		return b, fmt.Errorf("%q is no id of an article", id)
	}
	return [idSize]byte(all), nil
}
