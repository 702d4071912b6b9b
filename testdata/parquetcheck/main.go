// Command parquetcheck reads a Parquet file with a library that others wrote,
// Apache's arrow-go, and ends with status 1 when anything in it is not what the
// same articles say as JSON: rows, values and the types of the columns. Given what
// duckdb.mjs has written, it does the same with that. It is a module of its own, so
// that nothing of theirs is in luutin.
//
//	go -C testdata/parquetcheck run . ALL.jsonl ALL.parquet [DUCKDB.jsonl]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// columns are all of a file, with their types in Arrow and in DuckDB.
var columns = [][3]string{
	{"id", "utf8", "VARCHAR"},
	{"version", "int32", "INTEGER"},
	{"url", "utf8", "VARCHAR"},
	{"canonical_url", "utf8", "VARCHAR"},
	{"aliases", "list<utf8>", "VARCHAR[]"},
	{"site", "utf8", "VARCHAR"},
	{"ministry", "utf8", "VARCHAR"},
	{"title", "utf8", "VARCHAR"},
	{"lead", "utf8", "VARCHAR"},
	{"body", "utf8", "VARCHAR"},
	{"blocks", "utf8", "VARCHAR"},
	{"published", moment, "TIMESTAMP WITH TIME ZONE"},
	{"published_offset_minutes", "int32", "INTEGER"},
	{"published_text", "utf8", "VARCHAR"},
	{"published_precision", "utf8", "VARCHAR"},
	{"modified", moment, "TIMESTAMP WITH TIME ZONE"},
	{"modified_offset_minutes", "int32", "INTEGER"},
	{"withdrawn", moment, "TIMESTAMP WITH TIME ZONE"},
	{"authors", "list<utf8>", "VARCHAR[]"},
	{"source", "utf8", "VARCHAR"},
	{"section", "utf8", "VARCHAR"},
	{"tags", "list<utf8>", "VARCHAR[]"},
	{"language", "utf8", "VARCHAR"},
	{"variants", "list<struct<language: utf8, url: utf8>>", `STRUCT("language" VARCHAR, url VARCHAR)[]`},
	{"images", "list<struct<url: utf8, caption: utf8, credit: utf8>>", "STRUCT(url VARCHAR, caption VARCHAR, credit VARCHAR)[]"},
	{"attachments", "list<struct<url: utf8, name: utf8, type: utf8>>", `STRUCT(url VARCHAR, "name" VARCHAR, "type" VARCHAR)[]`},
	{"related", "list<struct<url: utf8, title: utf8>>", "STRUCT(url VARCHAR, title VARCHAR)[]"},
	{"fetched", moment, "TIMESTAMP WITH TIME ZONE"},
	{"capture", "utf8", "VARCHAR"},
	{"content_hash", "utf8", "VARCHAR"},
	{"extractor", "utf8", "VARCHAR"},
	{"provenance", "utf8", "VARCHAR"},
}

const moment = "timestamp[us, tz=UTC]"

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "parquetcheck ALL.jsonl ALL.parquet [DUCKDB.jsonl]")
		os.Exit(2)
	}
	want, err := articles(os.Args[1])
	if err == nil && len(want) == 0 {
		err = fmt.Errorf("%s: no articles", os.Args[1])
	}
	failed := false
	tell := func(by string, types map[string]string, got []map[string]any, kind int, e error) {
		if e == nil {
			e = compare(want, got, types, kind)
		}
		if e != nil {
			failed = true
			fmt.Printf("%s: %v\n", by, e)
			return
		}
		fmt.Printf("%s: %d rows, all as they should be\n", by, len(got))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	types, got, err := arrowRows(os.Args[2])
	tell("apache/arrow-go", types, got, 1, err)
	if len(os.Args) > 3 {
		types, got, err := duckRows(os.Args[3])
		tell("DuckDB", types, got, 2, err)
	}
	if failed {
		os.Exit(1)
	}
}

// lines reads JSON objects, one a line.
func lines(name string) (all []map[string]any, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var row map[string]any
		if err := d.Decode(&row); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", name, len(all)+1, err)
		}
		all = append(all, row)
	}
}

// articles reads what is exported as JSON, and turns it into what a row is to hold.
func articles(name string) ([]map[string]any, error) {
	all, err := lines(name)
	for i, a := range all {
		for _, key := range []string{"published", "modified", "withdrawn", "fetched"} {
			s, ok := a[key].(string)
			if !ok {
				a[key] = nil
				continue
			}
			t, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				return nil, fmt.Errorf("%s: row %d: %s: %w", name, i+1, key, err)
			}
			a[key] = instant(t)
			if _, offset := t.Zone(); key == "published" || key == "modified" {
				a[key+"_offset_minutes"] = float64(offset / 60)
			}
		}
		for _, c := range columns {
			if a[c[0]] == nil {
				a[c[0]] = nil // a key that is missing is null, too
			}
		}
	}
	return all, err
}

// instant is a moment as it is compared.
func instant(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) }

func compare(want, got []map[string]any, types map[string]string, kind int) error {
	for _, c := range columns {
		if types[c[0]] != c[kind] {
			return fmt.Errorf("column %s is %q, want %q", c[0], types[c[0]], c[kind])
		}
	}
	if len(types) != len(columns) {
		return fmt.Errorf("%d columns, want %d: %v", len(types), len(columns), types)
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		for _, key := range []string{"blocks", "provenance"} { // JSON as text
			var v any
			text, _ := got[i][key].(string)
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				return fmt.Errorf("row %d: %s is %#v: %w", i+1, key, got[i][key], err)
			}
			got[i][key] = v
		}
		for key := range want[i] {
			if !slices.ContainsFunc(columns, func(c [3]string) bool { return c[0] == key }) {
				return fmt.Errorf("row %d: there is no column for %s", i+1, key)
			}
			if !reflect.DeepEqual(got[i][key], want[i][key]) {
				return fmt.Errorf("row %d: %s is %#v, want %#v", i+1, key, got[i][key], want[i][key])
			}
		}
	}
	return nil
}

func arrowRows(name string) (types map[string]string, rows []map[string]any, err error) {
	f, err := file.OpenParquetFile(name, false)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 7}, memory.DefaultAllocator)
	if err != nil {
		return nil, nil, err
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		return nil, nil, err
	}
	types = map[string]string{}
	for _, field := range table.Schema().Fields() {
		types[field.Name] = typeName(field.Type)
	}
	batches := array.NewTableReader(table, 5)
	for batches.Next() {
		batch := batches.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := map[string]any{}
			for c, column := range batch.Columns() {
				b, err := json.Marshal(valueOf(column, i))
				if err != nil {
					return nil, nil, err
				}
				var v any
				if err := json.Unmarshal(b, &v); err != nil {
					return nil, nil, err
				}
				row[batch.ColumnName(c)] = v
			}
			rows = append(rows, row)
		}
	}
	return types, rows, batches.Err()
}

// typeName names a type without what others call the elements of a list.
func typeName(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.ListType:
		return "list<" + typeName(t.Elem()) + ">"
	case *arrow.StructType:
		out := "struct<"
		for i, f := range t.Fields() {
			if i > 0 {
				out += ", "
			}
			out += f.Name + ": " + typeName(f.Type)
		}
		return out + ">"
	}
	return t.String()
}

func valueOf(a arrow.Array, i int) any {
	if t, ok := a.(*array.Timestamp); ok && a.IsValid(i) {
		return instant(t.Value(i).ToTime(t.DataType().(*arrow.TimestampType).Unit))
	}
	return a.GetOneForMarshal(i)
}

// duckRows reads what duckdb.mjs has written: the types, and then the rows.
func duckRows(name string) (types map[string]string, rows []map[string]any, err error) {
	all, err := lines(name)
	if err != nil || len(all) == 0 {
		return nil, nil, fmt.Errorf("%s: nothing in it: %w", name, err)
	}
	types = map[string]string{}
	for column, t := range all[0] {
		types[column] = fmt.Sprint(t)
	}
	for _, row := range all[1:] {
		for column, t := range types {
			s, ok := row[column].(string)
			if t != "TIMESTAMP WITH TIME ZONE" || !ok {
				continue
			}
			moment, err := time.Parse("2006-01-02 15:04:05.999999-07", s)
			if err != nil {
				return nil, nil, err
			}
			row[column] = instant(moment)
		}
	}
	return types, all[1:], nil
}
