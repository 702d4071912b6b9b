// Package search finds articles of an archive by their words. Its index is
// made from the archive alone and can be made again at any time.
//
// A word is found however it is typed: with its marks, without them, with the
// mark of tone on either vowel (hòa, hoà), in NFC or NFD. The index holds where
// each word stands without its marks, and which articles have it with them.
//
// It lies in an SQLite file: readers and a writer of several processes share it,
// and what a transaction did not finish is gone. FTS5, SQLite's own full-text
// search, was measured and is not used: in Go it needs a hundred milliseconds for
// what nearly every text has, as single syllables of Vietnamese are, and more room.
package search

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"luutin/store"
)

// FileName is the index's in the directory of an archive. SQLite keeps a -wal
// and a -shm beside it while it is open.
const FileName = "search.db"

// form is that of the file. One of another form is made anew.
const form = "1"

// maxReaders is how many readers, and connections, are kept for the next query.
const maxReaders = 8

// ErrNoIndex is returned by what reads an index that was never made.
var ErrNoIndex = errors.New("there is no search index; luutin index makes it")

// Options say how an index is opened.
type Options struct {
	ReadOnly bool // neither make nor write it
}

// An Index is the search index of one archive. It is safe for concurrent use,
// and by several processes at once.
type Index struct {
	archive  store.Archive
	path     string
	readOnly bool

	mu   sync.RWMutex // held for writing while db is exchanged
	db   *sql.DB
	docs docs

	readers chan *reader // that nobody uses
}

// Exists reports whether the archive in dir has an index.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, FileName))
	return err == nil
}

// Open opens the index in the directory of an archive, which it reads from and
// never closes. One that is missing, of another form or broken is begun anew,
// empty, unless it is opened for reading only: then ErrNoIndex is returned, or
// what is wrong.
func Open(dir string, archive store.Archive, o Options) (*Index, error) {
	x := &Index{readers: make(chan *reader, maxReaders), archive: archive, path: filepath.Join(dir, FileName), readOnly: o.ReadOnly}
	if o.ReadOnly {
		if _, err := os.Stat(x.path); errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNoIndex
		}
	}
	err := x.open()
	if broken(err) && !o.ReadOnly {
		err = x.again()
	}
	if err != nil {
		return nil, fmt.Errorf("open search index %s: %w", x.path, err)
	}
	return x, nil
}

// Close closes the index.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.db.Close()
}

var errForm = errors.New("the search index is of another form; luutin index --rebuild makes it anew")

// broken reports whether an error means that the file must be made anew.
func broken(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT:
			return true
		}
		return strings.Contains(e.Error(), "no such table")
	}
	return errors.Is(err, errForm)
}

// schema makes the tables.
//
// doc numbers the articles: an article that changes gets a new number. They are
// put in many at once, and each such chunk has a list for each of its words, so
// that nothing is written twice; small chunks are joined now and then. name holds
// the names that doc refers to, cursor how far each host has been read, state what
// the whole is.
var schema = []string{
	`CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID`,
	`CREATE TABLE cursor (host TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE name (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name))`,
	`CREATE TABLE doc (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, published INTEGER, day INTEGER NOT NULL,
		site INTEGER NOT NULL, ministry INTEGER NOT NULL, section INTEGER NOT NULL)`,
	`CREATE TABLE chunk (base INTEGER PRIMARY KEY, docs INTEGER NOT NULL)`,
	`CREATE TABLE places (chunk INTEGER NOT NULL, word TEXT NOT NULL, docs BLOB NOT NULL, places BLOB, PRIMARY KEY (chunk, word)) WITHOUT ROWID`,
	`INSERT INTO state VALUES ('form', '` + form + `'), ('generation', '0'), ('versions', '0')`,
}

func (x *Index) open() error {
	mode := "rwc"
	if x.readOnly {
		mode = "ro"
		if _, err := os.Stat(x.path + "-wal"); errors.Is(err, fs.ErrNotExist) {
			// Where nobody may write, SQLite cannot make the -shm that it shares with those who do.
			mode += "&immutable=1"
		}
	}
	// A transaction waits this long for one of another process that writes.
	name := "file:" + (&url.URL{Path: x.path}).EscapedPath() + "?mode=" + mode + "&_pragma=busy_timeout(10000)&_pragma=cache_size(-16384)&_pragma=mmap_size(8589934592)&_pragma=synchronous(NORMAL)"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(maxReaders)
	db.SetMaxIdleConns(maxReaders)
	err = x.prepare(db)
	if err != nil {
		db.Close()
		return err
	}
	x.db = db
	x.docs.forget()
	return nil
}

// prepare checks the form and makes the tables of a file that has none.
func (x *Index) prepare(db *sql.DB) error {
	ctx := context.Background()
	if x.readOnly {
		return checkForm(ctx, db)
	}
	// Many lists are longer than a page, and half a page is lost with each. An
	// index that is there keeps its own size.
	if _, err := db.ExecContext(ctx, "PRAGMA page_size=1024; PRAGMA journal_mode=WAL"); err != nil {
		return err
	}
	return immediately(ctx, db, func(c *sql.Conn) error {
		var tables int
		if err := c.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return err
		}
		if tables > 0 {
			return checkForm(ctx, c)
		}
		for _, s := range schema {
			if _, err := c.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func checkForm(ctx context.Context, q querier) error {
	got, err := state(ctx, q, "form")
	if err == nil && got != form {
		err = errForm
	}
	return err
}

func state(ctx context.Context, q querier, key string) (value string, err error) {
	err = q.QueryRowContext(ctx, "SELECT value FROM state WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = errForm
	}
	return value, err
}

// immediately runs f in a transaction that writes.
func immediately(ctx context.Context, db *sql.DB, f func(*sql.Conn) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err = f(c); err == nil {
		_, err = c.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// It may have ended already.
		_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// again begins the file anew.
func (x *Index) again() error {
	if x.readOnly {
		return errForm
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db != nil {
		x.db.Close()
		x.db = nil
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(x.path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return x.open()
}

// Rebuild empties the index and fills it from the archive; see Update.
func (x *Index) Rebuild(ctx context.Context, progress func(done, total int)) (n int, err error) {
	if x.readOnly {
		return 0, store.ErrReadOnly
	}
	if err := x.again(); err != nil {
		return 0, fmt.Errorf("rebuild search index: %w", err)
	}
	return x.Update(ctx, progress)
}

// Behind reports whether the archive has what the index does not.
func (x *Index) Behind(ctx context.Context) (bool, error) {
	stats, err := x.archive.Stats(ctx)
	if err != nil {
		return false, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	versions, err := state(ctx, x.db, "versions")
	return err != nil || versions != strconv.Itoa(stats.Versions), nil
}

// Update adds to the index what the archive has and it does not, and returns
// how many articles that were. What it has added is kept when it fails or is
// killed, and the next Update goes on from there. An index that is broken, or
// ahead of the archive, is made anew. Others that update it meanwhile are
// waited for. progress is called now and then; it may be nil.
func (x *Index) Update(ctx context.Context, progress func(done, total int)) (n int, err error) {
	if x.readOnly {
		return 0, store.ErrReadOnly
	}
	n, err = x.update(ctx, progress)
	if broken(err) {
		if err = x.again(); err == nil {
			n, err = x.update(ctx, progress)
		}
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("update search index: %w", err)
	}
	return n, err
}

var errAhead = fmt.Errorf("the search index has more than the archive: %w", errForm)

// batch is how many articles, and how many bytes of them, go into one transaction.
const (
	batchArticles = 16_000
	batchBytes    = 256 << 20
)

func (x *Index) update(ctx context.Context, progress func(done, total int)) (n int, err error) {
	stats, err := x.archive.Stats(ctx)
	if err != nil {
		return 0, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	value, err := state(ctx, x.db, "versions")
	if err != nil {
		return 0, err
	}
	versions, err := strconv.Atoi(value)
	switch {
	case err != nil || versions > stats.Versions:
		return 0, errAhead
	case versions == stats.Versions:
		return 0, nil
	}
	later, err := x.cursors(ctx)
	if err != nil {
		return 0, err
	}
	var w writer
	flush := func(last bool) error {
		err := immediately(ctx, x.db, func(c *sql.Conn) error {
			if last {
				w.versions = stats.Versions
			}
			return w.write(ctx, c)
		})
		n += len(w.batch)
		w.reset()
		if err == nil && progress != nil {
			progress(n, max(n, stats.Articles))
		}
		return err
	}
	for v, err := range x.archive.Articles(ctx, store.Query{Later: later}) {
		if err != nil {
			return n, err
		}
		if err := w.add(&v); err != nil {
			return n, err
		}
		if len(w.batch) >= batchArticles || w.bytes >= batchBytes {
			if err := flush(false); err != nil {
				return n, err
			}
		}
	}
	return n, flush(true)
}

func (x *Index) cursors(ctx context.Context) (map[string]string, error) {
	rows, err := x.db.QueryContext(ctx, "SELECT host, cursor FROM cursor")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var host, cursor string
		if err := rows.Scan(&host, &cursor); err != nil {
			return nil, err
		}
		all[host] = cursor
	}
	return all, rows.Err()
}

// A text is what is indexed of an article.
type text struct {
	ID        string
	Site      string
	Ministry  string
	Section   string
	Title     string
	Lead      string
	Body      string
	Authors   []string
	published int64
	day       int // 0 when it has no date
}

// A writer puts articles into the index, many at once.
type writer struct {
	reader   reader
	batch    []text
	bytes    int
	cursors  map[string]string
	versions int // 0 means that there are more to come

	lists map[string]*builder
}

func (w *writer) reset() {
	w.batch, w.bytes = w.batch[:0], 0
	clear(w.lists)
	clear(w.cursors)
}

func (w *writer) add(v *store.Version) error {
	var t text
	if err := json.Unmarshal(v.JSON, &t); err != nil {
		return fmt.Errorf("article %s: %w", v.ID, err)
	}
	t.ID, t.Site = v.ID, v.Site
	if !v.Published.IsZero() {
		t.published, t.day = v.Published.Unix(), dayOf(v.Published)
	}
	if w.cursors == nil {
		w.cursors = map[string]string{}
	}
	if w.lists == nil {
		w.lists = map[string]*builder{}
	}
	n := uint32(len(w.batch) + 1)
	place := w.enter(n, 1, titleWord, t.Title)
	place = w.enter(n, place, authorWord, t.Authors...)
	w.enter(n, place, "", t.Lead, t.Body)
	w.bytes += len(v.JSON)
	w.cursors[v.Host] = v.Cursor
	t.Title, t.Lead, t.Body, t.Authors = "", "", "", nil
	w.batch = append(w.batch, t)
	return nil
}

// What stands in places before a word of a title, and one of an author.
const (
	titleWord  = "title:"
	authorWord = "author:"
)

// enter enters the words of texts of the nth article: folded, with their marks,
// and as those of their field. The words are counted on from place; between two
// texts nothing is side by side. It returns the place of what comes next.
func (w *writer) enter(n, place uint32, field string, texts ...string) uint32 {
	add := func(word string, place uint32) {
		b := w.lists[word]
		if b == nil {
			b = &builder{}
			w.lists[word] = b
		}
		b.add(n, place)
	}
	for _, t := range texts {
		w.reader.words(t, func(word word) {
			add(word.folded, place)
			if word.marked != "" {
				add(word.marked, 0)
			}
			if field != "" {
				add(field+word.folded, place)
			}
			place++
		})
		place++
	}
	return place
}

func (w *writer) write(ctx context.Context, c *sql.Conn) error {
	statements := make([]*sql.Stmt, 0, 8)
	defer func() {
		for _, s := range statements {
			s.Close()
		}
	}()
	for _, s := range []string{
		"SELECT n FROM doc WHERE id = ?",
		"DELETE FROM doc WHERE n = ?",
		"INSERT INTO doc (id, published, day, site, ministry, section) VALUES (?, ?, ?, ?, ?, ?) RETURNING n",
		"INSERT INTO places VALUES (?, ?, ?, ?)",
	} {
		p, err := c.PrepareContext(ctx, s)
		if err != nil {
			return err
		}
		statements = append(statements, p)
	}
	var base int64
	numbers := map[[2]string]int64{}
	number := func(kind, name string) (n int64, err error) {
		if n, ok := numbers[[2]string{kind, name}]; ok {
			return n, nil
		}
		err = c.QueryRowContext(ctx, "SELECT n FROM name WHERE kind = ? AND name = ?", kind, name).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			err = c.QueryRowContext(ctx, "INSERT INTO name (kind, name) VALUES (?, ?) RETURNING n", kind, name).Scan(&n)
		}
		numbers[[2]string{kind, name}] = n
		return n, err
	}
	for i := range w.batch {
		t := &w.batch[i]
		var old int64
		switch err := statements[0].QueryRowContext(ctx, t.ID).Scan(&old); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		default:
			if _, err := statements[1].ExecContext(ctx, old); err != nil {
				return err
			}
		}
		var names [3]int64
		for i, name := range [3]string{t.Site, t.Ministry, t.Section} {
			var err error
			if names[i], err = number(nameKinds[i], name); err != nil {
				return err
			}
		}
		var n int64 // numbers follow each other: nobody else writes
		err := statements[2].QueryRowContext(ctx, t.ID, t.published, t.day, names[0], names[1], names[2]).Scan(&n)
		if err != nil {
			return err
		}
		if i == 0 {
			base = n - 1
		}
		if n != base+int64(i)+1 {
			return errForm
		}
	}
	for _, word := range slices.Sorted(maps.Keys(w.lists)) {
		l := w.lists[word].list()
		if _, err := statements[3].ExecContext(ctx, base, word, l.docs, l.places); err != nil {
			return err
		}
	}
	if len(w.batch) > 0 {
		if _, err := c.ExecContext(ctx, "INSERT INTO chunk VALUES (?, ?)", base, len(w.batch)); err != nil {
			return err
		}
		if err := joinChunks(ctx, c); err != nil {
			return err
		}
	}
	for host, cursor := range w.cursors {
		if _, err := c.ExecContext(ctx, "INSERT INTO cursor VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET cursor = max(cursor, excluded.cursor)", host, cursor); err != nil {
			return err
		}
	}
	if w.versions != 0 {
		if _, err := c.ExecContext(ctx, "UPDATE state SET value = ? WHERE key = 'versions'", strconv.Itoa(w.versions)); err != nil {
			return err
		}
	}
	_, err := c.ExecContext(ctx, "UPDATE state SET value = value + 1 WHERE key = 'generation'")
	return err
}

// joinChunks makes one of the last chunks when there are many small ones.
func joinChunks(ctx context.Context, c *sql.Conn) error {
	const many = 16
	rows, err := c.QueryContext(ctx, "SELECT base, docs FROM chunk ORDER BY base DESC")
	if err != nil {
		return err
	}
	base, docs, chunks := 0, 0, 0
	for rows.Next() {
		var b, n int
		if err := rows.Scan(&b, &n); err != nil {
			rows.Close()
			return err
		}
		if docs+n > batchArticles {
			break
		}
		base, docs, chunks = b, docs+n, chunks+1
	}
	if err := errors.Join(rows.Close(), rows.Err()); err != nil || chunks < many {
		return err
	}
	lists := map[string]list{}
	if rows, err = c.QueryContext(ctx, "SELECT chunk, word, docs, places FROM places WHERE chunk >= ? ORDER BY chunk", base); err != nil {
		return err
	}
	for rows.Next() {
		var chunk int
		var word string
		var l list
		if err = rows.Scan(&chunk, &word, &l.docs, &l.places); err != nil {
			break
		}
		if l, err = joined(lists[word], l, uint32(chunk-base)); err != nil {
			break
		}
		lists[word] = l
	}
	if err := errors.Join(err, rows.Close(), rows.Err()); err != nil {
		return err
	}
	for _, s := range []string{"DELETE FROM places WHERE chunk >= ?", "DELETE FROM chunk WHERE base >= ?"} {
		if _, err := c.ExecContext(ctx, s, base); err != nil {
			return err
		}
	}
	for _, word := range slices.Sorted(maps.Keys(lists)) {
		if _, err := c.ExecContext(ctx, "INSERT INTO places VALUES (?, ?, ?, ?)", base, word, lists[word].docs, lists[word].places); err != nil {
			return err
		}
	}
	_, err = c.ExecContext(ctx, "INSERT INTO chunk VALUES (?, ?)", base, docs)
	return err
}

var nameKinds = [3]string{"site", "ministry", "section"}
