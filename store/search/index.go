// Package search finds articles of an archive by their words. Its index is
// made from the archive alone and can be made again at any time. It is kept by
// SQLite's FTS5; nothing else here knows that.
//
// A word is found however it is typed: with its marks, without them, with the
// mark of tone on either vowel (hòa, hoà), in NFC or NFD. The index holds the
// words without their marks, with their places, and beside them which marked
// words each article has: it takes a half to two thirds of the bytes of the text.
package search

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
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
	x := &Index{archive: archive, path: filepath.Join(dir, FileName), readOnly: o.ReadOnly}
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

func busy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// schema makes the tables.
//
// The words stand without their text (contentless). doc numbers the articles:
// an article that changes gets a new number. name holds the names that doc
// refers to, cursor how far each host has been read, state what the whole is.
var schema = []string{
	`CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID`,
	`CREATE TABLE cursor (host TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE name (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name))`,
	`CREATE TABLE doc (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, published INTEGER, day INTEGER NOT NULL,
		site INTEGER NOT NULL, ministry INTEGER NOT NULL, section INTEGER NOT NULL)`,
	`CREATE VIRTUAL TABLE words USING fts5 (title, author, body, content='', contentless_delete=1, tokenize='ascii')`,
	`CREATE VIRTUAL TABLE marks USING fts5 (word, content='', contentless_delete=1, tokenize='ascii', detail=none)`,
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
	name := "file:" + (&url.URL{Path: x.path}).EscapedPath() + "?mode=" + mode + "&_pragma=busy_timeout(10000)&_pragma=cache_size(-16384)&_pragma=synchronous(NORMAL)"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
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
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode=WAL"); err != nil {
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
	batchArticles = 1000
	batchBytes    = 8 << 20
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
				w.whole = n+len(w.batch) > 10_000 && len(later) == 0
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

	words [3]string // title, author, body
	marks string
}

// A writer puts articles into the index, many at once.
type writer struct {
	reader   reader
	batch    []text
	bytes    int
	cursors  map[string]string
	versions int  // 0 means that there are more to come
	whole    bool // the index was filled from nothing

	buf   strings.Builder
	marks map[string]bool
}

func (w *writer) reset() {
	w.batch, w.bytes = w.batch[:0], 0
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
	if w.marks == nil {
		w.marks = map[string]bool{}
	}
	clear(w.marks)
	t.words = [3]string{w.folded(t.Title), w.folded(t.Authors...), w.folded(t.Lead, t.Body)}
	w.buf.Reset()
	for m := range w.marks {
		w.buf.WriteString(m)
		w.buf.WriteByte(' ')
	}
	t.marks = w.buf.String()
	w.bytes += len(v.JSON)
	w.cursors[v.Host] = v.Cursor
	t.Title, t.Lead, t.Body, t.Authors = "", "", "", nil
	w.batch = append(w.batch, t)
	return nil
}

// folded returns the words of texts, and keeps their marked forms.
func (w *writer) folded(texts ...string) string {
	w.buf.Reset()
	for _, t := range texts {
		w.reader.words(t, func(word word) {
			w.buf.WriteString(word.folded)
			w.buf.WriteByte(' ')
			if word.marked != "" {
				w.marks[word.marked] = true
			}
		})
	}
	return w.buf.String()
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
		"DELETE FROM words WHERE rowid = ?",
		"DELETE FROM marks WHERE rowid = ?",
		"DELETE FROM doc WHERE n = ?",
		"INSERT INTO doc (id, published, day, site, ministry, section) VALUES (?, ?, ?, ?, ?, ?)",
		"INSERT INTO words (rowid, title, author, body) VALUES (?, ?, ?, ?)",
		"INSERT INTO marks (rowid, word) VALUES (?, ?)",
	} {
		p, err := c.PrepareContext(ctx, s)
		if err != nil {
			return err
		}
		statements = append(statements, p)
	}
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
			for _, s := range statements[1:4] {
				if _, err := s.ExecContext(ctx, old); err != nil {
					return err
				}
			}
		}
		var names [3]int64
		for i, name := range [3]string{t.Site, t.Ministry, t.Section} {
			var err error
			if names[i], err = number(nameKinds[i], name); err != nil {
				return err
			}
		}
		added, err := statements[4].ExecContext(ctx, t.ID, t.published, t.day, names[0], names[1], names[2])
		if err != nil {
			return err
		}
		n, err := added.LastInsertId()
		if err != nil {
			return err
		}
		if _, err := statements[5].ExecContext(ctx, n, t.words[0], t.words[1], t.words[2]); err != nil {
			return err
		}
		if _, err := statements[6].ExecContext(ctx, n, t.marks); err != nil {
			return err
		}
	}
	for host, cursor := range w.cursors {
		if _, err := c.ExecContext(ctx, "INSERT INTO cursor VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET cursor = max(cursor, excluded.cursor)", host, cursor); err != nil {
			return err
		}
	}
	if w.whole { // one segment is smaller and faster than many
		for _, table := range []string{"words", "marks"} {
			if _, err := c.ExecContext(ctx, "INSERT INTO "+table+" ("+table+") VALUES ('optimize')"); err != nil {
				return err
			}
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

var nameKinds = [3]string{"site", "ministry", "section"}
