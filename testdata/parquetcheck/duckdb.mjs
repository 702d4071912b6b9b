// What DuckDB reads in a Parquet file: an object with the types of the columns, and
// one of each row.
//
//	node duckdb.mjs ALL.parquet OUT.jsonl
import { createWriteStream, readFileSync, rmSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const [, , parquet, out] = process.argv;
const db = await (await DuckDBInstance.create(':memory:')).connect();
const quoted = (s) => `'${s.replaceAll("'", "''")}'`;
// Extensions are not asked for: what is not built in is not there.
await db.run("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'");
const columns = (await db.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${quoted(parquet)})`)).getRowObjects();
await db.run(`COPY (SELECT * FROM read_parquet(${quoted(parquet)})) TO ${quoted(out + '.rows')} (FORMAT json)`);
const file = createWriteStream(out);
file.write(JSON.stringify(Object.fromEntries(columns.map((c) => [c.column_name, c.column_type]))) + '\n');
file.end(readFileSync(out + '.rows'));
rmSync(out + '.rows');
