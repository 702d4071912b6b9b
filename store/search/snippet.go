package search

import (
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// snippetWords is how many words a snippet has.
const snippetWords = 36

// hit is an article, which is given as JSON, as it is shown.
func (r *request) hit(read *reader, article []byte) (h Hit, err error) {
	var lead, text string
	gjson.ParseBytes(article).ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "id":
			h.ID = value.String()
		case "canonical_url":
			h.URL = value.String()
		case "site":
			h.Site = value.String()
		case "ministry":
			h.Ministry = value.String()
		case "section":
			h.Section = value.String()
		case "published":
			if value.Type != gjson.Null {
				var t time.Time
				if t, err = time.Parse(time.RFC3339, value.String()); err == nil {
					h.Published = &t
				}
			}
		case "published_precision":
			h.Precision = value.String()
		case "authors":
			for _, a := range value.Array() {
				h.Authors = append(h.Authors, a.String())
			}
		case "title":
			h.Title = value.String()
		case "lead":
			lead = value.String()
		case "body":
			text = value.String()
		}
		return err == nil
	})
	if err != nil {
		return h, err
	}
	if lead != "" {
		text = lead + "\n\n" + text
	}
	read.skip = skipOther(r.words())
	defer func() { read.skip = nil }()
	title := wordsOf(read, nil, h.Title)
	body := wordsOf(read, read.buf, text)
	read.buf = body
	exact := true // every word has the marks that were typed
	for _, t := range r.all {
		for _, w := range t.words {
			is := func(is word) bool { return is.marked == w.marked }
			exact = exact && (w.marked == "" || slices.ContainsFunc(body, is) || slices.ContainsFunc(title, is))
		}
	}
	h.Headline = pieces(h.Title, title, r.marks(title, "title", exact), 0, len(title))
	marks := r.marks(body, "", exact)
	from, to := window(marks, r)
	h.Snippet = pieces(text, body, marks, from, to)
	return h, nil
}

// words are all that are looked for.
func (r *request) words() (all []word) {
	for _, t := range r.all {
		all = append(all, t.words...)
	}
	return all
}

// wordsOf returns the words of a text, in buf where there is room.
func wordsOf(read *reader, buf []word, s string) []word {
	words := buf[:0]
	read.words(s, func(w word) { words = append(words, w) })
	return words
}

// marks says of each word which term it belongs to, counted from 1; 0 is none.
func (r *request) marks(words []word, field string, exact bool) []int {
	marks := make([]int, len(words))
	for i, t := range r.all {
		if t.field != "" && t.field != field {
			continue
		}
		for at := 0; at+len(t.words) <= len(words); at++ {
			same := true
			for j, w := range t.words {
				is := words[at+j]
				if w.folded != is.folded || exact && w.marked != "" && w.marked != is.marked {
					same = false
					break
				}
			}
			if same {
				for j := range t.words {
					marks[at+j] = i + 1
				}
			}
		}
	}
	return marks
}

// window finds the words with the most terms in them, and of such the most
// words side by side.
func window(marks []int, r *request) (from, to int) {
	if len(marks) <= snippetWords {
		return 0, len(marks)
	}
	counts := make([]int, len(r.all)+1)
	distinct, runs, best, first := 0, 0, -1, -1
	for i, m := range marks {
		if m != 0 {
			if counts[m]++; counts[m] == 1 {
				distinct++
			}
			if i > 0 && marks[i-1] != 0 && marks[i-1] != m {
				runs++
			}
		}
		if out := i - snippetWords; out >= 0 && marks[out] != 0 {
			if counts[marks[out]]--; counts[marks[out]] == 0 {
				distinct--
			}
			if marks[out+1] != 0 && marks[out+1] != marks[out] {
				runs--
			}
		}
		if score := distinct*snippetWords + runs; score > best && score > 0 {
			best, first = score, i
		}
	}
	if first < 0 {
		return 0, snippetWords
	}
	// The last word of the best window stands at first: show what follows too.
	from = max(first-snippetWords+1, 0)
	for from < first && marks[from] == 0 {
		from++
	}
	from = max(from-(snippetWords-(first-from+1))/2, 0)
	return from, min(from+snippetWords, len(marks))
}

// pieces cuts the words from … to of a text where marks begin and end.
func pieces(s string, words []word, marks []int, from, to int) []Piece {
	if from >= to {
		if s == "" {
			return nil
		}
		return []Piece{{Text: strings.TrimSpace(s[:min(len(s), cut(s))])}}
	}
	var all []Piece
	begin, end := words[from].from, words[to-1].to
	if from == 0 {
		begin = 0
	} else {
		all = append(all, Piece{Text: "… "})
	}
	if to == len(words) {
		end = len(s)
	}
	add := func(text string, mark bool) {
		if !mark {
			text = strings.ReplaceAll(text, "\n\n", " ")
		}
		switch {
		case text == "":
		case len(all) > 0 && all[len(all)-1].Mark == mark:
			all[len(all)-1].Text += text
		default:
			all = append(all, Piece{text, mark})
		}
	}
	at := begin
	for i := from; i < to; i++ {
		if marks[i] == 0 {
			continue
		}
		last := i
		for last+1 < to && marks[last+1] != 0 && strings.TrimSpace(s[words[last].to:words[last+1].from]) == "" {
			last++
		}
		add(s[at:words[i].from], false)
		add(s[words[i].from:words[last].to], true)
		at, i = words[last].to, last
	}
	add(s[at:end], false)
	if to < len(words) {
		add(" …", false)
	}
	return all
}

// cut is where a text without words is cut.
func cut(s string) int {
	for i := range s {
		if i > 200 {
			return i
		}
	}
	return len(s)
}
